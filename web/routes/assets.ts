import type { Context } from 'hono'
import type { Asked } from '../base/filter.ts'
import type { AssetView, Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { assetsPage } from '../ui/pages/assets.ts'
import { askedOf, filterOf, listReply, nextOf, pageOf } from './reply.ts'
import type { Route } from './table.ts'

const USUAL = { range: 'all', limit: 100 } as const

export function assetRoutes({ site }: Pick<Ports, 'site'>): Route[] {
  const list = async (c: Context, view: View) => {
    const asked = askedOf(c, view, USUAL)
    const own = (await site.assets()).filter((each) => view.asker.scope.includes(each.tenant_id))
    const fit = own.filter((each) => fits(each, asked))
    const page = pageOf(fit, filterOf(view, 'assets', asked), (each) => ({
      at: each.lastSeen,
      id: each.address,
    }))
    return { asked, own, fit, page, next: nextOf(view, 'assets', page.next) }
  }
  return [
    {
      method: 'GET',
      path: '/assets',
      atom: 'view',
      handle: async (c, view) => {
        const { asked, own, fit, page, next } = await list(c, view)
        const found = { rows: page.rows, fit: fit.length, known: own.length }
        return c.html(assetsPage(view, asked, found, next))
      },
    },
    {
      method: 'GET',
      path: '/api/assets',
      atom: 'view',
      handle: async (c, view) => {
        const { page, next } = await list(c, view)
        return listReply(c, view, page.rows, next)
      },
    },
  ]
}

/** Seen within the time that was asked, and holding what was searched. */
function fits(each: AssetView, { filter, q }: Asked): boolean {
  if (filter.from !== undefined && each.lastSeen < filter.from) return false
  if (filter.to !== undefined && each.firstSeen > filter.to) return false
  if (filter.address) return each.address === filter.address
  const wanted = q.toLowerCase()
  return [each.address, each.mac, each.vendor, ...each.names, ...each.roles].some((text) =>
    text?.toLowerCase().includes(wanted),
  )
}
