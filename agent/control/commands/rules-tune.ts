/** `picket rules tune | tuned | untune`: how this site hears its rules, over the running agent. */
import { isoFromUs } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import {
  ACTS,
  type Act,
  type OverrideAsked,
  type OverrideView,
  tunedWord,
} from '../../detect/overrides.ts'
import { AgentClient } from '../agent-client.ts'
import { keysForCli } from '../keys-client.ts'
import { print, printJson, required, table } from './options.ts'

const DAYS_MAX = 3650
const DAY_MS = 86_400_000
const SIDES = { src: 'src', dest: 'dest', either: 'either' } as const

export const TUNE_OPTIONS = {
  act: { type: 'string' },
  src: { type: 'string' },
  dest: { type: 'string' },
  either: { type: 'string' },
  limit: { type: 'string' },
  track: { type: 'string' },
  comment: { type: 'string' },
  days: { type: 'string' },
} as const

export type TuneValues = { [K in keyof typeof TUNE_OPTIONS]?: string | undefined }

/** What the options ask for; the agent checks every part again. */
export function tuneAsked(rule_id: string, values: TuneValues, nowMs: number): OverrideAsked {
  const comment = required(values.comment, 'comment')
  const days = values.days === undefined ? undefined : Number(values.days)
  if (days !== undefined && !(days > 0 && days <= DAYS_MAX))
    throw new Failure('invalid', `--days is a number up to ${DAYS_MAX}.`)
  const sides = (['src', 'dest', 'either'] as const).filter((side) => values[side] !== undefined)
  if (sides.length > 1)
    throw new Failure('invalid', 'Give one of --src, --dest and --either. Try --help.')
  const [side] = sides
  const act = values.act ?? (values.limit === undefined ? 'suppress' : 'threshold')
  if (!ACTS.includes(act as Act))
    throw new Failure('invalid', `--act is one of ${ACTS.join(', ')}.`)
  return {
    rule_id,
    act: act as Act,
    comment,
    ...(days !== undefined && { expires: Math.round((nowMs + days * DAY_MS) * 1000) }),
    ...(side && { where: { side: SIDES[side], address: values[side] as string } }),
    ...(values.limit !== undefined && { threshold: limitOf(values.limit, values.track) }),
  }
}

/** `N/SECONDS` */
function limitOf(text: string, track = 'by_src'): NonNullable<OverrideAsked['threshold']> {
  const [, count, seconds] = /^(\d{1,7})\/(\d{1,5})$/.exec(text) ?? []
  if (count === undefined || seconds === undefined)
    throw new Failure('invalid', '--limit is COUNT/SECONDS, such as 1/3600.')
  const tracks = ['by_src', 'by_dst', 'by_both', 'by_rule'] as const
  const found = tracks.find((each) => each === track)
  if (!found) throw new Failure('invalid', `--track is one of ${tracks.join(', ')}.`)
  return { kind: 'limit', track: found, count: Number(count), seconds: Number(seconds) }
}

export async function tune(data: string, asked: OverrideAsked, asJson: boolean): Promise<void> {
  const made = await audited(data, 'rules.tuned', tunedWord(asked), (agent) =>
    agent.tune(asked, 'console'),
  )
  if (asJson) printJson(made)
  else
    print(
      `In force: ${made.override_id}. Take it back with: picket rules untune ${made.override_id}`,
    )
}

export async function untune(data: string, override_id: string, asJson: boolean): Promise<void> {
  const gone = await audited(data, 'rules.untuned', override_id, (agent) =>
    agent.untune(override_id),
  )
  if (asJson) printJson(gone)
  else print(`${gone.rule_id} is heard again as it was written.`)
}

export async function tuned(data: string, asJson: boolean): Promise<void> {
  const agent = await AgentClient.open(data, 'cli')
  try {
    const view = await agent.tuning()
    if (asJson) return printJson(view)
    if (view.overrides.length === 0) return print('Every rule is heard as it was written.')
    print(
      table([['OVERRIDE', 'RULE', 'WHAT', 'UNTIL', 'HELD', 'WHY'], ...view.overrides.map(rowOf)]),
    )
  } finally {
    agent.close()
  }
}

function rowOf({
  override_id,
  rule_id,
  act,
  where,
  threshold,
  expires,
  held,
  comment,
}: OverrideView): string[] {
  const what = [
    act,
    where && `${where.side} ${where.address}`,
    threshold && `${threshold.kind} ${threshold.count}/${threshold.seconds} s ${threshold.track}`,
  ]
  return [
    override_id,
    rule_id,
    what.filter((each) => each).join(' '),
    expires === undefined ? 'taken back' : isoFromUs(expires),
    String(held),
    comment,
  ]
}

/** The line first; then the act; then what became of it. */
async function audited<T>(
  data: string,
  verb: string,
  subject: string,
  act: (agent: AgentClient) => Promise<T>,
): Promise<T> {
  const agent = await AgentClient.open(data, 'cli')
  const keys = keysForCli(data)
  try {
    await keys.audit({ verb, subject, outcome: 'intent' })
    try {
      const made = await act(agent)
      await keys.audit({ verb, subject, outcome: 'done' })
      return made
    } catch (error) {
      await keys.audit({ verb, subject, outcome: 'failed' })
      throw error
    }
  } finally {
    agent.close()
    keys.close()
  }
}
