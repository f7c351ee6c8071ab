/** NDJSON or older files in, one encrypted Parquet file of the lake out. */
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { type Disk, realDisk } from '../base/disk.ts'
import { COLUMNS, SCHEMA_VERSION } from '../base/event.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import { buildBloom } from './bloom.ts'
import { literal, read } from './engine.ts'
import { type PlainParquet, sealParquet, takeApart } from './parquet-seal.ts'

const ROW_GROUP_ROWS = 122_880
const MEMBERS_MAX = 6_000 // distinct values asked for a bloom: more than one may hold

/** What the catalog wants to know about the rows of a file. */
export interface RowFacts {
  rows: number
  from_us: number
  to_us: number
  ingest_from_us: number
  ingest_to_us: number
  bloom_host: Buffer | undefined
  bloom_ip: Buffer | undefined
  bloom_rule: Buffer | undefined
}

export interface WrittenFile {
  bytes: number
  sha256: string
}

/** How a column comes out of NDJSON: text first, then a cast that gives null instead of failing the file. */
function ndjsonColumn([name, type]: (typeof COLUMNS)[number]): { read: string; select: string } {
  const column = `"${name}"`
  if (type === 'TIMESTAMP')
    return { read: `${column}: 'BIGINT'`, select: `make_timestamp(${column}) AS ${column}` }
  if (type === 'VARCHAR' || type === 'VARCHAR[]')
    return { read: `${column}: '${type}'`, select: column }
  return { read: `${column}: 'VARCHAR'`, select: `TRY_CAST(${column} AS ${type}) AS ${column}` }
}

const READ = COLUMNS.map((each) => ndjsonColumn(each).read).join(', ')
const SELECT = COLUMNS.map((each) => ndjsonColumn(each).select).join(', ')
const NAMES = COLUMNS.map(([name]) => `"${name}"`).join(', ')

const PARQUET = `(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${ROW_GROUP_ROWS},
  KV_METADATA {picket_schema: '${SCHEMA_VERSION}'})`

/** Whose rows a batch is to hold. */
interface Owner {
  tenant_id: string
  fleet_id: string
}

export interface BatchOptions {
  engine: DuckDBInstance
  /** Folder on tmpfs. */
  scratch: string
}

/** One batch of rows on its way: a table in memory, then a plain file on tmpfs, then the sealed file. */
export class Batch {
  readonly #connection: DuckDBConnection
  readonly #plain: string
  #isEncoded = false

  private constructor(connection: DuckDBConnection, scratch: string) {
    this.#connection = connection
    this.#plain = join(scratch, `${newUid()}.parquet`)
  }

  /** Rows of NDJSON pieces; a line that is no JSON is left out, so compare `facts().rows`. */
  static async ofLines(options: BatchOptions, lines: readonly Buffer[]): Promise<Batch> {
    return withLines(options, lines, async (connection, rows) => {
      await connection.run(`CREATE OR REPLACE TEMP TABLE batch AS ${rows}`)
      return new Batch(connection, options.scratch)
    })
  }

  /**
   * The same straight into plain Parquet, without a table between, where all of `expected` lines are readable and the tenant's.
   * Else nothing: `ofLines` and `keepOwn` say which are not. Rows of one group are as they came: there is nothing to skip in it.
   */
  static ofOwnLines(
    options: BatchOptions,
    lines: readonly Buffer[],
    { expected, ...tenant }: Owner & { expected: number },
  ): Promise<Batch | undefined> {
    return withLines(options, lines, async (connection, rows) => {
      const batch = new Batch(connection, options.scratch)
      const sorted = expected > ROW_GROUP_ROWS ? ' ORDER BY event_time' : ''
      const own = `SELECT * FROM (${rows}) WHERE NOT (${foreignTo(tenant)})${sorted}`
      const [[count] = []] = await read(connection, `COPY (${own}) TO ${literal(batch.#plain)} ${PARQUET}`) // biome-ignore format: one line
      if (Number(count) === expected) {
        await connection.run(`CREATE OR REPLACE TEMP VIEW batch AS SELECT * FROM read_parquet(${literal(batch.#plain)})`) // biome-ignore format: one line
        batch.#isEncoded = true
        return batch
      }
      await batch[Symbol.asyncDispose]()
      return undefined
    })
  }

  /** Rows of sealed files, each list under one key; `inMemory` reads each file once, not once a question. */
  static async ofFiles(
    options: BatchOptions,
    lists: readonly { key: Buffer; paths: readonly string[] }[],
    /** `without`: kinds that are left out. */
    { inMemory = false, without = [] }: { inMemory?: boolean; without?: readonly string[] } = {},
  ): Promise<Batch> {
    const connection = await options.engine.connect()
    const scans: string[] = []
    for (const { key, paths } of lists)
      scans.push(`SELECT ${NAMES} FROM ${scan(paths, await nameKey(connection, key))}`)
    const all = scans.join(' UNION ALL ')
    const some = without.length > 0 ? `SELECT * FROM (${all}) WHERE kind NOT IN (${without.map(literal).join(', ')})` : all // biome-ignore format: one line
    const kept = inMemory ? 'TABLE' : 'VIEW'
    await connection.run(`CREATE OR REPLACE TEMP ${kept} batch AS ${some}`)
    return new Batch(connection, options.scratch)
  }

  /** Leaves out rows that are not the tenant's (D23), and counts them and the lines that were no JSON. */
  async keepOwn(tenant: Owner, expected: number): Promise<{ foreign: number; unreadable: number }> {
    const foreignRow = foreignTo(tenant)
    const [counts = []] = await read(
      this.#connection,
      `SELECT count(*), count(*) FILTER (${foreignRow}) FROM batch`,
    )
    const foreign = Number(counts[1])
    if (foreign > 0) await this.#connection.run(`DELETE FROM batch WHERE ${foreignRow}`)
    return { foreign, unreadable: expected - Number(counts[0]) }
  }

  async facts(): Promise<RowFacts> {
    const [range = []] = await read(
      this.#connection,
      `SELECT count(*), epoch_us(min(event_time)), epoch_us(max(event_time)),
       epoch_us(min(ingest_time)), epoch_us(max(ingest_time)) FROM batch`,
    )
    const [rows = 0, from_us = 0, to_us = 0, ingest_from_us = 0, ingest_to_us = 0] =
      range.map(Number)
    const members = async (sql: string) => {
      const found = await read(this.#connection, `${sql} LIMIT ${MEMBERS_MAX}`)
      return found.length < MEMBERS_MAX
        ? buildBloom(found.map(([value]) => String(value)))
        : undefined
    }
    const distinct = (column: string) =>
      `SELECT DISTINCT ${column} FROM batch WHERE ${column} IS NOT NULL`
    return {
      rows,
      from_us,
      to_us,
      ingest_from_us,
      ingest_to_us,
      bloom_host: await members(distinct('host')),
      bloom_ip: await members(`${distinct('src_ip')} UNION ${distinct('dest_ip')}`),
      bloom_rule: await members(distinct('rule_id')),
    }
  }

  /** Plain Parquet on tmpfs, taken apart: says how often the key will be used before it is. */
  async encode(): Promise<PlainParquet> {
    if (!this.#isEncoded) await this.copyTo(this.#plain)
    const file = await readFile(this.#plain)
    await rm(this.#plain)
    return takeApart(file)
  }

  /** Plain rows at `path`, sorted by time. For tmpfs, and for an export that was asked for. */
  async copyTo(path: string, format: 'parquet' | 'ndjson' = 'parquet'): Promise<void> {
    const options = format === 'ndjson' ? '(FORMAT json)' : PARQUET
    await this.#connection.run(
      `COPY (SELECT ${NAMES} FROM batch ORDER BY event_time) TO ${literal(path)} ${options}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync()
    await rm(this.#plain, { force: true })
  }
}

function foreignTo({ tenant_id, fleet_id }: Owner): string {
  return `tenant_id IS DISTINCT FROM ${literal(tenant_id)}
    OR fleet_id IS DISTINCT FROM ${literal(fleet_id)} OR event_id IS NULL OR event_time IS NULL`
}

/** `rows` reads the lines; it is good until `use` has ended. */
async function withLines<T>(
  { engine, scratch }: BatchOptions,
  lines: readonly Buffer[],
  use: (connection: DuckDBConnection, rows: string) => Promise<T>,
): Promise<T> {
  const path = join(scratch, `${newUid()}.ndjson`)
  try {
    await writeFile(path, lines, { mode: 0o600 })
    const rows = `SELECT ${SELECT} FROM read_json(${literal(path)}, format = 'newline_delimited', columns = {${READ}}, ignore_errors = true)`
    return await use(await engine.connect(), rows)
  } finally {
    await rm(path, { force: true })
  }
}

/**
 * Tells the engine a key, and under which name. All connections of one engine share these names, and several tenants are
 * worked on at once, so a name stands for one key for ever: that of its hash.
 */
export async function nameKey(connection: DuckDBConnection, key: Buffer): Promise<string> {
  const name = `k${createHash('sha256').update(key).digest('hex').slice(0, 32)}`
  await connection.run(`PRAGMA add_parquet_key('${name}', '${key.toString('base64')}')`)
  return name
}

/** A scan of sealed files under one key, as SQL. */
export function scan(paths: readonly string[], keyName: string): string {
  return `read_parquet([${paths.map(literal).join(', ')}], encryption_config = {footer_key: '${keyName}'}, hive_partitioning = false)`
}

/** Seals to `path`: write aside, fsync, rename, fsync of the folder. On disk when it resolves. */
export async function writeSealed(
  path: string,
  plain: PlainParquet,
  key: Buffer,
  disk: Disk = realDisk,
): Promise<WrittenFile> {
  const pieces = sealParquet(plain, key)
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const part = `${path}.part`
  const file = await disk.create(part)
  let bytes = 0
  try {
    for (let i = 0; i < pieces.length; i += PIECES_PER_WRITE) {
      const some = Buffer.concat(pieces.slice(i, i + PIECES_PER_WRITE))
      await file.write(some, bytes)
      bytes += some.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(part, path)
  await disk.syncFolder(dirname(path))
  return { bytes, sha256: hash.digest('hex') }
}
const PIECES_PER_WRITE = 512

/** The file as the catalog knows it, or a failure that names it (D11, D13). */
export async function verifyFile(
  path: string,
  expected: { sha256: string; bytes: number },
): Promise<void> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new Failure('not-found', `The lake file ${path} is missing.`, { file: path }, error)
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (bytes.length !== expected.bytes || sha256 !== expected.sha256)
    throw new Failure('refused', `The lake file ${path} is not the one the catalog signed: it was changed or swapped.`, { file: path }) // biome-ignore format: one line
}
