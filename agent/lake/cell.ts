/**
 * The inside of a cell: one engine that knows the files and keys of one scope, locked before the first
 * question. Nothing here protects one scope from another; that other scopes' keys and files are not
 * here does.
 */
import {
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBResult,
  DuckDBTypeId,
  type DuckDBValue,
  type Json,
  JsonDuckDBValueConverter,
  StatementType,
} from '@duckdb/node-api'
import { isoFromUs } from '../base/clock.ts'
import { COLUMNS } from '../base/event.ts'
import { annexView } from './annex-view.ts'
import { literal, openEngine } from './engine.ts'
import { scan } from './parquet.ts'

/** One tenant's files under one key. */
export interface Branch {
  tenant_id: string
  fleet_id: string
  /** base64 of 32 bytes. */
  key: string
  paths: readonly string[]
  /** Files of the annex; absent where the question does not ask for it. */
  annex?: readonly string[]
}

export interface CellQuestion {
  sql: string
  params: Readonly<Record<string, string | number | null>>
  bytesMax: number
}

const MEMORY_MIB = 256 // the engine's own limit, below the process's
const THREADS = 2

/** An engine with the view `events` over exactly these branches, and no way to reach or change more. */
export async function openCell(branches: readonly Branch[]): Promise<DuckDBInstance> {
  const instance = await openBranches(branches)
  const connection = await instance.connect()
  try {
    await lockEngine(connection, branches)
    return instance
  } finally {
    connection.closeSync()
  }
}

/** The view alone: who asks this engine can still reach whatever its process can. */
export async function openBranches(branches: readonly Branch[]): Promise<DuckDBInstance> {
  const instance = await openEngine({ memoryMiB: MEMORY_MIB, threads: 1 })
  const connection = await instance.connect()
  try {
    await connection.run(`SET threads = ${THREADS}`) // only now: these threads start confined
    for (const [i, { key }] of branches.entries())
      await connection.run(`PRAGMA add_parquet_key('k${i}', '${key}')`)
    const scans = branches.flatMap((branch, i) => (branch.paths.length > 0 ? [branchSql(branch, i)] : [])) // biome-ignore format: one line
    const view = scans.length > 0 ? scans.join(' UNION ALL BY NAME ') : EMPTY
    await connection.run(`CREATE VIEW events AS ${view}`)
    await connection.run('CREATE SCHEMA lake')
    await connection.run('CREATE VIEW lake.events AS SELECT * FROM main.events')
    if (branches.every(({ annex }) => annex)) await openAnnex(connection, branches)
    await connection.run('SET parquet_metadata_cache = true')
    return instance
  } finally {
    connection.closeSync()
  }
}

async function openAnnex(connection: DuckDBConnection, branches: readonly Branch[]): Promise<void> {
  const scans = branches.map(({ tenant_id, annex = [] }, i) => ({ tenant_id, keyName: `k${i}`, paths: annex })) // biome-ignore format: one line
  await connection.run(`CREATE VIEW annex AS ${annexView(scans)}`)
  await connection.run('CREATE VIEW lake.annex AS SELECT * FROM main.annex')
}

/** For good: the engine opens these files, no other, and none of its settings can be changed again. */
export async function lockEngine(
  connection: DuckDBConnection,
  branches: readonly Branch[],
): Promise<void> {
  const paths = branches.flatMap((branch) => [...branch.paths, ...(branch.annex ?? [])])
  await connection.run(`SET allowed_paths = [${paths.map(literal).join(', ')}]`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

const REST = COLUMNS.filter(([name]) => name !== 'tenant_id' && name !== 'fleet_id')
const REST_NAMES = REST.map(([name]) => `"${name}"`).join(', ')
const EMPTY = `SELECT ${COLUMNS.map(([name, type]) => `NULL::${type} AS "${name}"`).join(', ')} WHERE false` // biome-ignore format: one line

/** The tenant is a literal of the branch, so that a filter on it leaves the other branches unread. */
function branchSql({ tenant_id, fleet_id, paths }: Branch, i: number): string {
  return `SELECT ${literal(tenant_id)} AS tenant_id, ${literal(fleet_id)} AS fleet_id, ${REST_NAMES} FROM ${scan(paths, `k${i}`)}` // biome-ignore format: one line
}

export interface Sink {
  columns(names: string[]): void
  /** Rows as JSON texts; false asks to wait for `drained`. */
  rows(rows: readonly Json[][]): boolean
  drained(): Promise<void>
}

/** Answers one question piece by piece; true when the bound cut it. */
export async function answer(
  instance: DuckDBInstance,
  { sql, params, bytesMax }: CellQuestion,
  sink: Sink,
): Promise<boolean> {
  const connection = await instance.connect()
  try {
    const result = await start(connection, sql, params)
    sink.columns(result.deduplicatedColumnNames())
    const types = result.columnTypes()
    let bytes = 0
    for (;;) {
      const chunk = await result.fetchChunk()
      if (!chunk || chunk.rowCount === 0) return false
      let rows: Json[][] = []
      let some = 0
      for (let i = 0; i < chunk.rowCount; i++) {
        const row = types.map((type, column) => {
          const value = chunk.getColumnVector(column).getItem(i)
          return toJson(value, type, toJson)
        })
        const size = sizeOf(row)
        if (bytes + size > bytesMax) {
          sink.rows(rows)
          return true
        }
        bytes += size
        some += size
        rows.push(row)
        if (some < PIECE_BYTES) continue
        if (!sink.rows(rows)) await sink.drained()
        rows = []
        some = 0
      }
      if (rows.length > 0 && !sink.rows(rows)) await sink.drained()
    }
  } finally {
    connection.closeSync()
  }
}
const PIECE_BYTES = 1 << 18

async function start(
  connection: DuckDBConnection,
  sql: string,
  params: CellQuestion['params'],
): Promise<DuckDBResult> {
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1) throw new Error('Only one statement can be asked.')
  const prepared = await statements.prepare(0)
  if (prepared.statementType !== StatementType.SELECT) throw new Error('Only SELECT can be asked.')
  for (let i = 1; i <= prepared.parameterCount; i++) {
    const value = params[prepared.parameterName(i)]
    if (value === null || value === undefined) prepared.bindNull(i)
    else if (typeof value === 'string') prepared.bindVarchar(i, value)
    else if (Number.isInteger(value)) prepared.bindBigInt(i, BigInt(value))
    else prepared.bindDouble(i, value)
  }
  return prepared.stream()
}

/** Roughly its bytes as JSON: enough for a bound. */
function sizeOf(value: Json): number {
  if (typeof value === 'string') return value.length + 4
  if (value === null || typeof value !== 'object') return 8
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each), 4)
  return Object.entries(value).reduce((sum, [key, each]) => sum + key.length + 5 + sizeOf(each), 4)
}

const WHOLE_NUMBERS = new Set<number>([
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
])
const TIMES = new Set<number>([DuckDBTypeId.TIMESTAMP, DuckDBTypeId.TIMESTAMP_TZ])
const TIMES_OF_OTHER_UNIT = new Set<number>([
  DuckDBTypeId.TIMESTAMP_S,
  DuckDBTypeId.TIMESTAMP_MS,
  DuckDBTypeId.TIMESTAMP_NS,
])
const YEAR_9999_US = 253_402_300_799_999_999n

/** Whole numbers as numbers where JSON can hold them, else as text; times in ISO 8601, UTC. */
const toJson: typeof JsonDuckDBValueConverter = (value, type, converter) => {
  if (value === null) return null
  if (WHOLE_NUMBERS.has(type.typeId)) {
    const whole = value as bigint
    const safe = whole >= -MAX_SAFE && whole <= MAX_SAFE
    return safe ? Number(whole) : whole.toString()
  }
  if (TIMES.has(type.typeId)) {
    const { micros } = value as { micros: bigint }
    if (micros >= 0n && micros <= YEAR_9999_US) return isoFromUs(Number(micros))
  }
  if (TIMES_OF_OTHER_UNIT.has(type.typeId)) return `${String(value).replace(' ', 'T')}Z`
  if (type.typeId === DuckDBTypeId.DECIMAL) return Number(String(value))
  return JsonDuckDBValueConverter(value as DuckDBValue, type, converter)
}
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
