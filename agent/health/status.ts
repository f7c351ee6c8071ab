/** What a site knows about itself at one moment: the state, its evidence, and the sentence made of both. */
import type { Severity } from '../base/event.ts'

/** The four states of sight, and `findings` where there is something to look at. */
export type SiteState = 'quiet' | 'findings' | 'blind' | 'stale' | 'cut-off'

export interface Impairment {
  /** Microseconds since 1970, where the start is known. */
  since?: number
  /** A clause for people: "no frame on 2 of 2 capture ports for 95 s". */
  because: string
}

export interface InterfaceStatus {
  name: string
  /** The interface's own count since this run began; processed + dropped equals it. */
  frames: number
  processed: number
  dropped: number
  bytes: number
  /** Microseconds since 1970. */
  lastFrameAt?: number
  /** Rates over 10-second steps of the last hour, oldest first; `at` is in seconds since 1970. */
  perSecond: { at: number; frames: number; dropped: number }[]
}

export interface SelfTestStatus {
  lastAt?: number
  ok?: boolean
  foundAfterMs?: number
  sentence: string
}

export interface SiteStatus {
  site: string
  tenant_id: string
  fleet_id: string
  state: SiteState
  states: { blind: Impairment | null; stale: Impairment | null; cutOff: Impairment | null }
  sentence: string
  basis: string[]
  capture: { interfaces: InterfaceStatus[] }
  blindSeconds: number
  /** Frames the interface counted between a kill and this run, where the interface outlived it. */
  missedFrames: number
  rules: {
    loaded: number
    refused: number
    generation: number
    ageSeconds: number
    /** Rules that overrides of this site keep from being heard: at all, for some or not each time; and what they held back. */
    tuned?: { silenced: number; narrowed: number; held: number }
  }
  /** What settings keep from being looked at, a clause each. */
  lookedPast?: readonly string[]
  selfTest: SelfTestStatus
  clock: { offsetMs?: number; source: string }
  version: string
  /** Microseconds since 1970. */
  startedAt: number
  counters: Record<string, number>
  /** Why the packet ring takes no frames, while that is so. */
  packetsNotKept?: string
  flows: { live: number }
  assets: number
  /** Findings of the last 24 hours by severity. */
  openFindings: Record<Severity, number>
  waitingActions: number
}
