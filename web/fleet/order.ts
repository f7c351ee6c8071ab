/** Which site stands first, and which stand on this page: worst first, then by name; filters from the URL. */
import type { FleetSite, FleetState } from '../base/ports.ts'

export const STATES = [
  'equivocating',
  'findings',
  'blind',
  'cut-off',
  'stale',
  'unheard',
  'quiet',
] as const satisfies FleetState[]

/** What cannot be trusted, then what hurts, then what cannot be seen; quiet is last. */
const STATE_RANK: Readonly<Record<FleetState, number>> = {
  equivocating: 0,
  blind: 3,
  'cut-off': 5,
  stale: 6,
  unheard: 7,
  findings: 8, // its severity says better
  quiet: 9,
}

/** A blind site with a critical finding stands with the critical ones. */
export function rankOf(site: FleetSite): number {
  const { critical, high, medium } = site.findings24h
  const found = critical > 0 ? 1 : high > 0 ? 4 : medium > 0 ? 6.5 : 9
  const fell = site.alarms.length > 0 ? 2 : 9
  return Math.min(STATE_RANK[site.state], found, fell)
}

export function worstFirst(sites: readonly FleetSite[]): FleetSite[] {
  return sites
    .map((site) => ({ site, rank: rankOf(site) }))
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        b.site.waitingActions - a.site.waitingActions ||
        b.site.findings24h.critical - a.site.findings24h.critical ||
        byName(a.site, b.site),
    )
    .map(({ site }) => site)
}

/** By code unit: thousands of names, and Intl.Collator would cost more than the page. */
export function byName(a: FleetSite, b: FleetSite): number {
  return a.site < b.site ? -1 : a.site > b.site ? 1 : a.tenant_id < b.tenant_id ? -1 : 1
}

export function countStates(sites: readonly FleetSite[]): Record<FleetState, number> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<FleetState, number>
  for (const { state } of sites) counts[state]++
  return counts
}

/** Sites in that state whose name, id or sentence holds the words. */
export function fitting(sites: readonly FleetSite[], state: string, words: string): FleetSite[] {
  const wanted = words.toLowerCase()
  return sites.filter(
    (site) =>
      (state === '' || site.state === state) &&
      (wanted === '' ||
        [site.site, site.tenant_id, site.says].some((text) => text.toLowerCase().includes(wanted))),
  )
}

export interface Leaf<T> {
  rows: T[]
  page: number
  pages: number
  total: number
}

/** One page of a list; one behind the end is the last. */
export function leafOf<T>(all: readonly T[], page: number, size: number): Leaf<T> {
  const pages = Math.max(1, Math.ceil(all.length / size))
  const at = Math.min(Math.max(1, page), pages)
  return { rows: all.slice((at - 1) * size, at * size), page: at, pages, total: all.length }
}
