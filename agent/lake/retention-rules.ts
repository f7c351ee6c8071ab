/**
 * How long rows are kept, by kind, and what each file holds of a kind. The days stand in the signed head of the catalog: a file
 * that is taken away is missed, rows that leave by the rules are not. What a file holds is only remembered, and must add up.
 */
import type { EventKind } from '../base/event.ts'
import type { SealedDb } from '../tenancy/sealed-db.ts'
import type { FileRow } from './catalog.ts'
import { read } from './engine.ts'
import { nameKey, scan } from './parquet.ts'
import type { TenantLake } from './tenant-lake.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS file_kind (
  file_uid TEXT NOT NULL, kind TEXT NOT NULL, tenant_id TEXT NOT NULL, rows INTEGER NOT NULL,
  weight INTEGER NOT NULL, PRIMARY KEY (file_uid, kind)) STRICT;
`
/** Stands for every kind that has no rule of its own. */
export const EVERY_KIND = 'all'
export type RuleKind = EventKind | typeof EVERY_KIND

/** Days by kind; `all` is always there. */
export type RetentionRules = Readonly<Record<string, number>>

export interface KindShare {
  kind: string
  rows: number
  /** Of the file's bytes, 0 to 1. */
  share: number
}

export function daysOf(rules: RetentionRules, kind: string): number {
  return rules[kind] ?? (rules[EVERY_KIND] as number)
}

/** No row stays longer than this. */
export function longestOf(rules: RetentionRules): number {
  return Math.max(...Object.values(rules))
}

/** Only reads: it is asked on a full disk too. */
export function readRules({ catalog, options }: TenantLake): RetentionRules {
  return { [EVERY_KIND]: options.retentionDays, ...catalog.retention }
}

/** `undefined` takes the rule away again. */
export function writeRule(
  { catalog }: TenantLake,
  kind: RuleKind,
  days: number | undefined,
): Promise<void> {
  const { [kind]: _, ...others } = catalog.retention
  return catalog.keepRetention(days === undefined ? others : { ...others, [kind]: days })
}

/** What these files hold, asked of each once; a file that cannot be read now is left out. */
export async function kindsOf(
  lake: TenantLake,
  files: readonly FileRow[],
): Promise<Map<string, KindShare[]>> {
  const db = prepared(lake.catalog.db)
  const known = new Map<string, KindShare[]>()
  const missing: FileRow[] = []
  for (const file of files) {
    const found = sharesOf(db, file)
    // Lines that do not make up the file are not its lines: by them rows would leave that nobody counted.
    if (found.reduce((sum, { rows }) => sum + rows, 0) === file.rows)
      known.set(file.file_uid, found)
    else missing.push(file)
  }
  for (const [epoch, some] of Map.groupBy(missing, (file) => file.epoch)) {
    const counted = await countKinds(lake, epoch, some)
    for (const file of counted) known.set(file.file_uid, sharesOf(db, file))
  }
  return known
}

/** Lines about files that are gone. */
export function forgetKinds({ catalog }: TenantLake): void {
  prepared(catalog.db).exec('DELETE FROM file_kind WHERE file_uid NOT IN (SELECT file_uid FROM file)') // biome-ignore format: one line
}

async function countKinds(
  { catalog, options, tenant }: TenantLake,
  epoch: number,
  files: readonly FileRow[],
): Promise<FileRow[]> {
  const { tenant_id, tenant_uid } = tenant
  const { key } = await options.keys.parquetKey({ tenant_uid, epoch })
  const connection = await options.engine.connect()
  const insert = catalog.db.prepare('INSERT OR REPLACE INTO file_kind VALUES (?, ?, ?, ?, ?)')
  try {
    const name = await nameKey(connection, key)
    key.fill(0)
    const counted: FileRow[] = []
    for (const file of files) {
      const from = scan([catalog.absolute(file)], name)
      const sql = `SELECT kind, count(*), sum(100 + coalesce(strlen(record), 0)) FROM ${from} GROUP BY kind` // biome-ignore format: one line
      const rows = await read(connection, sql).catch(() => undefined)
      if (!rows) continue
      catalog.db.transaction(() => {
        catalog.db.prepare('DELETE FROM file_kind WHERE file_uid = ?').run(file.file_uid)
        for (const [kind, count, weight] of rows) insert.run(file.file_uid, String(kind), tenant_id, Number(count), Number(weight)) // biome-ignore format: one line
      })()
      counted.push(file)
    }
    return counted
  } finally {
    connection.closeSync()
  }
}

function sharesOf(db: SealedDb, { file_uid }: FileRow): KindShare[] {
  const rows = db.prepare('SELECT kind, rows, weight FROM file_kind WHERE file_uid = ?').all(file_uid) as { kind: string; rows: number; weight: number }[] // biome-ignore format: one line
  const all = rows.reduce((sum, { weight }) => sum + weight, 0)
  return rows.map(({ kind, rows, weight }) => ({ kind, rows, share: weight / all }))
}

const ready = new WeakSet<SealedDb>()

function prepared(db: SealedDb): SealedDb {
  if (!ready.has(db)) db.exec(SCHEMA)
  ready.add(db)
  return db
}
