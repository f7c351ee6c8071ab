/** A question put to an engine, its answer piece by piece as JSON, within a bound. */
import {
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  DuckDBTypeId,
  type DuckDBValue,
  type Json,
  JsonDuckDBValueConverter,
  StatementType,
} from '@duckdb/node-api'
import { isoFromUs } from '../base/clock.ts'

export interface CellQuestion {
  sql: string
  params: Params
  bytesMax: number
  /**
   * For a page of the newest rows: asks with the same parameters for the time of the oldest of them. The page is then
   * asked for with that as `since`, which changes what is read, not what is answered.
   */
  oldest?: string
}
export type Params = Readonly<Record<string, string | number | null>>

export interface Sink {
  /** Comes once more, before other rows, when what came before does not count. */
  columns(names: string[]): void
  /** Rows as JSON texts; false asks to wait for `drained`. */
  rows(rows: readonly Json[][]): boolean
  drained(): Promise<void>
}

/** Answers one question piece by piece; true when the bound cut it. */
export async function answer(
  instance: DuckDBInstance,
  question: CellQuestion,
  sink: Sink,
): Promise<boolean> {
  const connection = await instance.connect()
  try {
    return await answerOn(connection, question, sink)
  } finally {
    connection.closeSync()
  }
}

export async function answerOn(
  connection: DuckDBConnection,
  { sql, params, bytesMax }: CellQuestion,
  sink: Sink,
): Promise<boolean> {
  const result = await start(connection, sql, params)
  sink.columns(result.deduplicatedColumnNames())
  const types = result.columnTypes()
  let bytes = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) return false
    const vectors = types.map((_, column) => chunk.getColumnVector(column)) // each call copies it
    let rows: Json[][] = []
    let some = 0
    for (let i = 0; i < chunk.rowCount; i++) {
      const row = types.map((type, column) => {
        const value = vectors[column]?.getItem(i) ?? null
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
}
const PIECE_BYTES = 1 << 18

async function start(
  connection: DuckDBConnection,
  sql: string,
  params: Params,
): Promise<DuckDBResult> {
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1) throw new Error('Only one statement can be asked.')
  const prepared = await statements.prepare(0)
  if (prepared.statementType !== StatementType.SELECT) throw new Error('Only SELECT can be asked.')
  bind(prepared, params)
  return prepared.stream()
}

/** Values by name; one that is not given is null. */
export function bind(prepared: DuckDBPreparedStatement, params: Params): void {
  for (let i = 1; i <= prepared.parameterCount; i++) {
    const value = params[prepared.parameterName(i)]
    if (value === null || value === undefined) prepared.bindNull(i)
    else if (typeof value === 'string') prepared.bindVarchar(i, value)
    else if (Number.isInteger(value)) prepared.bindBigInt(i, BigInt(value))
    else prepared.bindDouble(i, value)
  }
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
