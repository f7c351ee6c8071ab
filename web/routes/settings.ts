import type { Ports } from '../base/ports.ts'
import { THEMES, type Theme } from '../base/view.ts'
import { writeTaste } from '../identity/cookie.ts'
import { settingsPage } from '../ui/pages/settings.ts'
import type { Route } from './table.ts'

export function settingRoutes({ site, settings }: Pick<Ports, 'site' | 'settings'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/settings',
      atom: 'view',
      handle: (c, view) => {
        const theme = c.req.query('theme')
        // Only how this browser draws: nothing on the box changes, so a GET may do it.
        const chosen = THEMES.includes(theme as Theme) ? (theme as Theme) : undefined
        if (chosen) writeTaste(c, 'picket-theme', chosen)
        const shown = chosen ? { ...view, theme: chosen, here: '/settings' } : view
        return c.html(settingsPage(shown, { settings: settings.view(), status: view.status }))
      },
    },
    {
      method: 'POST',
      path: '/settings/selftest',
      atom: 'rules',
      audit: { verb: 'health.self-test', by: 'table' },
      handle: async (c, view) => {
        const { sentence } = await site.selfTest()
        const parts = { settings: settings.view(), status: view.status, tested: sentence }
        return c.html(settingsPage({ ...view, here: '/settings' }, parts))
      },
    },
  ]
}
