/** Digests of several sites as one list: filters, and the order in which a person reads them. */
import { SEVERITIES } from '../../agent/base/event.ts'
import type { Asked } from '../base/filter.ts'
import type { FleetFinding, FleetSite } from '../base/ports.ts'

export type SiteFinding = FleetFinding

export function acrossSites(sites: readonly FleetSite[]): SiteFinding[] {
  return sites
    .flatMap(({ tenant_id, site, digests }) =>
      digests.map((each) => ({ ...each, tenant_id, site })),
    )
    .sort(worstNewest)
}

/** Worst first, then newest. */
export function worstNewest(a: SiteFinding, b: SiteFinding): number {
  return SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || b.last - a.last
}

export function fittingFindings(
  all: readonly SiteFinding[],
  asked: Asked,
  site: string,
): SiteFinding[] {
  const { from, to } = asked.filter
  const wanted = asked.q.toLowerCase()
  return all
    .filter(
      (each) =>
        (site === '' || each.tenant_id === site) &&
        (asked.severity === '' || each.severity === asked.severity) &&
        (from === undefined || each.last >= from) &&
        (to === undefined || each.first <= to) &&
        [each.title, each.host, each.rule_id, each.site, ...each.attack_ids].some((text) =>
          text?.toLowerCase().includes(wanted),
        ),
    )
    .sort(worstNewest)
}
