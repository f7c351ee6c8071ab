/** The whole of picket-web without a socket: routes, gate, headers, troubles. */
import { Hono } from 'hono'
import type { Clock } from '../agent/base/clock.ts'
import type { Log } from '../agent/base/log.ts'
import type { Ports } from './base/ports.ts'
import { actionRoutes } from './routes/actions.ts'
import { assetRoutes } from './routes/assets.ts'
import { auditRoutes } from './routes/audit.ts'
import { doorRoutes } from './routes/door.ts'
import { findingRoutes } from './routes/findings.ts'
import { fleetRoutes } from './routes/fleet.ts'
import { fleetJoinRoutes } from './routes/fleet-joins.ts'
import { flowRoutes } from './routes/flows.ts'
import { type Gate, mount } from './routes/gate.ts'
import { hardwareRoutes } from './routes/hardware.ts'
import { headers } from './routes/headers.ts'
import { lakeRoutes } from './routes/lake.ts'
import { liveRoutes } from './routes/live.ts'
import { nowRoutes } from './routes/now.ts'
import { ruleRoutes } from './routes/rules.ts'
import { settingRoutes } from './routes/settings.ts'
import { staticRoutes } from './routes/static.ts'
import type { Route } from './routes/table.ts'
import { troubles } from './routes/trouble.ts'
import { userRoutes } from './routes/users.ts'

export interface AppOptions {
  clock: Clock
  log: Log
  onLoopback: boolean
  ownNames?: readonly string[]
}

/** Every route there is: what the test of the audit lines reads. */
export function routeTable(ports: Ports, onLoopback: boolean): Route[] {
  return [
    ...doorRoutes({ sessions: ports.sessions, onLoopback }),
    ...nowRoutes(ports),
    ...findingRoutes(ports),
    ...flowRoutes(ports),
    ...assetRoutes(ports),
    ...actionRoutes(ports),
    ...lakeRoutes(ports),
    ...hardwareRoutes(ports),
    ...ruleRoutes(ports),
    ...settingRoutes(ports),
    ...userRoutes(ports),
    ...auditRoutes(ports),
    ...fleetRoutes(ports),
    ...fleetJoinRoutes(ports),
    ...liveRoutes(ports),
    ...staticRoutes(),
  ]
}

export function createApp(ports: Ports, options: AppOptions): Hono {
  const routes = routeTable(ports, options.onLoopback)
  const gate: Gate = { ports, ...options }
  const app = new Hono()
  app.use(headers)
  troubles(app, routes, gate, options.log)
  mount(app, routes, gate)
  return app
}
