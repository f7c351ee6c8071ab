/** What sites are compared by, each with the direction in which worse is first. Unknown sorts as worst. */

import type { FleetSite } from '../base/ports.ts'
import { byName } from './order.ts'

export interface Column {
  name: string
  title: string
  /** Larger is worse: `-1` where smaller is. Null is unknown. */
  worse: 1 | -1
  /** No value of it is a fault: it is sorted, never marked. */
  neutral?: true
  value(site: FleetSite): number | null
}

const plain = (
  name: string,
  title: string,
  worse: 1 | -1,
  value: (site: FleetSite) => number | null,
): Column => ({ name, title, worse, value })

export const COLUMNS: readonly Column[] = [
  plain('site', 'Site', -1, () => 0),
  plain('critical', 'Critical', 1, (site) => heard(site, site.findings24h.critical)),
  plain('high', 'High', 1, (site) => heard(site, site.findings24h.high)),
  plain('medium', 'Medium', 1, (site) => heard(site, site.findings24h.medium)),
  plain('low', 'Low', 1, (site) => heard(site, site.findings24h.low)),
  { ...plain('frames', 'Frames', -1, (site) => heard(site, site.frames24h)), neutral: true },
  plain('dropped', 'Dropped', 1, droppedShare),
  plain('blind', 'Blind', 1, (site) => heard(site, site.blindSeconds24h)),
  plain('rules', 'Rules age', 1, ({ rulesAgeSeconds }) => rulesAgeSeconds),
  plain('compliance', 'Compliance', -1, ({ compliance }) => compliance.score),
  plain('disk', 'Lake full', -1, ({ diskFullAt }) => diskFullAt),
  plain('clock', 'Clock off', 1, ({ clockOffsetMs }) =>
    clockOffsetMs === null ? null : Math.abs(clockOffsetMs),
  ),
  plain('version', 'Version', -1, ({ version }) => versionRank(version)),
]

/** A site that told nothing has no frames to compare, which is not zero. */
function heard(site: FleetSite, value: number): number | null {
  return site.summaryTo === null ? null : value
}

export function droppedShare(site: FleetSite): number | null {
  const offered = site.frames24h + site.dropped24h
  if (site.summaryTo === null) return null
  return offered === 0 ? 0 : site.dropped24h / offered
}

function versionRank(version: string | null): number | null {
  const [, major, minor, patch] = /^(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/.exec(version ?? '') ?? []
  return major === undefined ? null : Number(major) * 1e9 + Number(minor) * 1e4 + Number(patch ?? 0)
}

/** `dropped`: worst first; `-dropped`: best first; `site`: by name. */
export function sorted(sites: readonly FleetSite[], sort: string): FleetSite[] {
  const back = sort.startsWith('-')
  const name = back ? sort.slice(1) : sort
  const column = COLUMNS.find((each) => each.name === name)
  if (!column || name === 'site') return [...sites].sort((a, b) => byName(a, b) * (back ? -1 : 1))
  return sites
    .map((site) => {
      const value = column.value(site)
      return { site, at: value === null ? Number.POSITIVE_INFINITY : value * column.worse }
    })
    .sort((a, b) => (a.at === b.at ? byName(a.site, b.site) : (b.at - a.at) * (back ? -1 : 1)))
    .map(({ site }) => site)
}

/** The worst value of a column, where few sites have it: it is what a comparison is for. */
export function worstOf(sites: readonly FleetSite[], column: Column): number | null {
  if (column.neutral) return null
  let worst: number | null = null
  let holders = 0
  let known = 0
  for (const site of sites) {
    const value = column.value(site)
    if (value === null) continue
    known++
    if (value === worst) holders++
    else if (worst === null || (value - worst) * column.worse > 0) [worst, holders] = [value, 1]
  }
  return known > 1 && holders * 2 <= known ? worst : null
}
