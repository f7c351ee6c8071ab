import type { Ports } from '../base/ports.ts'
import { hardwarePage } from '../ui/pages/hardware.ts'
import type { Route } from './table.ts'

/** The machine is no tenant's: whoever sees one of the box's sites sees what carries it, and nothing of anybody's rows. */
export function hardwareRoutes({ site }: Pick<Ports, 'site'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/hardware',
      atom: 'view',
      handle: async (c, view) => c.html(hardwarePage(view, await site.machine())),
    },
    {
      method: 'GET',
      path: '/api/hardware',
      atom: 'view',
      handle: async (c, view) => c.json({ scope: view.asker.scope, machine: await site.machine() }),
    },
  ]
}
