/** What one request sees of the fleet: the sites of the session, or those of them that it names. */
import { crossTenant } from '../../agent/base/failure.ts'
import type { Fleet, FleetView } from '../base/ports.ts'

export interface Sight {
  fleet: FleetView
  /** How many sites the session sees, whatever was named. */
  all: number
  /** Names and ids of all of them, to choose from. */
  choice: { tenant_id: string; site: string }[]
  named: readonly string[]
}

/**
 * picket-keys refuses a foreign site itself; here it is so that no page is begun, in the same words whether
 * the site exists or not. The narrowed view is asked for again, since its sentence must not speak of others.
 */
export async function sightOf(
  port: Fleet,
  token: string,
  named: readonly string[],
): Promise<Sight> {
  const whole = await port.view({ token, scope: [] })
  const ids = new Set(whole.sites.map(({ tenant_id }) => tenant_id))
  if (named.some((each) => !ids.has(each))) throw crossTenant()
  const fleet =
    named.length === 0 || named.length === ids.size
      ? whole
      : await port.view({ token, scope: named })
  const choice = whole.sites.map(({ tenant_id, site }) => ({ tenant_id, site }))
  return { fleet, all: whole.sites.length, choice, named }
}
