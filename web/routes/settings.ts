import * as v from 'valibot'
import { EVENT_KINDS } from '../../agent/base/event.ts'
import { Failure } from '../../agent/base/failure.ts'
import type { Ports } from '../base/ports.ts'
import { THEMES, type Theme, type View } from '../base/view.ts'
import { writeTaste } from '../identity/cookie.ts'
import { settingsPage } from '../ui/pages/settings.ts'
import type { RetentionChoice, RetentionParts } from '../ui/retention.ts'
import { scoped } from './now.ts'
import { part } from './reply.ts'
import type { Route } from './table.ts'

const Choice = v.object({
  tenant: v.pipe(v.string(), v.maxLength(64)),
  kind: v.picklist(['all', ...EVENT_KINDS]),
  days: v.optional(v.pipe(v.string(), v.regex(/^(|[1-9]\d{0,4})$/)), ''),
})

export function settingRoutes({
  site,
  settings,
  lake,
}: Pick<Ports, 'site' | 'settings' | 'lake'>): Route[] {
  const retention = async (view: View, more: Partial<RetentionParts> = {}) => {
    const kept = await part(lake.status(view.asker))
    return 'value' in kept
      ? { tenants: kept.value.tenants, ...more }
      : { tenants: [], fault: kept.fault, ...more }
  }
  const page = async (view: View, more: { tested?: string; retention?: Partial<RetentionParts> }) =>
    settingsPage(view, {
      settings: settings.view(),
      status: view.status,
      ...(more.tested === undefined ? {} : { tested: more.tested }),
      retention: await retention(view, more.retention),
    })
  return [
    {
      method: 'GET',
      path: '/settings',
      atom: 'view',
      handle: async (c, view) => {
        const theme = c.req.query('theme')
        // Only how this browser draws: nothing on the box changes, so a GET may do it.
        const chosen = THEMES.includes(theme as Theme) ? (theme as Theme) : undefined
        if (chosen) writeTaste(c, 'picket-theme', chosen)
        const shown = chosen ? { ...view, theme: chosen, here: '/settings' } : view
        const asked = c.req.query('kind') === undefined ? {} : await preview(lake, view, c.req.query()) // biome-ignore format: one line
        return c.html(await page(shown, { retention: asked }))
      },
    },
    {
      method: 'POST',
      path: '/settings/retention',
      atom: 'settings',
      audit: { verb: 'retention.changed', by: 'keys' },
      handle: async (c, view, form) => {
        const choice = readChoice(view, Object.fromEntries(form))
        const deletes = await lake.setRetention(view.asker.token, choice)
        return c.html(await page({ ...view, here: '/settings' }, { retention: { choice: { ...choice, deletes, done: true } } })) // biome-ignore format: one line
      },
    },
    {
      method: 'POST',
      path: '/settings/selftest',
      atom: 'rules',
      audit: { verb: 'health.self-test', by: 'table' },
      handle: async (c, view) => {
        const { sentence } = await site.selfTest()
        return c.html(await page({ ...view, here: '/settings' }, { tested: sentence }))
      },
    },
  ]
}

/** What a change would delete; a slip is said on the page that it was made on. */
async function preview(
  lake: Ports['lake'],
  view: View,
  query: Record<string, string>,
): Promise<Partial<RetentionParts>> {
  try {
    const choice = readChoice(view, query)
    return {
      choice: { ...choice, deletes: await lake.wouldRetire(view.asker.token, choice), done: false },
    }
  } catch (error) {
    if (Failure.kindOf(error) !== 'invalid') throw error
    return { wrong: (error as Failure).message }
  }
}

function readChoice(view: View, given: Record<string, unknown>): RetentionChoice {
  const read = v.safeParse(Choice, given)
  if (!read.success) throw new Failure('invalid', 'Choose a kind, and a number of days from 1 to 36500 or none.') // biome-ignore format: one line
  const { tenant: tenant_id, kind, days } = read.output
  if (!scoped(view).some((each) => each.tenant_id === tenant_id))
    throw new Failure('invalid', 'Choose one of the sites that you see.')
  const number = days === '' ? null : Number(days)
  if (number !== null && number > 36_500) throw new Failure('invalid', 'Choose 36500 days at most.')
  if (number === null && kind === 'all') throw new Failure('invalid', 'The rule for every other kind needs a number of days.') // biome-ignore format: one line
  return { tenant_id, kind, days: number }
}
