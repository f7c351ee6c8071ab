/** Values of the annex on their way: judged against what is stored, then a plain file on tmpfs, then a sealed one. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { newUid } from '../base/ids.ts'
import type { AnnexValue } from './annex.ts'
import { ANNEX_COLUMNS, annexLast, annexRows } from './annex-view.ts'
import type { FileRow } from './catalog.ts'
import { literal, read } from './engine.ts'
import { type BatchOptions, nameKey, type RowFacts, scan } from './parquet.ts'
import { type PlainParquet, takeApart } from './parquet-seal.ts'

const NAMES = ANNEX_COLUMNS.map(([name]) => name).join(', ')

export const UNKNOWN_US = -1

/** Files of one epoch with its key. */
export interface KeyedFiles {
  key: Buffer
  paths: readonly string[]
}

export class AnnexBatch {
  readonly #connection: DuckDBConnection
  readonly #options: BatchOptions
  readonly #tenant_id: string

  private constructor(connection: DuckDBConnection, options: BatchOptions, tenant_id: string) {
    this.#connection = connection
    this.#options = options
    this.#tenant_id = tenant_id
  }

  /** `stored` is what the annex holds so far. */
  static async open(
    options: BatchOptions,
    tenant_id: string,
    stored: readonly KeyedFiles[],
  ): Promise<AnnexBatch> {
    const connection = await options.engine.connect()
    const batch = new AnnexBatch(connection, options, tenant_id)
    try {
      const scans = await batch.#addKeys(stored)
      const rows = annexRows(scans.map((each) => ({ tenant_id, ...each })))
      await connection.run(`CREATE OR REPLACE TEMP TABLE stored AS ${annexLast(rows)}`)
      await connection.run('CREATE OR REPLACE TEMP TABLE batch AS SELECT * FROM stored WHERE false')
      return batch
    } catch (error) {
      connection.closeSync()
      throw error
    }
  }

  /** Takes values in; of two for one name the later. `us` is when we had their events, or UNKNOWN_US. */
  async bring(
    values: readonly AnnexValue[],
    at: { seq: number; us: number; nowUs: number },
  ): Promise<void> {
    // biome-ignore format: one line
    const path = join(this.#options.scratch, `${newUid()}.ndjson`)
    const lines = values.map((value, line) => `${JSON.stringify({ ...value, line })}\n`)
    await writeFile(path, lines.join(''), { mode: 0o600 })
    try {
      await this.#connection.run(
        `CREATE OR REPLACE TEMP TABLE batch AS
         SELECT ${literal(this.#tenant_id)} AS tenant_id, event_id::UUID AS event_id, name, last.value AS value,
           last.value_type AS value_type, ${at.us}::BIGINT AS event_us, ${at.seq}::BIGINT AS set_seq,
           make_timestamp(${at.nowUs}) AS set_time
         FROM (SELECT event_id, name, arg_max({'value': value, 'value_type': value_type}, line) AS last
           FROM read_json(${literal(path)}, format = 'newline_delimited', columns = {event_id: 'VARCHAR',
             name: 'VARCHAR', value: 'VARCHAR', value_type: 'VARCHAR', line: 'BIGINT'}) GROUP BY ALL)`,
      )
    } finally {
      await rm(path, { force: true })
    }
  }

  /** Learns when we had the events; the id of one that these files do not hold. */
  async lookUp(events: readonly KeyedFiles[]): Promise<string | undefined> {
    const scans = await this.#addKeys(events)
    const rows = scans.map(({ paths, keyName }) => `SELECT event_id, ingest_time FROM ${scan(paths, keyName)}`) // biome-ignore format: one line
    const all = rows.length > 0 ? rows.join(' UNION ALL ') : 'SELECT NULL::UUID AS event_id, NULL::TIMESTAMP AS ingest_time WHERE false' // biome-ignore format: one line
    await this.#connection.run(
      `UPDATE batch SET event_us = found.us FROM (
         SELECT event_id, epoch_us(max(ingest_time)) AS us FROM (${all})
         SEMI JOIN (SELECT DISTINCT event_id FROM batch) USING (event_id) GROUP BY event_id) AS found
       WHERE batch.event_id = found.event_id`,
    )
    const [[missing] = []] = await read(this.#connection, `SELECT min(event_id)::VARCHAR FROM batch WHERE event_us = ${UNKNOWN_US}`) // biome-ignore format: one line
    return (missing as string | null) ?? undefined
  }

  /** How full the annex would be: values and bytes of the tenant, values of its fullest event among those brought. */
  async fill(): Promise<{ values: number; bytes: number; ofEvent: number }> {
    await this.#connection.run(
      `CREATE OR REPLACE TEMP VIEW after AS SELECT * FROM (SELECT * FROM batch UNION ALL
       SELECT * FROM stored ANTI JOIN batch USING (event_id, name)) WHERE value IS NOT NULL`,
    )
    const [row = []] = await read(
      this.#connection,
      `SELECT count(*), coalesce(sum(strlen(name) + strlen(value)), 0),
       (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM after SEMI JOIN batch USING (event_id)
        GROUP BY event_id)) FROM after`,
    )
    const [values = 0, bytes = 0, ofEvent = 0] = row.map(Number)
    return { values, bytes, ofEvent }
  }

  /** From now on the batch is everything: what is stored and what was brought, without what was taken away. */
  async merge(): Promise<void> {
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE batch AS SELECT ${NAMES} FROM (SELECT * FROM batch UNION ALL
       SELECT * FROM stored ANTI JOIN batch USING (event_id, name)) WHERE value IS NOT NULL`,
    )
  }

  /** Leaves out the values of events that we had before `us`. */
  async leaveOut(us: number): Promise<void> {
    await this.#connection.run(`DELETE FROM batch WHERE event_us < ${us}`)
  }

  async facts(): Promise<RowFacts> {
    const [row = []] = await read(
      this.#connection,
      'SELECT count(*), coalesce(min(event_us), 0), coalesce(max(event_us), 0) FROM batch',
    )
    const [rows = 0, from_us = 0, to_us = 0] = row.map(Number)
    const none = { bloom_host: undefined, bloom_ip: undefined, bloom_rule: undefined }
    return { rows, from_us, to_us, ingest_from_us: from_us, ingest_to_us: to_us, ...none }
  }

  async encode(): Promise<PlainParquet> {
    const path = join(this.#options.scratch, `${newUid()}.parquet`)
    try {
      await this.#connection.run(
        `COPY (SELECT ${NAMES} FROM batch ORDER BY event_id, name) TO ${literal(path)}
         (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      )
      return takeApart(await readFile(path))
    } finally {
      await rm(path, { force: true })
    }
  }

  [Symbol.dispose](): void {
    this.#connection.closeSync()
  }

  async #addKeys(
    lists: readonly KeyedFiles[],
  ): Promise<{ keyName: string; paths: readonly string[] }[]> {
    const named: { keyName: string; paths: readonly string[] }[] = []
    for (const { key, paths } of lists)
      named.push({ keyName: await nameKey(this.#connection, key), paths })
    return named
  }
}

/** By their epochs, each with its key; the caller wipes the keys. */
export async function keyed(
  files: readonly FileRow[],
  of: { key(epoch: number): Promise<Buffer>; absolute(file: FileRow): string },
): Promise<KeyedFiles[]> {
  const lists: KeyedFiles[] = []
  for (const [epoch, some] of Map.groupBy(files, (file) => file.epoch))
    lists.push({ key: await of.key(epoch), paths: some.map(of.absolute) })
  return lists
}
