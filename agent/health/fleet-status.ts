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
import { grouped, plural, span } from './sentence.ts'

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

/** What changes only with a message or the half hour; and, on top, what the time alone changes. */
interface Standing {
  member: FleetMember
  fold: SiteFold
  revision: number
  until: number
  facts: Omit<FleetSiteFacts, 'now' | 'late'>
  site: Omit<FleetSite, 'state' | 'says' | 'basis'>
}

interface Made {
  standing: Standing
  until: number
  site: FleetSite
  topic: FleetTopic
}

export class FleetPicture {
  #made = new Map<string, Made>()

  view({ fleet_id, sites, rejected, now }: FleetFacts): FleetView {
    const made = sites.map(({ member, fold }) => {
      const known = this.#made.get(member.appliance_id)
      const one = siteAt({ member, fold, now }, known)
      if (one !== known) this.#made.set(member.appliance_id, one)
      return one
    })
    if (this.#made.size > sites.length)
      this.#made = new Map(made.map((each) => [each.site.appliance_id, each]))
    return {
      fleet_id,
      sentence: fleetSentence(made.map(({ site, topic }) => ({ site: site.site, topic }))),
      basis: fleetBasis(made.map(({ site }) => site)),
      sites: made.map(({ site }) => site),
      rejected,
      at: now,
    }
  }
}

interface Sources {
  member: FleetMember
  fold: SiteFold
  now: number
}

function siteAt({ member, fold, now }: Sources, known: Made | undefined): Made {
  const before = known?.standing
  const stands =
    before?.fold === fold &&
    before.member === member &&
    before.revision === fold.revision &&
    now < before.until
  if (known && stands && now < known.until) return known
  return saidAt(stands ? before : standingOf({ member, fold, now }), now)
}

function saidAt(standing: Standing, now: number): Made {
  const { fold } = standing
  const heard = heardOf(fold, now)
  const facts = { ...standing.facts, now, late: heard && lateness(heard) }
  const state = fleetState(facts)
  const due = heard ? lateAt(heard) : now
  const aged = now + keptUs(standing.member)
  return {
    standing,
    until: due > now ? Math.min(due, aged) : aged,
    topic: fleetTopic(state, facts),
    site: { ...standing.site, state, says: fleetClause(facts), basis: siteBasis(facts, fold) },
  }
}

/** Each site has its own moment, so that thousands are not said anew at once. */
function keptUs({ appliance_id }: FleetMember): number {
  const part = Number.parseInt(appliance_id.slice(-4), 16) / 0x10000
  return KEPT_US * (0.5 + 0.5 * (part || 0))
}

function standingOf({ member, fold, now }: Sources): Standing {
  const gaps = gapsOf(fold)
  const sums = fold.strip.sums(now)
  const facts = factsOf({ member, fold, gaps, sums, now })
  const { compliance } = facts.summary ?? {}
  return {
    member,
    fold,
    revision: fold.revision,
    until: (Math.floor(now / STEP_US) + 1) * STEP_US,
    facts,
    site: {
      ...identityOf(member),
      ...placeOf(fold),
      gaps,
      forks: facts.forks,
      ...summaryOf(facts.summary),
      strip: fold.strip.view(now),
      frames24h: sums.frames,
      dropped24h: sums.dropped,
      blindSeconds24h: sums.blind,
      summaries24h: sums.summaries,
      uplinkBytes24h: sums.bytes,
      compliance: {
        score: compliance?.score ?? null,
        controls: compliance?.controls ?? 0,
        failing: compliance?.failing ?? [],
        days: fold.strip.days,
        before: facts.scoreBefore,
      },
    },
  }
}

function heardOf(fold: SiteFold, now: number): HeardFacts | null {
  if (!fold.newest) return null
  const { summary, receivedAt } = fold.newest
  const { to, period_seconds } = summary.window
  return { now, receivedAt, windowTo: to, periodSeconds: period_seconds, goneAt: fold.goneAt }
}

interface Parts extends Sources {
  gaps: readonly Gap[]
  sums: ReturnType<SiteFold['strip']['sums']>
}

function factsOf({ member, fold, gaps, sums, now }: Parts): Standing['facts'] {
  const summary = fold.newest?.summary ?? null
  const heard = heardOf(fold, now)
  const held = gaps.filter((gap) => gap.held)
  const givenUp = fold.epochs.reduce((sum, chain) => sum + chain.givenUp, 0)
  return {
    joinedAt: member.joinedAt,
    revokedAt: member.revoked?.at ?? null,
    summary,
    aheadUs: heard ? aheadUs(heard) : 0,
    forks: fold.forksSince(member.joinedAt),
    alarm: fold.alarms.findLast(({ at }) => at >= member.joinedAt)?.sentence ?? null,
    frames: sums.frames,
    dropped: sums.dropped,
    blindSeconds: sums.blind,
    unsaidStarts: sums.unsaidStarts,
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
    rulesAgeSeconds: summary?.rules?.age_seconds ?? null,
    rulesLoaded: summary?.rules?.loaded ?? null,
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

function siteBasis({ now, summary, frames, dropped }: FleetSiteFacts, fold: SiteFold): string[] {
  const { newest, rejected } = fold
  if (!newest || !summary) return ['no summary was ever received']
  const { epoch, sequence, window } = summary
  const refused = Object.entries(rejected).map(([word, count]) => `${count} ${word}`)
  return [
    `summary ${sequence} of epoch ${epoch}, signed by this appliance, written ${ago(window.to, now)}, received ${ago(newest.receivedAt, now)}`,
    `it says: ${summary.sentence}`,
    `${plural(frames, 'frame')} in 24 h, ${grouped(dropped)} dropped`,
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
    `${grouped(heard.length)} of ${plural(sites.length, 'site')} heard, each by its newest signed summary`,
    `${grouped(sum(({ summaries24h }) => summaries24h))} summaries received in 24 h, ${grouped(missing)} missing`,
    `${plural(
      sum(({ frames24h }) => frames24h),
      'frame',
    )} in 24 h, ${grouped(sum(({ dropped24h }) => dropped24h))} dropped`,
  ]
}
