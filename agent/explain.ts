/**
 * "Why did this (not) fire?": a rule's ladder over a capture, through the same path as everything else. Says the last
 * condition that held, the packets it held on, and what became of the matches of the whole rule.
 */
import { parsePrefix } from './base/address.ts'
import { Failure } from './base/failure.ts'
import type { CaptureSource } from './capture/source.ts'
import type { Json } from './detect/eve-app.ts'
import { Overrides } from './detect/overrides.ts'
import { ladderOf, type Rung } from './detect/signatures/ladder.ts'
import { RuleSet } from './detect/signatures/rule-set.ts'
import { ruleLines } from './detect/signatures/rule-text.ts'
import { Thresholds } from './detect/signatures/thresholds.ts'
import { defaultVariables } from './detect/signatures/variables.ts'
import { INSPECTION, type Inspection } from './inspection.ts'
import { Inspector } from './inspector.ts'
import type { SeenAlert } from './shard-messages.ts'

const PLACES_MAX = 5
const SAID_BYTES_MAX = 400
const SAID = ['http', 'dns', 'tls', 'ssh', 'smb', 'dcerpc', 'smtp', 'ftp', 'krb5', 'modbus', 'dnp3']

export interface Place {
  /** Number in the capture, from 1; absent where it is the end of a flow. */
  packet?: number
  src: string
  dest: string
  /** What the protocol said there, shortened. */
  said?: string
}

export interface RungResult {
  condition: string
  held: number
  places: Place[]
}

export interface Explanation {
  rule_id: string
  msg: string
  file: string
  line: number
  packets: number
  rungs: RungResult[]
  /** Matches of the whole rule, and what of them was said. */
  matches: number
  told: number
  belowThreshold: number
  heldBack: { override_id: string; comment: string; held: number }[]
  /** The first condition that never held; nothing when all held. */
  stoppedBy?: { condition: string; after: Place[] }
  /** A rule with the action pass lets these flows go before. */
  passed: boolean
  /** Work that a bound cut short: what lies behind it was not judged. */
  incomplete: number
}

export interface ExplainOptions {
  rule: string
  ruleFiles: readonly { path: string; text: string }[]
  home: string[]
  overrides?: Overrides
  inspection?: Inspection
  /** A fresh one each time it is called. */
  capture: () => AsyncIterable<CaptureSource>
}

interface Found {
  sid: number
  file: string
  line: number
  text: string
}

/** @throws Failure `not-found` when no file has the rule, `invalid` when it does not load */
export async function explain(options: ExplainOptions): Promise<Explanation> {
  const { rule, ruleFiles, home, inspection = INSPECTION } = options
  const sid = sidOf(rule)
  const found = findRule(ruleFiles, sid)
  const groups = defaultVariables(home)
  const variables = {
    addresses: { ...groups.addresses, ...inspection.vars['address-groups'] },
    ports: { ...groups.ports, ...inspection.vars['port-groups'] },
  }
  const { ruleSet: alone, refused } = RuleSet.load(
    [{ path: found.file, text: found.text }],
    variables,
  )
  const [why] = refused
  if (why)
    throw new Failure(
      'invalid',
      `sid:${sid} does not load: ${why.keyword ? `${why.keyword}: ` : ''}${why.reason}.`,
    )
  const rungs = ladderOf(found.text, variables)
  const files = [...ruleFiles, { path: 'ladder', text: rungs.map(({ text }) => text).join('\n') }]
  const climb = async (sources: typeof files) => {
    const run = new Climb(RuleSet.load(sources, variables).ruleSet, sid, rungs, options)
    for await (const capture of options.capture()) await run.read(capture)
    return run.end()
  }
  const seen = await climb(files)
  const [info] = alone.describe()
  const about = { rule_id: `sid:${sid}`, msg: info?.msg ?? '', file: found.file, line: found.line }
  const passes = files.map(({ path, text }) => ({ path, text: withoutPass(text) }))
  const unpassed = passes.some(({ text }, i) => text !== files[i]?.text)
    ? await climb(passes)
    : seen
  const passed = unpassed.rungs.some(({ held }, i) => held > 0 && seen.rungs[i]?.held === 0)
  return { ...about, ...seen, passed }
}

class Climb {
  readonly #held = new Map<number, { held: number; places: Place[] }>()
  readonly #inspector: Inspector
  readonly #thresholds: Thresholds
  readonly #overrides: Overrides
  readonly #rungs: readonly Rung[]
  #packets = 0
  #matches = 0
  #told = 0
  #belowThreshold = 0

  constructor(ruleSet: RuleSet, sid: number, rungs: readonly Rung[], options: ExplainOptions) {
    const { home, inspection = INSPECTION, overrides = new Overrides() } = options
    this.#rungs = rungs
    this.#overrides = overrides
    this.#thresholds = new Thresholds(ruleSet)
    const prefixes = home.map(parsePrefix)
    this.#inspector = new Inspector(
      {
        home: prefixes,
        rules: ruleSet,
        run: 0,
        shard: 0,
        seed: 1,
        selfTestSecret: undefined,
        inspection,
      },
      {
        event: () => {},
        sighting: () => {},
        selfTestFound: () => {},
        alert: (alert) => (alert.sid === sid ? this.#match(alert) : this.#rung(alert)),
      },
    )
  }

  async read(source: CaptureSource): Promise<void> {
    for await (const batch of source) {
      this.#inspector.run(batch)
      this.#packets += batch.count
    }
  }

  end(): Omit<Explanation, 'rule_id' | 'msg' | 'file' | 'line' | 'passed'> {
    this.#inspector.end()
    const rungs = this.#rungs.map(({ sid, condition }) => ({
      condition,
      ...(this.#held.get(sid) ?? { held: 0, places: [] }),
    }))
    const at = rungs.findIndex(({ held }) => held === 0)
    const heldBack = this.#overrides
      .list()
      .filter(({ held }) => held > 0)
      .map(({ override_id, comment, held }) => ({ override_id, comment, held }))
    return {
      packets: this.#packets,
      rungs,
      matches: this.#matches,
      told: this.#told,
      belowThreshold: this.#belowThreshold,
      heldBack,
      incomplete: this.#inspector.counters.inspectionsIncomplete ?? 0,
      ...(at >= 0 && {
        stoppedBy: { condition: rungs[at]?.condition ?? '', after: rungs[at - 1]?.places ?? [] },
      }),
    }
  }

  #rung({ sid, draft }: SeenAlert): void {
    if (!this.#rungs.some((rung) => rung.sid === sid)) return
    const rung = this.#held.get(sid) ?? { held: 0, places: [] }
    rung.held++
    if (rung.places.length < PLACES_MAX) rung.places.push(placeOf(draft))
    this.#held.set(sid, rung)
  }

  /** As the box would: the rule's own threshold, then the site's tuning. */
  #match({ sid, draft }: SeenAlert): void {
    const { src_ip = '', dest_ip = '', event_time, flow_id, rule_id = '' } = draft
    this.#matches++
    if (!this.#thresholds.admit(sid, src_ip, dest_ip, event_time, flow_id)) this.#belowThreshold++
    else if (!this.#overrides.holds(rule_id, src_ip, dest_ip, event_time)) this.#told++
  }
}

function placeOf(draft: SeenAlert['draft']): Place {
  const record = (draft.record ?? {}) as Json & { pcap_cnt?: number }
  const end = (address = '?', port?: number) => (port ? `${address} port ${port}` : address)
  const said = SAID.flatMap((name) =>
    record[name] ? [JSON.stringify({ [name]: record[name] })] : [],
  )
  return {
    ...(record.pcap_cnt !== undefined && { packet: record.pcap_cnt }),
    src: end(draft.src_ip, draft.src_port),
    dest: end(draft.dest_ip, draft.dest_port),
    ...(said[0] !== undefined && { said: said[0].slice(0, SAID_BYTES_MAX) }),
  }
}

/** `sid:2012345` or the number alone. */
function sidOf(rule: string): number {
  if (/^base:/.test(rule))
    throw new Failure(
      'invalid',
      `${rule} is a baseline: it compares with what is usual at a site, so one capture does not explain it.`,
    )
  const [, digits] = /^(?:sid:)?(\d{1,10})$/.exec(rule) ?? []
  if (digits === undefined)
    throw new Failure('invalid', `"${rule}" is no rule id such as sid:2012345.`)
  return Number(digits)
}

function findRule(files: ExplainOptions['ruleFiles'], sid: number): Found {
  const wanted = new RegExp(`[;(\\s]sid\\s*:\\s*${sid}\\s*;`)
  for (const { path, text } of files)
    for (const { line, text: rule } of ruleLines(text))
      if (wanted.test(rule)) return { sid, file: path, line, text: rule }
  throw new Failure(
    'not-found',
    `No rule of these files is sid:${sid}. Name its file with --rules.`,
  )
}

function withoutPass(text: string): string {
  return [...ruleLines(text)]
    .map(({ text: rule }) => rule)
    .filter((rule) => !/^pass\s/.test(rule))
    .join('\n')
}

/** What people read: the ladder, where it ends, and what to look at. */
export function explanationWords(found: Explanation): string[] {
  return [
    `${found.rule_id} "${found.msg}" (${found.file}:${found.line}) over ${found.packets.toLocaleString('en')} packets:`,
    ...found.rungs.map(rungWords),
    ...verdictWords(found),
    ...found.heldBack.map(
      ({ override_id, comment, held }) =>
        `This site tuned it: "${comment}" (${override_id}) held back ${times(held)}.`,
    ),
    ...(found.passed ? ['A rule with the action pass lets these flows go first.'] : []),
    ...(found.incomplete > 0
      ? [
          `A bound of inspection was met ${times(found.incomplete)}: what lies behind it was not judged.`,
        ]
      : []),
  ]
}

function rungWords({ condition, held, places: [first] }: RungResult, i: number): string {
  const where = held === 0 ? 'never' : `${times(held)}, first ${placeWords(first)}`
  return `  ${held > 0 ? 'holds ' : '------'}  ${i === 0 ? '' : 'and '}${condition}  ${where}`
}

function verdictWords({ rungs, stoppedBy, matches, told, belowThreshold }: Explanation): string[] {
  if (stoppedBy)
    return [
      `It did not fire: "${stoppedBy.condition}" never held.`,
      ...stoppedBy.after.map(
        (place) =>
          `  what came before held ${placeWords(place)}${place.said ? `: ${place.said}` : ''}`,
      ),
      ...(rungs[0]?.held === 0
        ? ['  No packet fits the header. Is --home-net that of the capture?']
        : []),
    ]
  if (matches === 0)
    return [
      'Every condition held, but the rule itself never matched: a bound, or flow state of its own.',
    ]
  return [
    `It fired ${times(matches)}; ${told === matches ? 'all of it is said' : `${times(told)} it is said`}.`,
    ...(belowThreshold > 0 ? [`Its threshold held back ${times(belowThreshold)}.`] : []),
  ]
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count.toLocaleString('en')} times`
}

function placeWords(place: Place | undefined): string {
  if (!place) return ''
  const { packet, src, dest } = place
  return `${packet === undefined ? 'at the end of a flow' : `on packet ${packet}`}, ${src} to ${dest}`
}
