/** Blind, stale, cut off: judged from evidence only, each with the clause that says why. */
import { plural, span } from './sentence.ts'
import type { Impairment } from './status.ts'

const CLOCK_OFFSET_MS_MAX = 5 * 60_000

export interface SightFacts {
  /** Microseconds since 1970. */
  nowUs: number
  startedAt: number
  interfaces: readonly { name: string; lastFrameAt?: number; failed?: string }[]
  blindAfterSeconds: number
  rulesLoaded: number
  rulesAgeSeconds: number
  rulesStaleDays: number
  clockOffsetMs?: number | undefined
  /** Whether this site has an uplink at all; a lone site cannot be cut off. */
  uplink?: { connected: boolean; since: number } | undefined
  selfTestFailed?: string | undefined
}

/** A site is blind when a capture port it was told to watch shows nothing, or the self-test was not found. */
export function blindness(facts: SightFacts): Impairment | null {
  const { interfaces, nowUs, blindAfterSeconds } = facts
  if (interfaces.length === 0) return { because: 'no capture port is configured' }
  const failed = interfaces.find((each) => each.failed)
  if (failed) return { because: `${failed.name} cannot be captured: ${failed.failed}` }
  const silentSince = (each: { lastFrameAt?: number }) => each.lastFrameAt ?? facts.startedAt
  const silent = interfaces.filter((each) => (nowUs - silentSince(each)) / 1e6 > blindAfterSeconds)
  if (silent.length > 0) {
    const since = Math.min(...silent.map(silentSince))
    const ports = `${silent.length} of ${plural(interfaces.length, 'capture port')}`
    return { since, because: `no frame on ${ports} for ${span((nowUs - since) / 1e6)}` }
  }
  return facts.selfTestFailed ? { because: facts.selfTestFailed } : null
}

export function staleness(facts: SightFacts): Impairment | null {
  if (facts.rulesLoaded === 0) return { because: 'no rule is loaded' }
  if (facts.rulesAgeSeconds > facts.rulesStaleDays * 86_400)
    return { because: `rules are ${span(facts.rulesAgeSeconds)} old` }
  const offset = facts.clockOffsetMs
  if (offset !== undefined && Math.abs(offset) > CLOCK_OFFSET_MS_MAX)
    return { because: `the clock is ${span(Math.abs(offset) / 1000)} off` }
  return null
}

export function cutOff(facts: SightFacts): Impairment | null {
  if (!facts.uplink || facts.uplink.connected) return null
  const seconds = (facts.nowUs - facts.uplink.since) / 1e6
  return { since: facts.uplink.since, because: `no uplink for ${span(seconds)}` }
}
