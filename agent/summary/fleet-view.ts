/** Fleet Command's picture of a fleet: made by the fold of summaries alone, asked by the pages. Times are µs since 1970. */
import type { Severity } from '../base/event.ts'
import type { Digest, FailingControl, Rejection } from './summary.ts'

/** One mark a site: `unheard` has joined and sent nothing yet. */
export type FleetState =
  | 'quiet'
  | 'findings'
  | 'blind'
  | 'stale'
  | 'cut-off'
  | 'equivocating'
  | 'unheard'

export interface Gap {
  epoch: number
  first: number
  last: number
  /** When the receiver first saw that these are missing. */
  since: number
  /** The sender can still send them. */
  held: boolean
}

/** Half an hour of a site's day. */
export interface StripStep {
  at: number
  worst: Severity | null
  counts: Readonly<Record<Severity, number>>
  /** Seconds of it that summaries tell of, and of those the seconds without a frame. */
  told: number
  blind: number
  dropped: number
  selfTests: number
  selfTestsFailed: number
}

export interface FleetSite {
  tenant_id: string
  fleet_id: string
  appliance_id: string
  site: string
  primary: boolean
  state: FleetState
  /** What a person would say, without the site's name: "nothing found; all traffic seen". */
  says: string
  /** What it stands on: the summary's own sentence is evidence, its age is another. */
  basis: string[]
  joinedAt: number
  /** The newest summary: its window's end, when it came, its place. */
  summaryTo: number | null
  receivedAt: number | null
  epoch: number
  sequence: number
  wholeUpTo: number
  periodSeconds: number
  gaps: Gap[]
  forks: number
  rejected: Partial<Record<Rejection, number>>
  /** Anchors that fell: "catalog generation went from 41 to 12". */
  alarms: { at: number; sentence: string }[]
  strip: StripStep[]
  findings24h: Readonly<Record<Severity, number>>
  digests: Digest[]
  digestsLeftOut: number
  waitingActions: number
  activeActions: number
  frames24h: number
  dropped24h: number
  blindSeconds24h: number
  rulesAgeSeconds: number | null
  rulesLoaded: number | null
  clockOffsetMs: number | null
  diskFullAt: number | null
  oldestRow: number | null
  lakeRows: number | null
  version: string | null
  compliance: {
    score: number | null
    controls: number
    failing: FailingControl[]
    /** The last value of each day, oldest first, 30 at most. */
    days: { at: number; score: number }[]
    /** The score a day ago, or the oldest known. */
    before: number | null
  }
  certificate: { notAfter: number | null; revoked: boolean }
  /** Bytes of sealed summaries received in 24 hours, and how many. */
  uplinkBytes24h: number
  summaries24h: number
}

export interface FleetView {
  fleet_id: string
  /** One sentence for the whole fleet. */
  sentence: string
  basis: string[]
  sites: FleetSite[]
  /** Messages that nobody could be blamed for by name. */
  rejected: Partial<Record<Rejection, number>>
  at: number
}

/** A line of "findings across sites": a digest with its site in front. */
export interface FleetFinding extends Digest {
  tenant_id: string
  site: string
}

/** Who may join, who has, whose certificate ends when. */
export interface FleetJoins {
  fleet_id: string
  /** Where a branch finds the door; null while this box is no primary. */
  door: { host: string; port: number; fingerprint: string } | null
  /** `tenant_id` and `site` are empty where any site may use it. */
  claims: { claim_id: string; tenant_id: string; site: string; endsAt: number; triesLeft: number }[]
  members: {
    tenant_id: string
    site: string
    appliance_id: string
    joinedAt: number
    revokedAt: number | null
    certificateNotAfter: number | null
    primary: boolean
    /** The six digits that both ends showed at the join (D21); null where it came by file. */
    digits?: string | null
  }[]
}

/** What a branch knows of its own uplinks. */
export interface UplinkView {
  uplink_id: string
  url: string
  receiver: string
  connected: boolean
  /** Connected or not since then. */
  since: number
  lastAckAt: number | null
  wholeUpTo: number
  sequence: number
  /** Summaries in the outbox that are not acknowledged. */
  waiting: number
  certificateNotAfter: number | null
  /** Why not connected, in words. */
  because: string | null
}
