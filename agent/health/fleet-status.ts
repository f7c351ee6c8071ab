/** Fleet Command's picture: folds, members and the time put into one FleetView. A site is made anew only when it changed. */
import type { FleetSite, FleetView, Gap } from '../summary/fleet-view.ts'
import type { SiteFold } from '../summary/fold.ts'
import type { EpochChain } from '../summary/gaps.ts'
import type { FailingControl, Rejection, Summary } from '../summary/summary.ts'
import {
  type FleetSiteFacts,
  type FleetTopic,
  fleetClause,
  fleetSentence,
  fleetState,
  fleetTopic,
} from './fleet-sentence.ts'
import { aheadUs, type HeardFacts, lateAt, lateness } from './lateness.ts'
import { plural, span } from './sentence.ts'

const DAY_US = 86_400e6
/** Ages are said in minutes at the finest that matters: a picture this old is still true. */
const KEPT_US = 30e6
const STEP_US = 1_800e6
const NONE = { low: 0, medium: 0, high: 0, critical: 0 } as const

/** A member of the fleet, as far as it is shown. */
export interface FleetMember {
  tenant_id: string
  fleet_id: string
  appliance_id: string
  site: string
  primary: boolean
  joinedAt: number
  revoked: { at: number } | null
  certificateNotAfter: number | null
}

export interface FleetFacts {
  fleet_id: string
  sites: readonly { member: FleetMember; fold: SiteFold }[]
  /** Messages of nobody that is known. */
  rejected: Partial<Record<Rejection, number>>
  now: number
}

interface Made {
  member: FleetMember
  fold: SiteFold
  revision: number
  until: number
  site: FleetSite
  topic: FleetTopic
}

export class FleetPicture {
  #made = new Map<string, Made>()

  view({ fleet_id, sites, rejected, now }: FleetFacts): FleetView {
    const made = sites.map((each) => this.#site(each, now))
    this.#made = new Map(made.map((each) => [each.member.appliance_id, each]))
    return {
      fleet_id,
      sentence: fleetSentence(made.map(({ site, topic }) => ({ site: site.site, topic }))),
      basis: fleetBasis(made.map(({ site }) => site)),
      sites: made.map(({ site }) => site),
      rejected,
      at: now,
    }
  }

  #site({ member, fold }: FleetFacts['sites'][number], now: number): Made {
    const known = this.#made.get(member.appliance_id)
    const isFresh =
      known?.fold === fold &&
      known.member === member &&
      known.revision === fold.revision &&
      now < known.until
    return isFresh ? known : makeSite(member, fold, now)
  }
}

function makeSite(member: FleetMember, fold: SiteFold, now: number): Made {
  const heard = heardOf(fold, now)
  const facts = factsOf({ member, fold, heard, now })
  const state = fleetState(facts)
  const due = heard ? lateAt(heard) : Number.POSITIVE_INFINITY
  return {
    member,
    fold,
    revision: fold.revision,
    until: Math.min(now + KEPT_US, due > now ? due : now + KEPT_US, nextStep(now)),
    topic: fleetTopic(state, facts),
    site: {
      ...identityOf(member),
      state,
      says: fleetClause(facts),
      basis: siteBasis(facts, fold),
      ...placeOf(fold),
      ...summaryOf(fold.newest?.summary ?? null),
      ...dayOf(fold, now),
      compliance: {
        score: facts.summary?.compliance.score ?? null,
        controls: facts.summary?.compliance.controls ?? 0,
        failing: facts.summary?.compliance.failing ?? [],
        days: fold.strip.days,
        before: facts.scoreBefore,
      },
      forks: facts.forks,
    },
  }
}

/** The strip moves on at each half hour. */
function nextStep(now: number): number {
  return (Math.floor(now / STEP_US) + 1) * STEP_US
}

function heardOf(fold: SiteFold, now: number): HeardFacts | null {
  if (!fold.newest) return null
  const { summary, receivedAt } = fold.newest
  const { to, period_seconds } = summary.window
  return { now, receivedAt, windowTo: to, periodSeconds: period_seconds, goneAt: fold.goneAt }
}

interface Sources {
  member: FleetMember
  fold: SiteFold
  heard: HeardFacts | null
  now: number
}

export function factsOf({ member, fold, heard, now }: Sources): FleetSiteFacts {
  const summary = fold.newest?.summary ?? null
  const { frames, dropped, blind } = fold.strip.sums(now)
  const gaps = gapsOf(fold)
  const held = gaps.filter((gap) => gap.held)
  const givenUp = fold.epochs.reduce((sum, chain) => sum + chain.givenUp, 0)
  return {
    now,
    joinedAt: member.joinedAt,
    revokedAt: member.revoked?.at ?? null,
    summary,
    late: heard && lateness(heard),
    aheadUs: heard ? aheadUs(heard) : 0,
    forks: fold.forksSince(member.joinedAt),
    alarm: fold.alarms.findLast(({ at }) => at >= member.joinedAt)?.sentence ?? null,
    frames,
    dropped,
    blindSeconds: blind,
    missing: countIn(held),
    missingSince: held.length > 0 ? Math.min(...held.map(({ since }) => since)) : null,
    lost: countIn(gaps) - countIn(held) + givenUp,
    scoreBefore: summary && fold.strip.scoreBefore(summary.window.to),
    newlyFailing: summary ? newlyFailing(summary, fold.failingSince) : [],
  }
}

function newlyFailing(
  { compliance, window }: Summary,
  since: ReadonlyMap<string, number>,
): FailingControl[] {
  return compliance.failing
    .filter(({ id }) => (since.get(id) ?? 0) > window.to - DAY_US)
    .sort((a, b) => Number(a.unknown) - Number(b.unknown) || b.weight - a.weight)
}

function countIn(gaps: readonly Gap[]): number {
  return gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/** Of all epochs that are known; only the newest one's can still be sent. */
function gapsOf({ epochs }: SiteFold): Gap[] {
  const newest = epochs.at(-1)
  return epochs.flatMap((chain) =>
    chain.holes.map((hole) => ({
      epoch: chain.epoch,
      first: hole.first,
      last: hole.last,
      since: hole.since,
      held: chain === newest && chain.isHeld(hole),
    })),
  )
}

/** The name is the one it joined by: no site can call itself another. */
function identityOf(member: FleetMember) {
  const { tenant_id, fleet_id, appliance_id, site, primary, joinedAt } = member
  return {
    ...{ tenant_id, fleet_id, appliance_id, site, primary, joinedAt },
    certificate: { notAfter: member.certificateNotAfter, revoked: member.revoked !== null },
  }
}

function placeOf(fold: SiteFold) {
  const chain: EpochChain | undefined = fold.epochs.at(-1)
  return {
    summaryTo: fold.newest?.summary.window.to ?? null,
    receivedAt: fold.newest?.receivedAt ?? null,
    epoch: chain?.epoch ?? 0,
    sequence: chain?.highest ?? 0,
    wholeUpTo: chain?.wholeUpTo ?? 0,
    periodSeconds: fold.newest?.summary.window.period_seconds ?? 0,
    gaps: gapsOf(fold),
    rejected: { ...fold.rejected },
    alarms: fold.alarms,
  }
}

function summaryOf(summary: Summary | null) {
  return {
    findings24h: summary?.findings_24h ?? NONE,
    digests: summary?.digests ?? [],
    digestsLeftOut: summary?.digests_left_out ?? 0,
    waitingActions: summary?.actions.proposed ?? 0,
    activeActions: summary?.actions.active ?? 0,
    rulesAgeSeconds: summary?.rules.age_seconds ?? null,
    rulesLoaded: summary?.rules.loaded ?? null,
    clockOffsetMs: summary?.clock.offset_ms ?? null,
    diskFullAt: summary?.lake.full_at ?? null,
    oldestRow: oldest(summary?.lake.oldest_tier1, summary?.lake.oldest_tier2),
    lakeRows: summary?.lake.rows ?? null,
    version: summary?.versions.picket ?? null,
  }
}

function oldest(...times: (number | null | undefined)[]): number | null {
  const known = times.filter((at) => typeof at === 'number')
  return known.length > 0 ? Math.min(...known) : null
}

function dayOf(fold: SiteFold, now: number) {
  const { frames, dropped, blind, summaries, bytes } = fold.strip.sums(now)
  return {
    strip: fold.strip.view(now),
    frames24h: frames,
    dropped24h: dropped,
    blindSeconds24h: blind,
    summaries24h: summaries,
    uplinkBytes24h: bytes,
  }
}

function siteBasis({ now, summary, frames, dropped }: FleetSiteFacts, fold: SiteFold): string[] {
  const { newest, rejected } = fold
  if (!newest || !summary) return ['no summary was ever received']
  const { epoch, sequence, window } = summary
  const refused = Object.entries(rejected).map(([word, count]) => `${count} ${word}`)
  return [
    `summary ${sequence} of epoch ${epoch}, signed by this appliance, written ${ago(window.to, now)}, received ${ago(newest.receivedAt, now)}`,
    `it says: ${summary.sentence}`,
    `${plural(frames, 'frame')} in 24 h, ${dropped.toLocaleString('en')} dropped`,
    ...(refused.length > 0 ? [`messages not taken in: ${refused.join(', ')}`] : []),
  ]
}

function ago(at: number, now: number): string {
  return at > now ? `${span((at - now) / 1e6)} from now` : `${span((now - at) / 1e6)} ago`
}

function fleetBasis(sites: readonly FleetSite[]): string[] {
  const heard = sites.filter(({ summaryTo }) => summaryTo !== null)
  const sum = (of: (site: FleetSite) => number) =>
    sites.reduce((total, each) => total + of(each), 0)
  const missing = sum(({ gaps }) => countIn(gaps))
  return [
    `${heard.length.toLocaleString('en')} of ${plural(sites.length, 'site')} heard, each by its newest signed summary`,
    `${sum(({ summaries24h }) => summaries24h).toLocaleString('en')} summaries received in 24 h, ${missing.toLocaleString('en')} missing`,
    `${plural(
      sum(({ frames24h }) => frames24h),
      'frame',
    )} in 24 h, ${sum(({ dropped24h }) => dropped24h).toLocaleString('en')} dropped`,
  ]
}
