/**
 * A question, from picket-keys to a cell and back. The scope comes from the caller, who resolved it from
 * a session; here it becomes files (from the lake's signed catalog), keys (asked one tenant and epoch at
 * a time) and a process that is handed exactly these.
 */
import { dirname, join } from 'node:path'
import { crossTenant, Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import { TIERS } from '../lake/catalog.ts'
import type { Branch } from '../lake/cell.ts'
import type { CellQuestion } from '../lake/cell-answer.ts'
import { FileCheck } from '../lake/file-check.ts'
import { NAMED_QUERIES, type NamedQuery, readParams } from '../lake/named-queries.ts'
import type { Walls } from '../lake/walls.ts'
import type { TenantRef } from '../tenancy/tenant.ts'
import { type CellAnswer, RESULT_BYTES_MAX } from './cell-client.ts'
import { CellPool } from './cell-pool.ts'
import type { QueryAnswer, QueryRunner, Question } from './keys-client.ts'
import { type LakeClient, type LakeFile, lakeClient } from './lake-client.ts'
import { QueryGate } from './query-gate.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'
import { SqlGuardClient } from './sql-guard-client.ts'

export type QueryRequest = Parameters<QueryRunner['query']>[0]

/** Also ends cells early: a revocation, a shred or the end of a lease kills first and answers second. */
export interface CellQueryRunner extends QueryRunner {
  forget(tenant_uid: string): void
  close(): void
}

export function createQueryRunner(data: string, log: Log, walls?: Walls): CellQueryRunner {
  const lake = reachLake(data)
  const gate = new QueryGate()
  const guard = new SqlGuardClient(walls)
  const pool = new CellPool(walls)
  const check = new FileCheck()
  guard.warm()
  pool.prepare()
  return {
    query: (request) => {
      const asked = readQuestion(request)
      return gate.run(request.session, async () => {
        if (request.tenants.length === 0) throw new Failure('refused', 'The scope is empty.')
        if (asked.sql !== undefined) await guard.check(asked.sql, scopeOf(request.tenants))
        const scope = await handOut(request, { data, lake: await lake.get(), check })
        const started = performance.now()
        const answer = await (asked.named
          ? pool.warm(scope.warm, (cell) =>
              cell.ask({ ...(asked.named as Named), bytesMax: RESULT_BYTES_MAX }),
            )
          : askFresh(pool, scope, asked.sql as string))
        for (const { file, mark } of scope.files) await check.after(file, mark)
        log.debug({ ms: Math.round(performance.now() - started), rows: answer.rows.length }, 'query.answered') // biome-ignore format: one line
        return compose(request.tenants, answer, scope.gaps)
      })
    },
    forget: (tenant_uid) => pool.forget(tenant_uid),
    leave: (session) => pool.leave(session),
    cacheKeys: () => ({ 'warm cells': pool.keys(), 'checked files': check.keys() }),
    close: () => {
      guard.close()
      pool.close()
      lake.close()
    },
  }
}

type Named = Omit<CellQuestion, 'bytesMax'>

function readQuestion({ sql, named, params }: Question): { sql?: string; named?: Named } {
  if ((sql === undefined) === (named === undefined))
    throw new Failure('invalid', 'Ask either by SQL or by the name of a fixed question.')
  if (sql !== undefined) return { sql }
  const query: NamedQuery | undefined = Object.hasOwn(NAMED_QUERIES, named as string)
    ? NAMED_QUERIES[named as string]
    : undefined
  if (!query) throw new Failure('not-found', 'There is no fixed question of that name.')
  const { params: _, ...texts } = query
  return { named: { ...texts, params: readParams(query, params ?? {}) } }
}

function scopeOf(tenants: readonly TenantRef[]) {
  return {
    tenants: tenants.map(({ tenant_id }) => tenant_id),
    fleets: [...new Set(tenants.map(({ fleet_id }) => fleet_id))],
  }
}

interface Means {
  data: string
  lake: LakeClient
  check: FileCheck
}

interface Scope {
  branches: Branch[]
  files: { file: LakeFile; mark: string }[]
  gaps: string[]
  warm: Parameters<CellPool['warm']>[0]
}

/** The files of the scope, each looked at (D11), with the keys they need. A wrong one fails, or is a named gap (D13). */
async function handOut(request: QueryRequest, { data, lake, check }: Means): Promise<Scope> {
  const byUid = new Map(request.tenants.map((tenant) => [tenant.tenant_uid, tenant]))
  const tenant_uids = [...byUid.keys()].sort()
  const answer = await lake.files({ tenant_uids })
  const files: Scope['files'] = []
  const gaps: string[] = []
  // A view that is not there is an error; one without its files would be fewer rows without a word.
  const wantsAnnex = request.sql !== undefined && /annex/i.test(request.sql)
  const wanted = ({ tier }: LakeFile) => tier !== undefined || wantsAnnex
  for (const file of answer.tenants.flatMap((each) => each.files.filter(wanted))) {
    if (!byUid.has(file.tenant_uid) || !isOwn(data, file)) throw crossTenant()
    try {
      files.push({ file, mark: await check.before(file) })
    } catch (error) {
      if (!request.partial || !(error instanceof Failure)) throw error
      gaps.push(`${error.message} ${file.rows} rows are not in this answer.`)
    }
  }
  const branches: Branch[] = []
  for (const [tenant_uid, own] of Map.groupBy(files, ({ file }) => file.tenant_uid)) {
    const { tenant_id, fleet_id } = byUid.get(tenant_uid) as TenantRef
    for (const [epoch, some] of Map.groupBy(own, ({ file }) => file.epoch)) {
      const key = request.keyFor(tenant_uid, epoch).toString('base64')
      const [events, annex] = [some.filter(({ file }) => file.tier), some.filter(({ file }) => !file.tier)].map((list) => list.map(({ file }) => file.path)) as [string[], string[]] // biome-ignore format: one line
      branches.push({ tenant_id, fleet_id, key, paths: events, ...(wantsAnnex ? { annex } : {}) })
    }
  }
  const folders = tenant_uids.flatMap((uid) =>
    ['tier1', 'tier2'].map((tier) => `${join(data, 'tenants', uid, tier)}/`),
  )
  const generations = answer.tenants.map((each) => `${each.tenant_uid}:${each.generation}`).sort()
  const epochs = files.map(({ file }) => file.path).sort()
  const key = JSON.stringify([tenant_uids, request.rights])
  const warm = { key, session: request.session, tenant_uids, folders, branches, snapshot: [...generations, ...epochs].join() } // biome-ignore format: one line
  return { branches, files, gaps, warm }
}

/** The catalog is signed, but a path is only followed into the tenant's own tiers. */
export function isOwn(data: string, { path, tenant_uid }: LakeFile): boolean {
  const folder = join(data, 'tenants', tenant_uid)
  return TIERS.some((tier) => dirname(path) === join(folder, tier))
}

async function askFresh(pool: CellPool, scope: Scope, sql: string): Promise<CellAnswer> {
  const cell = await pool.fresh()
  try {
    await cell.confine(scope.files.map(({ file }) => file.path))
    await cell.open(scope.branches)
    return await cell.ask({ sql, params: {}, bytesMax: RESULT_BYTES_MAX })
  } finally {
    cell.kill()
  }
}

function compose(
  tenants: readonly TenantRef[],
  { columns, rows, truncated }: CellAnswer,
  gaps: string[],
): QueryAnswer {
  return {
    scope: tenants.map(({ tenant_id }) => tenant_id).sort(),
    columns,
    rows,
    ...(truncated ? { truncated } : {}),
    ...(gaps.length > 0 ? { gaps } : {}),
  }
}

/** Connects at the first question and again after picket-lake was restarted. */
function reachLake(data: string) {
  let open: Promise<{ client: LakeClient; close(): void }> | undefined
  return {
    get: async () => {
      open ??= connect(socketPath(data, 'lake', 'keys')).then((rpc) => {
        rpc.onClose(() => {
          open = undefined
        })
        return { client: lakeClient(rpc), close: () => rpc.close() }
      })
      try {
        return (await open).client
      } catch (error) {
        open = undefined
        throw error
      }
    },
    close: () => void open?.then((made) => made.close()).catch(() => {}),
  }
}
