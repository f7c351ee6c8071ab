/** What the settings promise beside what is there: the oldest row of each tier, and whether anything stayed too long. */
import { isoFromUs } from '../base/clock.ts'
import { limitUs } from './retention.ts'
import { longestOf, readRules } from './retention-rules.ts'
import type { TenantLake } from './tenant-lake.ts'

const DAY_US = 86_400_000_000
/** A file waits for its newest row, and the round for its hour. */
const SLACK_DAYS = 1

export interface PromiseCheck {
  /** ISO time of the check. */
  at: string
  /** ISO time at which we had the oldest row; null where the tier is empty. */
  tiers: { tier: 1 | 2; oldest: string | null }[]
  promisedDays: number
  /** Nothing is there that should be gone, and nothing went before its time. */
  kept: boolean
  sentence: string
}

export function promiseCheck(lake: TenantLake, overQuota: boolean): PromiseCheck {
  const files = lake.catalog.files()
  const days = longestOf(readRules(lake))
  const oldestOf = (level: (n: number) => boolean) => {
    const times = files.filter((file) => level(file.level)).map((file) => file.ingest_from_us)
    return times.length > 0 ? isoFromUs(Math.min(...times)) : null
  }
  const late = files.filter((file) => file.ingest_to_us < limitUs(lake, days + SLACK_DAYS))
  const oldestUs = Math.min(...files.map((file) => file.ingest_from_us))
  const held = files.length === 0 ? 0 : Math.floor((lake.clock.nowUs() - oldestUs) / DAY_US)
  const short = overQuota && held < days
  const sentence =
    late.length > 0
      ? `${late.length} files hold rows older than the ${days} days that are promised.`
      : short
        ? `${held} of ${days} promised days are held: the lake is at its quota, and the oldest left before their time.`
        : `The oldest row is ${held} days old; ${days} days are promised.`
  return {
    at: isoFromUs(lake.clock.nowUs()),
    tiers: [
      { tier: 1, oldest: oldestOf((level) => level === 0) },
      { tier: 2, oldest: oldestOf((level) => level > 0) },
    ],
    promisedDays: days,
    kept: late.length === 0 && !short,
    sentence,
  }
}
