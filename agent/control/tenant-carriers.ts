/** Databases, topics, routes and caches as processes that run report them: whatever carries no tenant is a sentence (T1). */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { relative } from 'node:path'
import { Failure } from '../base/failure.ts'
import { visible } from '../base/text.ts'
import type { TopicsCheck } from '../link/topics-seen.ts'
import type { DatabaseCheck } from '../tenancy/sealed-db.ts'
import { NODE_FLAGS, UNITS } from './units.ts'

const ROUTES_MS_MAX = 60_000
const ROUTES_BYTES_MAX = 1 << 20
const NAME_MAX = 120

/** Tables without a tenant, and databases on disk that no process has open, so that nobody looked into them. */
export function databasesWithoutTenant(data: string, looked: readonly DatabaseCheck[]): string[] {
  const known = new Set(looked.map(({ file }) => file))
  const onDisk = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(db|sqlite3?|duckdb)$/i.test(entry.name))
    .map((entry) => relative(data, `${entry.parentPath}/${entry.name}`))
  return [
    ...looked.flatMap(({ file, withoutTenant }) => withoutTenant.map((table) => `${file} table ${table} has rows without tenant_id`)), // biome-ignore format: one line
    ...onDisk.filter((file) => !known.has(file)).map((file) => `${file} is a database that no process has open`), // biome-ignore format: one line
  ]
}

export function topicsCarried({ withoutTenant }: TopicsCheck): string[] {
  return withoutTenant.map((topic) => `the broker carried ${visible(topic).slice(0, NAME_MAX)}, which names no tenant`) // biome-ignore format: one line
}

/** A cache, its keys, and how many of them do not say whose the value is. */
export interface CacheCheck {
  name: string
  keys: number
  withoutTenant: number
}

const UID_WITHIN = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g

/** A key is somebody's when it holds the uid of a tenant of this box. */
export function checkCaches(
  caches: Readonly<Record<string, readonly string[]>>,
  tenantUids: readonly string[],
): CacheCheck[] {
  const known = new Set(tenantUids)
  const isOwned = (key: string) => (key.match(UID_WITHIN) ?? []).some((uid) => known.has(uid))
  return Object.entries(caches).map(([name, keys]) => ({
    name,
    keys: keys.length,
    withoutTenant: keys.filter((key) => !isOwned(key)).length,
  }))
}

export function cachesWithoutTenant(caches: readonly CacheCheck[]): string[] {
  return caches
    .filter(({ withoutTenant }) => withoutTenant > 0)
    .map(({ name, withoutTenant }) => `the cache of ${name} has ${withoutTenant} keys that name no tenant`) // biome-ignore format: one line
}

/** A route as picket-web's router has it. */
export interface ServedRoute {
  method: string
  path: string
  /** What a session needs for it; `nobody`: it is for those without one; null: it stands in no table. */
  atom: string | null
}

/** Before a session there is no scope, so nothing of a tenant may be shown: these are all there are. */
const OPEN = ['GET /login', 'POST /login', 'GET /first', 'POST /first', 'GET /assets/:name{[a-z]+\\.[a-z]+}', 'GET /healthz'] // biome-ignore format: one list

export function routesWithoutScope(routes: readonly ServedRoute[]): string[] {
  return routes.flatMap(({ method, path, atom }) => {
    const name = `${method} ${path}`
    if (atom === null) return [`the route ${name} stands in no table: nothing gives it a scope`]
    if (atom === 'nobody' && !OPEN.includes(name)) return [`the route ${name} needs no session, so it has no scope`] // biome-ignore format: one line
    return []
  })
}

/** Asks the program of picket-web for what its router serves; it opens no port for that. */
export function servedRoutes(data: string, config?: string): Promise<ServedRoute[]> {
  const program = UNITS.find(({ name }) => name === 'web')?.program
  if (!program) throw new Failure('internal', 'There is no picket-web on this box.')
  const args = [...NODE_FLAGS, program, '--data', data, ...(config ? ['--config', config] : []), '--routes'] // biome-ignore format: one line
  const options = { timeout: ROUTES_MS_MAX, maxBuffer: ROUTES_BYTES_MAX }
  return new Promise((done, fail) =>
    execFile(process.execPath, args, options, (error, stdout) => {
      if (error) return fail(new Failure('unavailable', 'picket-web did not say which routes it serves.', {}, error)) // biome-ignore format: one line
      done(JSON.parse(stdout) as ServedRoute[])
    }),
  )
}
