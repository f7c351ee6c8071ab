/** What `picket breach` makes of the record of a run: a result an attempt, and of the others why not. */
import { table } from './commands/options.ts'

const UNWRITTEN = 'The layer is built; nobody has written this attempt yet.'

export interface Entry {
  id: string
  layer: string
  name: string
}

interface Control {
  layer: string
  outcome: 'through' | 'stopped' | 'unproven'
  by: string
}

/** A line of the record that test/breach/attempt.ts writes; several of one id are several ways of one attempt. */
export interface Line {
  id: string
  begun?: true
  by?: string
  outcome: Outcome
  stoppedBy?: string
  because?: string
  controls: readonly Control[]
  ms: number
}

const OUTCOMES = ['escaped', 'error', 'unproven', 'blocked', 'skipped'] as const
type Outcome = (typeof OUTCOMES)[number]

interface Result extends Entry {
  outcome: Outcome
  stoppedBy: string[]
  because?: string
  ways: number
  controls: readonly Control[]
  ms: number
}

/** Why an attempt is not made: by its own id, or by its layer. */
export interface Reasons {
  layers: Readonly<Record<string, string>>
  attempts: Readonly<Record<string, string>>
}

type NotYet = Entry & { because: string }

export interface Report {
  attempts: number
  blocked: number
  escaped: number
  /** Neither: a control that did not show its layer, or an attempt that broke off. */
  failed: number
  controls: number
  notYet: NotYet[]
  results: Result[]
}

/** `lines` may be of other attempts too: only those wanted are told of. */
export function reportOf(
  wanted: readonly Entry[],
  lines: readonly Line[],
  notYet: Reasons,
): Report {
  const byId = Map.groupBy(lines, ({ id }) => id)
  const results = wanted.flatMap((entry) => {
    const own = byId.get(entry.id)
    return own ? [resultOf(entry, own)] : []
  })
  const done = results.filter(({ outcome }) => outcome !== 'skipped')
  const count = (...of: Outcome[]) => done.filter(({ outcome }) => of.includes(outcome)).length
  return {
    attempts: done.length,
    blocked: count('blocked'),
    escaped: count('escaped'),
    failed: count('error', 'unproven'),
    controls: done.reduce((sum, { controls }) => sum + controls.filter(({ outcome }) => outcome !== 'unproven').length, 0), // biome-ignore format: one line
    notYet: [
      ...results.flatMap(({ id, layer, name, outcome, because = '' }) =>
        outcome === 'skipped' ? [{ id, layer, name, because }] : [],
      ),
      ...reasons(
        wanted.filter(({ id }) => !byId.has(id)),
        notYet,
      ),
    ],
    results: done,
  }
}

/** The worst of its ways is how an attempt ended. */
function resultOf({ id, layer, name }: Entry, lines: readonly Line[]): Result {
  const ended = lines.filter(({ begun }) => !begun)
  // One that began and never ended broke off: a stage that did not come up.
  const begun = lines.length - ended.length
  const outcomes = new Set(ended.map((each) => each.outcome).concat(ended.length < begun ? ['error'] : [])) // biome-ignore format: one line
  const outcome = OUTCOMES.find((each) => outcomes.has(each)) ?? 'error'
  const because = ended.find((each) => each.outcome === outcome)?.because
  return {
    ...{ id, layer, name, outcome },
    stoppedBy: [...new Set(ended.flatMap(({ stoppedBy }) => stoppedBy ?? []))],
    ...(because === undefined ? {} : { because }),
    ways: begun,
    controls: ended.flatMap(({ controls }) => controls),
    ms: ended.reduce((sum, { ms }) => sum + ms, 0),
  }
}

function reasons(entries: readonly Entry[], { layers, attempts }: Reasons): NotYet[] {
  return entries.map(({ id, layer, name }) => {
    const because = attempts[id] ?? layers[layer] ?? UNWRITTEN
    return { id, layer, name, because }
  })
}

export function textOf({
  attempts,
  blocked,
  escaped,
  failed,
  controls,
  notYet,
  results,
}: Report): string {
  const layers = [...Map.groupBy(results, ({ layer }) => layer)].map(([layer, own]) => {
    const count = (outcome: Outcome) => `${own.filter((each) => each.outcome === outcome).length}`
    const shown = own
      .flatMap((each) => each.controls)
      .filter(({ outcome }) => outcome !== 'unproven')
    return [layer, `${own.length}`, count('blocked'), count('escaped'), `${shown.length}`]
  })
  const bad = results
    .filter(({ outcome }) => outcome !== 'blocked')
    .map(({ id, outcome, name, because, controls }) => {
      const why =
        because ?? controls.find((each) => each.outcome === 'unproven')?.by ?? 'it broke off'
      return `${outcome.toUpperCase()} ${id} ${name}: ${why}`
    })
  const missing = [...Map.groupBy(notYet, ({ because }) => because)].map(([because, own]) => [
    `${own.length}`,
    because,
    own.map(({ id }) => id).join(' '),
  ])
  return [
    table([['layer', 'attempts', 'blocked', 'escaped', 'controls shown'], ...layers]),
    ...bad,
    ...(missing.length > 0 ? [`Not yet:\n${table(missing)}`] : []),
    `${attempts} attempts, ${blocked} blocked, ${escaped} escaped${failed > 0 ? `, ${failed} not proven` : ''}; ${controls} controls shown, ${notYet.length} not yet.`,
  ].join('\n\n')
}
