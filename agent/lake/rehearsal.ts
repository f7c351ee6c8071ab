/**
 * What a cell does while it waits for its first keys: it asks a question of rows that it made up, under a key that it throws away. A
 * process that is young runs its JavaScript uncompiled, which for the footers of a large scope costs more than the engine's whole work.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, ftruncateSync, readFileSync, writeSync } from 'node:fs'
import type { DuckDBInstance } from '@duckdb/node-api'
import { COLUMNS } from '../base/event.ts'
import { type Branch, Cell, openBlank } from './cell.ts'
import { ClearColumns } from './clear-columns.ts'
import { type ClearMemory, takeMemory, takeMemoryFile } from './clear-memory.ts'
import { literal } from './engine.ts'
import { sealParquet, takeApart } from './parquet-seal.ts'

const WHOSE = { tenant_id: 'none', fleet_id: 'none' }
const GROUP_ROWS = 2_048 // the engine's smallest
const ROWS = 2 * GROUP_ROWS
/** Footers gone through, and how many of these files have all their columns opened: from here on the code gets no faster. */
const FOOTERS = 240
const OPENED = 5
const MEMORY_BYTES = 256 << 10
const SQL = `SELECT kind, count(*) FROM events WHERE event_time >= '1970-01-01 00:00:00' GROUP BY 1`

/** Leaves nothing behind, no thread and no memory. Whether it went well is of no matter to an answer, only to how soon it comes. */
export async function rehearse(): Promise<boolean> {
  const file = takeMemoryFile()
  const memory = takeMemory(MEMORY_BYTES)
  try {
    if (!file || !memory) return false
    const key = randomBytes(32)
    const blank = await openBlank()
    await writeRows(blank, file, key)
    const branches = [{ ...WHOSE, key: key.toString('base64'), paths: [file.path] }]
    for (let i = 0; i < FOOTERS; i++) {
      const columns = new ClearColumns(memory)
      columns.show(branches)
      if (i < OPENED) openAll(columns)
    }
    return await ask(branches, memory, blank)
  } catch {
    return false
  } finally {
    for (const each of [file, memory]) if (each) closeSync(each.fd)
  }
}

async function writeRows(
  engine: DuckDBInstance,
  { fd, path }: { fd: number; path: string },
  key: Buffer,
): Promise<void> {
  const connection = await engine.connect()
  try {
    await connection.run(
      `COPY (SELECT ${COLUMNS.map(madeUp).join(', ')} FROM range(${ROWS}) r(i)) TO ${literal(path)}
       (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${GROUP_ROWS}, USE_TMP_FILE false)`,
    )
  } finally {
    connection.closeSync()
  }
  const sealed = Buffer.concat(sealParquet(takeApart(readFileSync(path)), key))
  ftruncateSync(fd, 0)
  writeSync(fd, sealed, 0, sealed.length, 0)
}

function madeUp([name, type]: (typeof COLUMNS)[number]): string {
  const value =
    name in WHOSE
      ? literal(WHOSE[name as keyof typeof WHOSE])
      : type === 'TIMESTAMP'
        ? 'make_timestamp(i)'
        : type === 'VARCHAR'
          ? 'CAST(i % 7 AS VARCHAR)'
          : 'NULL'
  return `${value}::${type} AS "${name}"`
}

function openAll(columns: ClearColumns): void {
  const all = new Set(columns.columns.keys())
  columns.place(new Map(columns.groups.map((group) => [group, all])))
}

/** Whether it was answered as real ones are, from opened columns. */
async function ask(
  branches: readonly Branch[],
  memory: ClearMemory,
  blank: DuckDBInstance,
): Promise<boolean> {
  const cell = await Cell.open(branches, new ClearColumns(memory), { blank, threads: 1 })
  try {
    await cell.ask(
      { sql: SQL, params: {}, bytesMax: MEMORY_BYTES },
      { columns: () => {}, rows: () => true, drained: async () => {} },
    )
    return cell.counts.clear === 1
  } finally {
    cell.closeSync()
  }
}
