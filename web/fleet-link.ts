/** Fleet Command's rows, from picket-link: connected again whenever it was restarted; a change is told to open pages. */
import type { Clock } from '../agent/base/clock.ts'
import { Failure } from '../agent/base/failure.ts'
import type { Log } from '../agent/base/log.ts'
import { LinkClient } from '../agent/control/link-client.ts'
import type { Fleet, FleetClaim, FleetJoins, LiveEvent } from './base/ports.ts'
import { KeptViews } from './fleet/kept.ts'

const AGAIN_MS = 500

/** What picket-keys does for these pages; `joins` and those below it need the atom `settings`. */
export interface FleetKeys {
  joins(given: { token: string }): Promise<FleetJoins>
  fleetClaim(given: { token: string; tenant_id: string; site: string }): Promise<FleetClaim>
  fleetRevoke(given: { token: string; tenant_id: string }): Promise<unknown>
  fleetEdition(given: { token: string; on: boolean }): Promise<unknown>
}

export interface FleetLink extends Fleet {
  close(): void
}

export function linkFleet(
  { data, clock, log }: { data: string; clock: Clock; log: Log },
  keys: FleetKeys,
  tell: (event: LiveEvent) => void,
): FleetLink {
  const link = holdLink(data, log, {
    lost: () => views.forget(),
    changed: async (tenant_ids) => tell({ kind: 'fleet', concerns: await views.renew(tenant_ids) }),
  })
  const views = new KeptViews(async (token) => link.reach().fleet({ token, brief: true }), clock)
  const scopeOf = (scope: readonly string[]) => (scope.length > 0 ? { scope: [...scope] } : {})
  /** After a change of ours picket-link reads the fleet again, and so do we. */
  const after = async (done: Promise<unknown>): Promise<void> => {
    await done
    await link.reload()
    views.forget()
  }
  return {
    on: async (token) => {
      if (views.on === undefined && link.up()) await views.of(token).catch(() => undefined)
      return views.on ?? false
    },
    view: async ({ token, scope }) =>
      scope.length === 0
        ? views.of(token)
        : link.reach().fleet({ token, ...scopeOf(scope), brief: true }),
    whole: async ({ token }, tenant_ids) =>
      (await link.reach().fleet({ token, scope: [...tenant_ids] })).sites,
    findings: async ({ token, scope }, limit) =>
      link.reach().findings({ token, ...scopeOf(scope), limit }),
    joins: (token) => keys.joins({ token }),
    claim: (token, wanted) => keys.fleetClaim({ token, ...wanted }),
    revoke: (token, tenant_id) => after(keys.fleetRevoke({ token, tenant_id })),
    edition: (token, on) => after(keys.fleetEdition({ token, on })),
    close: () => link.close(),
  }
}

interface Listeners {
  lost(): void
  changed(tenant_ids: string[]): Promise<void>
}

/** One connection to picket-link, made again while this process runs. */
function holdLink(data: string, log: Log, { lost, changed }: Listeners) {
  let client: LinkClient | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const attend = async () => {
    const made = await LinkClient.open(data, 'web')
    if (closed) return made.close()
    client = made
    made.onClose(() => {
      client = undefined
      lost()
      again()
    })
    await made.subscribe((tenant_ids) => void changed(tenant_ids))
    log.info({}, 'link.linked')
  }
  const again = () => {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(() => attend().catch(again), AGAIN_MS)
  }
  attend().catch(again)
  return {
    up: () => client !== undefined,
    reach: () => {
      if (client) return client
      throw new Failure('unavailable', 'picket-link does not answer: the fleet is not known now.')
    },
    reload: async () => {
      await client
        ?.reload()
        .catch((error: unknown) => log.warn({ error: String(error) }, 'link.deaf'))
    },
    close: () => {
      closed = true
      clearTimeout(timer)
      client?.close()
    },
  }
}
