/** Who may join the fleet: claim codes, revocation, and the switch itself. picket-keys does each, and writes its line. */
import type { Context } from 'hono'
import * as v from 'valibot'
import { Failure } from '../../agent/base/failure.ts'
import { SLUG } from '../../agent/base/ids.ts'
import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { sightOf } from '../fleet/sight.ts'
import { fleetJoinsPage, fleetOffPage, type JoinsFound } from '../ui/pages/fleet-joins.ts'
import { sightIfOn } from './fleet.ts'
import type { Route } from './table.ts'

const Claim = v.object({
  tenant_id: v.pipe(
    v.string(),
    v.trim(),
    v.regex(SLUG, 'A tenant id is small letters, digits and hyphens, 2 to 31, a letter first.'),
  ),
  site: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, 'Say what people call the site.'),
    v.maxLength(64),
  ),
})
const Revoke = v.object({ tenant_id: v.pipe(v.string(), v.regex(SLUG)) })
const EMPTY = { tenant_id: '', site: '' }

type Needs = Pick<Ports, 'fleet'>

export function fleetJoinRoutes({ fleet }: Needs): Route[] {
  return [
    {
      method: 'GET',
      path: '/fleet/joins',
      atom: 'settings',
      scope: 'fleet',
      handle: async (c, view) => {
        const sight = await sightIfOn(fleet, view)
        if (!sight) return c.html(fleetOffPage(view))
        const { tenant_id = '', site = '', revoked } = c.req.query()
        const draft = { tenant_id: tenant_id.slice(0, 31), site: site.slice(0, 64) }
        const joins = await fleet.joins(view.asker.token)
        return c.html(fleetJoinsPage(view, sight, { joins, draft, revoked }))
      },
    },
    {
      method: 'POST',
      path: '/fleet/claim',
      atom: 'settings',
      scope: 'fleet',
      audit: { verb: 'fleet.claim', by: 'keys' },
      handle: (c, view, form) => claim(fleet, c, view, form),
    },
    {
      method: 'POST',
      path: '/fleet/revoke',
      atom: 'settings',
      scope: 'fleet',
      audit: { verb: 'fleet.revoked', by: 'keys' },
      handle: async (c, view, form) => {
        const { tenant_id } = parsed(Revoke, form)
        await fleet.revoke(view.asker.token, tenant_id)
        return c.redirect(`/fleet/joins?revoked=${tenant_id}`, 303)
      },
    },
    edition(fleet, true),
    edition(fleet, false),
  ]
}

function edition(fleet: Ports['fleet'], on: boolean): Route {
  const word = on ? 'on' : 'off'
  return {
    method: 'POST',
    path: `/fleet/${word}`,
    atom: 'settings',
    scope: 'fleet',
    audit: { verb: `fleet.${word}`, by: 'keys' },
    handle: async (c, view) => {
      await fleet.edition(view.asker.token, on)
      return c.redirect('/fleet', 303)
    },
  }
}

/** The code stands in this answer and nowhere else: no URL, no list, no log. */
async function claim(
  fleet: Ports['fleet'],
  c: Context,
  view: View,
  form: URLSearchParams,
): Promise<Response> {
  const given = v.safeParse(Claim, Object.fromEntries(form))
  const draft = { tenant_id: form.get('tenant_id') ?? '', site: form.get('site') ?? '' }
  const show = async (more: Partial<JoinsFound>, status: 200 | 400) => {
    const [sight, joins] = await Promise.all([
      sightOf(fleet, view.asker.token, []),
      fleet.joins(view.asker.token),
    ])
    const here = { ...view, here: '/fleet/joins' }
    return c.html(fleetJoinsPage(here, sight, { joins, draft: EMPTY, ...more }), status)
  }
  if (!given.success) return show({ draft: { ...draft, fault: given.issues[0].message } }, 400)
  try {
    const made = await fleet.claim(view.asker.token, given.output)
    return await show({ made: { ...made, site: given.output.site } }, 200)
  } catch (error) {
    const kind = Failure.kindOf(error)
    if (kind !== 'invalid' && kind !== 'conflict') throw error
    return show({ draft: { ...draft, fault: (error as Failure).message } }, 400)
  }
}

function parsed<T extends v.GenericSchema>(schema: T, form: URLSearchParams): v.InferOutput<T> {
  const given = v.safeParse(schema, Object.fromEntries(form))
  if (given.success) return given.output
  throw new Failure('invalid', 'That change could not be read. Reload the page.')
}
