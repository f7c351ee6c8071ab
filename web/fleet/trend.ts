/** The compliance score of 30 days as a line: broken where a day is not known, on one scale for all sites. */
import type { FleetSite } from '../base/ports.ts'
import { byName } from './order.ts'

const DAY_US = 86_400e6
const DAYS = 30
export const TREND_WIDTH = 100
export const TREND_HEIGHT = 20
const EDGE = 2

type Days = FleetSite['compliance']['days']

/** Scores run from here to 100 in every picture of the page, so that lines can be compared. */
export function scaleOf(sites: readonly FleetSite[]): number {
  const all = sites.flatMap(({ compliance }) => [
    ...compliance.days.map(({ score }) => score),
    ...(compliance.score === null ? [] : [compliance.score]),
  ])
  const least = all.reduce((low, score) => Math.min(low, score), 98)
  return Math.max(0, Math.floor(least / 2) * 2 - 2)
}

export function trendPath(days: Days, floor: number, nowUs: number): string {
  const from = nowUs - DAYS * DAY_US
  let last = Number.NEGATIVE_INFINITY
  return days
    .filter(({ at }) => at >= from)
    .map(({ at, score }) => {
      const x = (((at - from) / DAYS) * TREND_WIDTH) / DAY_US
      const dot = Math.min(x, TREND_WIDTH - 1)
      const y = EDGE + ((100 - score) / (100 - floor)) * (TREND_HEIGHT - 2 * EDGE)
      const step = at - last <= 1.5 * DAY_US ? 'L' : 'M'
      last = at
      return step === 'M'
        ? `M${dot.toFixed(1)} ${y.toFixed(1)}h1`
        : `L${x.toFixed(1)} ${y.toFixed(1)}` // alone it is a dot
    })
    .join('')
}

/** Change since the day before: null where either is not known. */
export function changeOf({ compliance }: FleetSite): number | null {
  if (compliance.score === null || compliance.before === null) return null
  return Math.round((compliance.score - compliance.before) * 10) / 10
}

/** What fell furthest since yesterday, then the lowest; who told nothing has nothing to read, and is last. */
export function leastCompliant(sites: readonly FleetSite[]): FleetSite[] {
  const fell = (site: FleetSite) => Math.min(0, changeOf(site) ?? 0)
  const score = ({ compliance }: FleetSite) => compliance.score ?? 101
  return [...sites].sort((a, b) => fell(a) - fell(b) || score(a) - score(b) || byName(a, b))
}
