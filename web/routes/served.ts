/** What the router really serves, beside the table it was made from: for `picket invariants`. */
import type { Hono } from 'hono'
import type { Route } from './table.ts'

export interface ServedRoute {
  method: string
  path: string
  /** Null: it stands in no table, so no gate is before it. */
  atom: string | null
}

export function servedRoutes(app: Hono, table: readonly Route[]): ServedRoute[] {
  return app.routes
    .filter(({ method, path }) => method !== 'ALL' || path !== '/*') // headers, for all
    .map(({ method, path }) => {
      const known = table.find((route) => route.method === method && route.path === path)
      return { method, path, atom: known?.atom ?? null }
    })
}
