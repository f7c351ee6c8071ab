import type { Context } from 'hono'
import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { flowsPage } from '../ui/pages/flows.ts'
import { askedOf, filterOf, listReply, nextOf } from './reply.ts'
import type { Route } from './table.ts'

const USUAL = { range: '1h', limit: 100 } as const

export function flowRoutes({ flows }: Pick<Ports, 'flows'>): Route[] {
  const list = async (c: Context, view: View) => {
    const asked = askedOf(c, view, USUAL)
    const found = await flows.list(view.asker, filterOf(view, 'flows', asked))
    return { asked, found, next: nextOf(view, 'flows', found.next) }
  }
  return [
    {
      method: 'GET',
      path: '/flows',
      atom: 'view',
      handle: async (c, view) => {
        const { asked, found, next } = await list(c, view)
        return c.html(flowsPage(view, asked, found, next))
      },
    },
    {
      method: 'GET',
      path: '/api/flows',
      atom: 'view',
      handle: async (c, view) => {
        const { found, next } = await list(c, view)
        return listReply(c, view, found.rows, next, found.gaps)
      },
    },
  ]
}
