/** Whether a site is cut off, judged by the receiver alone: what a silent site said last is no news of it. Times are µs. */
import { span } from './sentence.ts'

/** A summary may be late by one and a half periods before anybody is called. */
const PERIODS_MAX = 2.5
/** The longest that a site may be set to: none is never late because it says so. */
const PERIOD_SECONDS_MAX = 3600
/** What a clock may be wrong without being the reason. */
const CLOCK_SLACK_US = 5 * 60e6

export interface HeardFacts {
  now: number
  /** The newest summary: when it came, and the end of its window by the site's clock. */
  receivedAt: number
  windowTo: number
  periodSeconds: number
  /** When its last will said that it is gone, where nothing newer came since. */
  goneAt: number | null
}

export interface Lateness {
  since: number
  because: string
}

export function lateness(facts: HeardFacts): Lateness | null {
  const { now, receivedAt, windowTo, goneAt } = facts
  const patience = patienceUs(facts)
  const silent = `nothing heard for ${span((now - receivedAt) / 1e6)}`
  if (goneAt !== null) return { since: goneAt, because: `its connection is lost; ${silent}` }
  if (now - receivedAt > patience) return { since: receivedAt, because: silent }
  // Whoever delays every message alike keeps them coming: the time they tell of gives it away.
  if (now - windowTo > patience + CLOCK_SLACK_US)
    return {
      since: windowTo,
      because: `its newest summary tells of ${span((now - windowTo) / 1e6)} ago`,
    }
  return null
}

/** When `lateness` can first change without a message. */
export function lateAt(facts: HeardFacts): number {
  const { receivedAt, windowTo } = facts
  const patience = patienceUs(facts)
  return Math.min(receivedAt + patience, windowTo + patience + CLOCK_SLACK_US)
}

function patienceUs({ periodSeconds }: HeardFacts): number {
  return PERIODS_MAX * Math.min(periodSeconds, PERIOD_SECONDS_MAX) * 1e6
}

/** How far the site's clock is ahead of the receiver's: that no delay explains. */
export function aheadUs({ receivedAt, windowTo }: HeardFacts): number {
  const ahead = windowTo - receivedAt
  return ahead > CLOCK_SLACK_US ? ahead : 0
}
