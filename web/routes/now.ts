import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { nowPage } from '../ui/pages/now.ts'
import { part } from './reply.ts'
import type { Route } from './table.ts'

const FINDINGS_MAX = 8
const DAY_US = 86_400e6

type Needs = Pick<Ports, 'site' | 'findings' | 'days' | 'actions' | 'lake'>

export function nowRoutes(ports: Needs): Route[] {
  return [
    { method: 'GET', path: '/', atom: 'view', handle: (c) => c.redirect('/now', 303) },
    {
      method: 'GET',
      path: '/now',
      atom: 'view',
      handle: async (c, view) => c.html(nowPage(view, await parts(ports, view))),
    },
    {
      method: 'GET',
      path: '/api/status',
      atom: 'view',
      handle: (c, view) => c.json({ scope: view.asker.scope, status: view.status ?? null }),
    },
  ]
}

/** Each part by itself: a lake that does not answer must not hide that the site is blind. */
async function parts({ site, findings, days, actions, lake }: Needs, view: View) {
  const { asker } = view
  const tenants = scoped(view)
  const from = view.zone.nowUs - DAY_US
  const [status, found, day, acts, assets, kept] = await Promise.all([
    view.status ? { value: view.status } : part(site.status().then(hidden)),
    part(findings.list(asker, { from, limit: FINDINGS_MAX }).then(({ rows }) => rows)),
    part(days.last24h(asker)),
    part(actions.list(tenants)),
    part(site.assets().then((all) => all.filter((each) => asker.scope.includes(each.tenant_id)))),
    part(lake.status(asker)),
  ])
  return { status, findings: found, day, actions: acts, assets, lake: kept }
}

/** A status that did not get into the view belongs to a tenant that this reader may not see. */
function hidden(): never {
  throw new RangeError('the status of another tenant')
}

export function scoped(view: View): View['session']['tenants'] {
  return view.session.tenants.filter(({ tenant_id }) => view.asker.scope.includes(tenant_id))
}
