/**
 * picket-web: HTTP and nothing else. It holds no key and believes no list: rows, sessions and decisions
 * come from picket-keys, actions from picket-guard, what is seen now from picket-agent.
 */

import type { Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createAdaptorServer } from '@hono/node-server'
import { systemClock } from '../agent/base/clock.ts'
import { type Config, loadConfig } from '../agent/base/config.ts'
import { Failure } from '../agent/base/failure.ts'
import { openLog } from '../agent/base/log.ts'
import { Duty } from '../agent/control/duty.ts'
import { GuardClient } from '../agent/control/guard-client.ts'
import { keysForWeb } from '../agent/control/keys-client.ts'
import { createApp, routeTable } from './app.ts'
import type { LiveEvent, Ports } from './base/ports.ts'
import { pageCertificate } from './certificate.ts'
import { linkFleet } from './fleet-link.ts'
import { lakeRows } from './lake-rows.ts'
import { lakeStatus } from './lake-status.ts'
import { inheritedFd, listen } from './listen.ts'
import { Recent } from './recent.ts'
import { servedRoutes } from './routes/served.ts'
import { settingsView } from './settings-view.ts'
import { linkSite } from './site-link.ts'

const HEADER_BYTES_MAX = 16 << 10
const REQUEST_MS_MAX = 15_000
const CONNECTIONS_MAX = 512

const log = openLog('web')

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' }, routes: { type: 'boolean' } },
  })
  const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
  const file = values.config ?? join(data, 'config.json')
  const config = loadConfig(data, values.config)
  const fd = inheritedFd(process.env, process.pid)
  const box = reachBox(data, config, file)
  if (values.routes) return showRoutes(box)
  let reply: (request: Request, env: unknown) => Response | Promise<Response> = () =>
    new Response(null, { status: 503 })
  const server = createAdaptorServer({
    fetch: (request, env) => reply(request, env),
    ...(config.web.https && { createServer: createHttpsServer }),
    serverOptions: {
      ...(config.web.https && { ...(await pageCertificate(data)), minVersion: 'TLSv1.2' }),
      maxHeaderSize: HEADER_BYTES_MAX,
      requestTimeout: REQUEST_MS_MAX,
    },
  }) as Server
  server.maxConnections = CONNECTIONS_MAX
  const listening = await listen(server, config.web, fd)
  const app = createApp(box.ports, { clock: systemClock, log, onLoopback: listening.onLoopback, ownNames: [config.web.host] }) // biome-ignore format: one line
  reply = (request, env) => app.fetch(request, env as object)
  if (!listening.onLoopback && !config.web.https)
    log.warn({ address: listening.address }, 'web.needs-tls-in-front') // without it no browser keeps the Secure cookie
  log.info({ address: listening.address, port: listening.port }, 'web.ready')
  // A page is made. Not over the network: whoever fills our connections must not have us started anew.
  const page = async () => void (await app.fetch(new Request('http://localhost/login')))
  const duty = Duty.begin({ log, checks: [page] })
  const end = () => {
    duty.end()
    server.close(() => process.exit(0))
    server.closeAllConnections()
    box.close()
    log.info({}, 'web.ended')
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}

/** For `picket invariants`: what would be served, without serving it. */
function showRoutes(box: { ports: Ports; close(): void }): void {
  const app = createApp(box.ports, { clock: systemClock, log, onLoopback: true })
  const text = JSON.stringify(servedRoutes(app, routeTable(box.ports, true)))
  process.stdout.write(text, () => process.exit(0))
}

/** The clients of the other processes, as the ports that the routes need. */
function reachBox(data: string, config: Config, file: string): { ports: Ports; close(): void } {
  const listeners = new Set<(event: LiveEvent) => void>()
  const tell = (event: LiveEvent) => {
    for (const listener of listeners) listener(event)
  }
  const recent = new Recent()
  const keys = keysForWeb(data)
  const guard = new GuardClient(data, 'web')
  const stop = guard.watch((action) => tell({ kind: 'action', action }))
  const lake = lakeStatus(keys, config.lake.retentionDays)
  const site = linkSite(
    { data, clock: systemClock, log, keys },
    {
      event: (row) => {
        recent.add(row)
        if (row.kind === 'finding') tell({ kind: 'finding', row })
      },
      status: (status) => tell({ kind: 'status', status }),
    },
  )
  const fleet = linkFleet({ data, clock: systemClock, log }, keys, tell)
  const ports: Ports = {
    fleet,
    sessions: keys,
    users: keys,
    audit: keys,
    ...lakeRows({
      query: keys.query,
      packets: keys.packets,
      recent,
      clock: systemClock,
      status: site.last,
    }),
    actions: {
      list: async (tenants) => {
        const uids = new Set(tenants.map(({ tenant_uid }) => tenant_uid))
        return (await guard.list()).filter(({ tenant_uid }) => uids.has(tenant_uid))
      },
      decide: async (token, { action_id, hash, verb }) => {
        const decision = await keys.decide({ token, action_id, hash, verb })
        return guard[verb]({ action_id, hash, decision })
      },
      neverBlock: (tenant_uid) => guard.neverBlock(tenant_uid),
    },
    site,
    lake,
    live: {
      listen: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    settings: { view: () => settingsView(config, file) },
  }
  return {
    ports,
    close: () => {
      stop()
      site.close()
      fleet.close()
      guard.close()
      keys.close()
    },
  }
}

await main().catch((error: unknown) => {
  const about = error instanceof Failure ? error.message : String((error as Error)?.stack ?? error)
  log.error({ error: about }, 'web.failed')
  process.exit(1)
})
