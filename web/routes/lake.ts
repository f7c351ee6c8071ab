import type { Ports } from '../base/ports.ts'
import { lakePage } from '../ui/pages/lake.ts'
import type { Route } from './table.ts'

export function lakeRoutes({ lake }: Pick<Ports, 'lake'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/lake',
      atom: 'view',
      handle: async (c, view) => c.html(lakePage(view, await lake.status(view.asker))),
    },
    {
      method: 'GET',
      path: '/api/lake',
      atom: 'view',
      handle: async (c, view) =>
        c.json({ scope: view.asker.scope, lake: await lake.status(view.asker) }),
    },
  ]
}
