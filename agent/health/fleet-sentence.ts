/**
 * What a person would say of a site of a fleet, and of the fleet: each clause from a stored fact of the fold, with its
 * window or denominator. A late site is never quiet: what it said last is said as last said.
 */
import { SEVERITIES } from '../base/event.ts'
import type { FleetState } from '../summary/fleet-view.ts'
import type { FailingControl, Summary } from '../summary/summary.ts'
import type { Lateness } from './lateness.ts'
import { firstSentence, grouped, plural, span } from './sentence.ts'

const DISK_DAYS_SAID = 14
const CLOCK_MS_SAID = 5_000
const DAY_US = 86_400e6
const NAMES_MAX = 3
/** The first window of all may be one, and a short one beside it. */
const UNSAID_STARTS_MAX = 2

export interface FleetSiteFacts {
  now: number
  joinedAt: number
  revokedAt: number | null
  /** Null while nothing was ever heard. */
  summary: Summary | null
  late: Lateness | null
  /** µs that its clock is ahead of ours. */
  aheadUs: number
  forks: number
  /** The newest of what fell and must not: "catalog generation went from 41 to 12". */
  alarm: string | null
  /** Of 24 hours. */
  frames: number
  dropped: number
  blindSeconds: number
  /** Windows in which its machine started and which say that it looked all the while. */
  unsaidStarts: number
  /** Summaries that are missing and can still come, since when, and those that cannot. */
  missing: number
  missingSince: number | null
  lost: number
  scoreBefore: number | null
  /** Controls that fail now and did not a day ago, heaviest first. */
  newlyFailing: readonly FailingControl[]
}

/** Who goes back in its own history contradicts itself as much as who tells it twice. */
export function fleetState(facts: FleetSiteFacts): FleetState {
  const { summary, forks, alarm, late, revokedAt, unsaidStarts } = facts
  if (!summary) return 'unheard'
  if (forks > 0 || alarm !== null || unsaidStarts > UNSAID_STARTS_MAX) return 'equivocating'
  if (late || revokedAt !== null) return 'cut-off'
  if (summary.states.blind) return 'blind'
  if (summary.states.stale) return 'stale'
  if (noticed(summary) > 0 || summary.actions.proposed > 0) return 'findings'
  return 'quiet'
}

export function fleetClause(facts: FleetSiteFacts): string {
  const { summary, joinedAt, revokedAt, now } = facts
  const revoked = revokedAt !== null && `revoked ${since(revokedAt, now)}`
  if (!summary) {
    const unheard = `joined ${span((now - joinedAt) / 1e6)} ago and has not been heard yet`
    return [revoked, unheard].filter((clause) => clause).join('; ')
  }
  const said = [...impairedClauses(summary, now), ...foundClauses(facts, summary)]
  const told = [...said, ...conditionClauses(facts, summary)].filter((clause) => clause)
  const about = [revoked, contradictionClause(facts)].filter((clause) => clause)
  if (!facts.late) return [...about, ...told].join('; ')
  const last = `cut off: ${facts.late.because}; last it said: ${told.join(', ')}`
  return [...about, last].join('; ')
}

type Clause = string | false | null

function contradictionClause({ forks, alarm, unsaidStarts }: FleetSiteFacts): Clause {
  const how = [
    forks > 0 &&
      `${summaries(forks)} ${forks === 1 ? 'differs' : 'differ'} from what it sent before`,
    alarm && `its ${alarm}`,
    unsaidStarts > UNSAID_STARTS_MAX &&
      `its machine started ${grouped(unsaidStarts)} times in 24 h, and it says that it looked all the while`,
  ].filter((clause) => clause)
  return how.length > 0 && `contradicts itself: ${how.join(', ')}`
}

function impairedClauses({ states }: Summary, now: number): Clause[] {
  const { blind, stale } = states
  return [
    blind &&
      (blind.since === null
        ? `blind: ${blind.because}`
        : `blind ${since(blind.since, now)}: ${blind.because}`),
    stale && `stale: ${stale.because}`,
  ]
}

function foundClauses({ scoreBefore, newlyFailing }: FleetSiteFacts, summary: Summary): Clause[] {
  const { proposed, active } = summary.actions
  const { score } = summary.compliance
  const [worst] = newlyFailing
  return [
    foundClause(summary),
    proposed > 0 && `${plural(proposed, 'action')} ${proposed === 1 ? 'waits' : 'wait'} for you`,
    active > 0 && `${plural(active, 'block')} in force`,
    hasFallen(summary, scoreBefore) &&
      `compliance fell from ${scoreBefore} to ${score}${worst ? `: ${controlClause(worst)}` : ''}`,
  ]
}

function hasFallen({ compliance }: Summary, before: number | null): boolean {
  return compliance.score !== null && before !== null && compliance.score < before
}

function controlClause({ sentence, evidence, unknown }: FailingControl): string {
  return unknown ? `"${sentence}" is ${evidence}` : evidence
}

/** The title of a digest is a sentence already, or two; low findings make none. */
function foundClause(summary: Summary): Clause {
  const count = noticed(summary)
  if (count === 0) return summary.states.blind ? false : 'nothing found'
  const { findings_24h } = summary
  const worst = [...SEVERITIES].reverse().find((severity) => findings_24h[severity] > 0)
  const headline = summary.digests.find(({ severity }) => severity === worst)
  const all = `${plural(count, 'finding')} in 24 h, worst ${worst}`
  return headline ? `${firstSentence(headline.title)}${count === 1 ? '' : `; ${all}`}` : all
}

/** How well it sees, and what will hurt it soon. */
function conditionClauses(facts: FleetSiteFacts, summary: Summary): Clause[] {
  const { lake, clock, health } = summary
  const daysLeft = lake.full_at === null ? null : (lake.full_at - summary.window.to) / DAY_US
  const offset = clock.offset_ms === null ? 0 : Math.abs(clock.offset_ms)
  return [
    ...seenClauses(facts, summary),
    health.down.length > 0 &&
      `${health.down.join(', ')} ${health.down.length === 1 ? 'is' : 'are'} down`,
    lake.fault !== null && `lake: ${lake.fault}`,
    daysLeft !== null &&
      daysLeft < DISK_DAYS_SAID &&
      (daysLeft < 1 ? 'disk full within a day' : `disk full in ${Math.floor(daysLeft)} days`),
    offset >= CLOCK_MS_SAID && `clock ${span(offset / 1000)} off`,
    facts.aheadUs > 0 && `its clock is ${span(facts.aheadUs / 1e6)} ahead of ours`,
    facts.missing > 0 && missingClause(facts),
    facts.lost > 0 && `${summaries(facts.lost)} lost for good`,
  ]
}

function seenClauses(
  { frames, dropped, blindSeconds, missing, lost }: FleetSiteFacts,
  { states }: Summary,
): Clause[] {
  const isWhole = missing + lost === 0 && !states.blind
  if (dropped + blindSeconds === 0)
    return isWhole ? [frames > 0 ? 'all traffic seen' : 'no frame in 24 h'] : []
  return [
    dropped > 0 && `${plural(dropped, 'frame')} of ${grouped(frames)} lost in 24 h`,
    blindSeconds > 0 && !states.blind && `unwatched for ${span(blindSeconds)} of 24 h`,
  ]
}

function missingClause({ missing, missingSince, now }: FleetSiteFacts): string {
  const age = missingSince === null ? '' : `, missing for ${span((now - missingSince) / 1e6)}`
  return `${summaries(missing)} still to be back-filled${age}`
}

function noticed({ findings_24h }: Summary): number {
  return findings_24h.medium + findings_24h.high + findings_24h.critical
}

function summaries(count: number): string {
  return `${grouped(count)} ${count === 1 ? 'summary' : 'summaries'}`
}

/** `since 03:10 UTC`, with the date when that is not within a day. */
function since(at: number, now: number): string {
  const iso = new Date(at / 1000).toISOString()
  const time = `${iso.slice(11, 16)} UTC`
  return now - at < DAY_US ? `since ${time}` : `since ${iso.slice(0, 10)} ${time}`
}

/** What a site is in the fleet's sentence: its first that holds, the most urgent first. */
const TOPICS = [
  ['equivocating', 'contradicts itself', 'contradict themselves'],
  ['blind', 'is blind', 'are blind'],
  ['cut-off', 'is cut off', 'are cut off'],
  ['decision', 'needs a decision', 'need a decision'],
  ['findings', 'has findings', 'have findings'],
  ['fell', 'fell in compliance', 'fell in compliance'],
  ['stale', 'is stale', 'are stale'],
  ['losing', 'did not see all traffic', 'did not see all traffic'],
  ['unheard', 'has not been heard yet', 'have not been heard yet'],
  ['quiet', 'found nothing', 'found nothing'],
] as const
export type FleetTopic = (typeof TOPICS)[number][0]

export function fleetTopic(state: FleetState, facts: FleetSiteFacts): FleetTopic {
  const { summary, scoreBefore } = facts
  const isImpaired = state === 'equivocating' || state === 'blind' || state === 'cut-off'
  if (!summary || isImpaired) return state
  const { high, critical } = summary.findings_24h
  if (summary.actions.proposed > 0) return 'decision'
  if (high + critical > 0) return 'findings'
  // Says more than the medium findings that it mostly comes from.
  if (hasFallen(summary, scoreBefore)) return 'fell'
  if (noticed(summary) > 0) return 'findings'
  if (state === 'stale') return 'stale'
  return facts.dropped + facts.blindSeconds + facts.missing + facts.lost > 0 ? 'losing' : 'quiet'
}

export function fleetSentence(sites: readonly { site: string; topic: FleetTopic }[]): string {
  if (sites.length === 0) return 'No site has joined yet.'
  const byTopic = Map.groupBy(sites, ({ topic }) => topic)
  const sentences = TOPICS.flatMap(([topic, one, many]) => {
    const some = byTopic.get(topic)
    if (!some) return []
    const who = subjects(
      some.map(({ site }) => site),
      sites.length,
    )
    return [`${who} ${some.length === 1 ? one : many}.`]
  })
  return sentences.join(' ')
}

function subjects(names: readonly string[], all: number): string {
  if (names.length > NAMES_MAX) {
    if (names.length === all) return `All ${grouped(all)} sites`
    return `${grouped(names.length)} of ${grouped(all)} sites`
  }
  const [last, ...others] = [...names].reverse()
  return others.length === 0 ? `${last}` : `${others.reverse().join(', ')} and ${last}`
}
