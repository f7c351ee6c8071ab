/**
 * From a finding to the blocks that would stop it, or a sentence why there is none. Pure: a plan is a
 * wish, what it may become is decided in the guard. A plan is as narrow as what was seen allows, because
 * spoofed traffic can raise plans too and a block must never become the outage.
 */
import { addressText, inPrefix, type Prefix, parseAddress, parsePrefix } from '../base/address.ts'
import type { Severity } from '../base/event.ts'
import { brief } from '../base/text.ts'
import type { Evidence, Plan } from './action.ts'

const REASON_CHARS_MAX = 200
const MINUTE_MS = 60_000
const DURATION_MS_MAX = 7 * 24 * 60 * MINUTE_MS

/** What a plan needs to know of a finding. */
export interface FindingFacts {
  event_id: string
  tenant_uid: string
  rule_id: string
  severity: Severity
  evidence: Evidence
  title: string
  /** Microseconds since 1970. */
  timeUs: number
  /** RFC 5952 text. */
  src: string
  dest?: string
  /** The port on the attacked side. */
  port?: number
  proto?: 'tcp' | 'udp'
  /** Whether the address is one of ours. */
  srcHome: boolean
  destHome: boolean
  /** EVE's `alert.category`, for a signature. */
  category?: string
  /** Which side acted; `dest` for a rule that fires on an answer. `src` when absent. */
  attacker?: 'src' | 'dest'
}

export interface PlanOptions {
  /** How long a block of severity high lasts; config `contain.durationMinutes`. */
  durationMinutes: number
  nowUs: number
  newId: () => string
  /** `planKey` of what is proposed or in force already. */
  live?: ReadonlySet<string>
}

export interface Planned {
  plans: Plan[]
  /** Why there is a plan, or none. */
  because: string
}

/** How much of the attacker's traffic a block of this kind of finding takes away. */
type Width =
  | 'service' // that port of that asset
  | 'asset' // everything towards that asset
  | 'host' // everything it sends through this box

/** First match wins; what is not listed is a signature and judged by where the attacker is. */
const WIDTHS: readonly [pattern: RegExp, width: Width][] = [
  [/^base:.*(scan|sweep)/, 'host'], // it tries many: one asset less would not stop it
  [/^base:.*(brute|guess)/, 'service'],
  [/^base:(ot|modbus)/, 'service'],
  [/^base:.*(tunnel|dns)/, 'service'],
  [/^base:.*(beacon|exfil)/, 'asset'],
]

/** Never the source of anything that a block could stop; the guard has the live list. */
const NOBODY: readonly Prefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'ff00::/8',
].map(parsePrefix)

/** Categories that tell how something is done here, not that somebody attacks: a person changes that, a block does not. */
const WAYS_OF_WORKING = new Set([
  'Potential Corporate Privacy Violation',
  'Not Suspicious Traffic',
  'Misc activity',
  'Generic Protocol Command Decode',
])

/** The blocks a finding asks for. At most one today; a list because a finding may name several. */
export function planFor(finding: FindingFacts, options: PlanOptions): Planned {
  const none = (because: string): Planned => ({ plans: [], because })
  const ends = endsOf(finding)
  if (finding.severity === 'low') return none('A finding of severity low asks for no block.')
  if (finding.category !== undefined && WAYS_OF_WORKING.has(finding.category))
    return none(
      'It tells how something is done here; that is changed at the device, not by a block.',
    )
  const dest = finding.dest === undefined || finding.destHome // many, where none is named: ours
  if (!finding.srcHome && !dest)
    return none('Neither side is one of ours, so there is nothing to protect here.')
  if (ends.target === undefined) return none('Its source is no address that a block could stop.')
  const plan = shape(finding, { target: ends.target, dest: ends.dest }, options)
  if (options.live?.has(planKey(plan)))
    return none(`A block of ${plan.target} for this is proposed or in force already.`)
  return { plans: [plan], because: describe(plan) }
}

/** One live or proposed plan for each of these. */
export function planKey(plan: Pick<Plan, 'target' | 'dest' | 'port' | 'proto'>): string {
  return `${plan.target}>${plan.dest ?? '*'}:${plan.port ?? '*'}/${plan.proto ?? '*'}`
}

/** Whether `wide` stops all that `narrow` would stop. */
export function covers(wide: Plan, narrow: Plan): boolean {
  const fits = <T>(outer: T | undefined, inner: T | undefined) =>
    outer === undefined || outer === inner
  return (
    wide.target === narrow.target &&
    fits(wide.dest, narrow.dest) &&
    fits(wide.port, narrow.port) &&
    fits(wide.proto, narrow.proto)
  )
}

/** What a plan would do, as a sentence. */
export function describe(
  plan: Pick<Plan, 'target' | 'dest' | 'port' | 'proto' | 'durationMs'>,
): string {
  const port =
    plan.port === undefined ? '' : ` port ${plan.port}${plan.proto ? `/${plan.proto}` : ''}`
  const towards = plan.dest ? ` towards ${plan.dest}${port}` : port && ` towards${port}`
  return `Blocks ${plan.target}${towards} for ${span(plan.durationMs)}.`
}

function shape(
  finding: FindingFacts,
  ends: { target: string; dest: string | undefined },
  options: PlanOptions,
): Plan {
  const attackerHome = finding.attacker === 'dest' ? finding.destHome : finding.srcHome
  const width = widthOf(finding.rule_id, attackerHome)
  return {
    action_id: options.newId(),
    kind: 'block',
    tenant_uid: finding.tenant_uid,
    target: ends.target,
    ...(width !== 'host' && ends.dest !== undefined && { dest: ends.dest }),
    ...(width === 'service' && service(finding)),
    durationMs: durationMs(finding.severity, options.durationMinutes),
    reason: brief(finding.title, REASON_CHARS_MAX),
    rule_id: finding.rule_id,
    finding_id: finding.event_id,
    evidence: finding.evidence,
    severity: finding.severity,
    plannedAt: options.nowUs,
  }
}

function service(finding: FindingFacts): Pick<Plan, 'port' | 'proto'> {
  if (finding.port === undefined || finding.port === 0 || finding.attacker === 'dest') return {}
  return { port: finding.port, ...(finding.proto && { proto: finding.proto }) }
}

/** A host of ours keeps its other uses of the asset; a stranger has no business with it at all. */
function widthOf(rule_id: string, attackerHome: boolean): Width {
  for (const [pattern, width] of WIDTHS) if (pattern.test(rule_id)) return width
  return attackerHome ? 'service' : 'asset'
}

function endsOf(finding: FindingFacts): { target: string | undefined; dest: string | undefined } {
  const turned = finding.attacker === 'dest'
  const target = somebody(turned ? finding.dest : finding.src)
  const dest = somebody(turned ? finding.src : finding.dest)
  return { target, dest: target?.includes(':') === dest?.includes(':') ? dest : undefined }
}

function somebody(text: string | undefined): string | undefined {
  const words = text === undefined ? undefined : parseAddress(text)
  if (!words || NOBODY.some((prefix) => inPrefix(words, 0, prefix))) return undefined
  return addressText(words)
}

function durationMs(severity: Severity, minutes: number): number {
  const factor = severity === 'critical' ? 2 : severity === 'high' ? 1 : 0.25
  return Math.min(DURATION_MS_MAX, Math.max(MINUTE_MS, Math.round(minutes * factor * MINUTE_MS)))
}

/** "4 h", "90 min", "45 s". */
export function span(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  if (ms >= MINUTE_MS) return `${Math.round(ms / MINUTE_MS)} min`
  return `${Math.max(1, Math.round(ms / 1000))} s`
}
