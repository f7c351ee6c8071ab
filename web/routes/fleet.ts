/** Fleet Command: what the sites of the session tell, and who may join. Every page is one question to picket-link. */
import type { Context } from 'hono'
import { crossTenant, Failure } from '../../agent/base/failure.ts'
import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { parseFleetAsked } from '../fleet/asked.ts'
import { sorted } from '../fleet/columns.ts'
import { fittingFindings } from '../fleet/findings.ts'
import { fitting, leafOf, worstFirst } from '../fleet/order.ts'
import { type Sight, sightOf } from '../fleet/sight.ts'
import { leastCompliant } from '../fleet/trend.ts'
import { requestScope } from '../identity/scope.ts'
import type { Html } from '../ui/html.ts'
import { fleetComparePage } from '../ui/pages/fleet-compare.ts'
import { fleetCompliancePage } from '../ui/pages/fleet-compliance.ts'
import { fleetFindingsPage } from '../ui/pages/fleet-findings.ts'
import { fleetOffPage } from '../ui/pages/fleet-joins.ts'
import { fleetSitePage } from '../ui/pages/fleet-site.ts'
import { fleetSitesPage } from '../ui/pages/fleet-sites.ts'
import { askedOf } from './reply.ts'
import type { ReadRoute, Route } from './table.ts'

const CARDS_MAX = 12
const ROWS = 100
const COMPLIANCE_ROWS = 12
const FINDINGS_MAX = 1000 // what picket-link sends at most; the rest is counted

type Needs = Pick<Ports, 'fleet'>

export function fleetRoutes(ports: Needs): Route[] {
  return [
    page('/fleet', ports, (c, view, sight) => sites(ports, c, view, sight)),
    page('/fleet/findings', ports, (c, view, sight) => findings(ports, c, view, sight)),
    page('/fleet/compare', ports, (c, view, sight) => {
      const asked = parseFleetAsked(c.req.query())
      const all = fitting(sight.fleet.sites, asked.state, asked.q)
      const leaf = leafOf(sorted(all, asked.sort), asked.page, ROWS)
      return fleetComparePage(view, sight, { asked, leaf, all })
    }),
    page('/fleet/compliance', ports, (c, view, sight) => compliance(ports, c, view, sight)),
    page('/fleet/sites/:tenant_id', ports, async (c, view, sight) => {
      const [site] = await whole(ports, view, sight, [c.req.param('tenant_id') ?? ''])
      if (!site) throw crossTenant()
      return fleetSitePage(view, sight, site)
    }),
    {
      method: 'GET',
      path: '/api/fleet',
      atom: 'view',
      scope: 'fleet',
      handle: async (c, view) => {
        const sight = await sightIfOn(ports.fleet, view)
        const scope = sight?.fleet.sites.map(({ tenant_id }) => tenant_id) ?? view.asker.scope
        return c.json({ scope, fleet: sight?.fleet ?? null })
      },
    },
  ]
}

/** A page of the fleet, or, while it is off, the page that says so. */
function page(
  path: string,
  { fleet }: Needs,
  make: (c: Context, view: View, sight: Sight) => Html | Promise<Html>,
): ReadRoute {
  return {
    method: 'GET',
    path,
    atom: 'view',
    scope: 'fleet',
    handle: async (c, view) => {
      const sight = await sightIfOn(fleet, view)
      return c.html(sight ? await make(c, view, sight) : fleetOffPage(view))
    },
  }
}

/** Undefined while Fleet Command is off on this box; even then a foreign tenant that is named is refused. */
export async function sightIfOn(fleet: Ports['fleet'], view: View): Promise<Sight | undefined> {
  try {
    return await sightOf(fleet, view.asker.token, view.named)
  } catch (error) {
    if (Failure.kindOf(error) !== 'not-found') throw error
    requestScope(view.session, view.named)
    return undefined
  }
}

async function sites(ports: Needs, c: Context, view: View, sight: Sight): Promise<Html> {
  const asked = parseFleetAsked(c.req.query())
  const cards = sight.fleet.sites.length <= CARDS_MAX
  const all = worstFirst(fitting(sight.fleet.sites, asked.state, asked.q))
  const leaf = leafOf(all, asked.page, ROWS)
  const rows = await wholeOf(ports, view, sight, leaf.rows)
  return fleetSitesPage(view, sight, { asked, cards, leaf: { ...leaf, rows } })
}

async function compliance(ports: Needs, c: Context, view: View, sight: Sight): Promise<Html> {
  const asked = parseFleetAsked(c.req.query())
  const all = leastCompliant(fitting(sight.fleet.sites, asked.state, asked.q))
  const leaf = leafOf(all, asked.page, COMPLIANCE_ROWS)
  const rows = await wholeOf(ports, view, sight, leaf.rows)
  return fleetCompliancePage(view, sight, { asked, all, leaf: { ...leaf, rows } })
}

async function findings({ fleet }: Needs, c: Context, view: View, sight: Sight): Promise<Html> {
  const asked = askedOf(c, view, { range: '24h', limit: ROWS })
  const site = c.req.query('site') ?? ''
  const seen = new Set(sight.fleet.sites.map(({ tenant_id }) => tenant_id))
  if (site !== '' && !seen.has(site)) throw crossTenant()
  const asker = { token: view.asker.token, scope: site === '' ? view.named : [site] }
  const told = await fleet.findings(asker, FINDINGS_MAX)
  const fit = fittingFindings(told.findings, asked, site).filter((each) => seen.has(each.tenant_id))
  const counts: Record<string, number> = {}
  for (const { severity } of fit) counts[severity] = (counts[severity] ?? 0) + 1
  return fleetFindingsPage(view, sight, {
    asked,
    site,
    counts,
    sites: new Set(fit.map(({ tenant_id }) => tenant_id)).size,
    leaf: leafOf(fit, parseFleetAsked({ page: c.req.query('page') ?? '1' }).page, ROWS),
    leftOut: told.leftOut,
  })
}

type Sites = Sight['fleet']['sites']

function wholeOf(ports: Needs, view: View, sight: Sight, rows: Sites): Promise<Sites> {
  return whole(
    ports,
    view,
    sight,
    rows.map(({ tenant_id }) => tenant_id),
  )
}

/** In the order that was asked; a site of somebody else and one that is nobody's are the same refusal. */
async function whole(
  { fleet }: Needs,
  view: View,
  sight: Sight,
  tenant_ids: readonly string[],
): Promise<Sites> {
  const seen = new Set(sight.fleet.sites.map(({ tenant_id }) => tenant_id))
  if (tenant_ids.some((each) => !seen.has(each))) throw crossTenant()
  if (tenant_ids.length === 0) return []
  const sites = await fleet.whole(view.asker, tenant_ids)
  const byId = new Map(sites.map((site) => [site.tenant_id, site]))
  return tenant_ids.flatMap((each) => byId.get(each) ?? [])
}
