/**
 * An encrypted SQLite file (cipher aegis, raw 256-bit key). After a refused cipher or key pragma SQLite
 * would make the file in plain (D6), so the bytes on disk are looked at before and after opening. Never
 * `db.backup()`. One page put back to its older version is accepted (D12): nothing rests on this alone.
 */
import { chmodSync, closeSync, openSync, readSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import { diskTrouble, folderTrouble } from '../base/disk.ts'
import { Failure } from '../base/failure.ts'

export type SealedDb = InstanceType<typeof Database>

const PLAIN_HEAD = Buffer.from('SQLite format 3\0', 'latin1')
const KEY_BYTES = 32

/** Opens or makes `path` and runs `schema` (idempotent DDL), which also proves the key. A table without tenant_id is refused (T1). */
export function openSealedDb(path: string, key: Buffer, schema: string): SealedDb {
  // A key of another length would silently become a passphrase.
  if (key.length !== KEY_BYTES) throw new Error(`the key of a sealed file has ${KEY_BYTES} bytes`)
  refusePlain(path)
  const db = new Database(path)
  const raw = Buffer.concat([Buffer.from('raw:'), key])
  try {
    db.pragma("cipher = 'aegis'")
    db.key(raw)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('temp_store = MEMORY')
    db.transaction(() => {
      db.exec(schema)
      refuseTenantless(path, db)
    })()
    db.pragma('wal_checkpoint(TRUNCATE)') // so that the header is on disk to be looked at
    refusePlain(path)
    chmodSync(path, 0o600)
    return db
  } catch (error) {
    db.close()
    if (error instanceof Failure) throw error
    // Of a full or read-only disk SQLite says no more than that a file could not be opened or grown.
    const { code } = error as { code?: unknown }
    const ofDisk = /^SQLITE_(IOERR|CANTOPEN|READONLY|FULL)/.test(String(code))
    const trouble = ofDisk ? (folderTrouble(dirname(path)) ?? diskTrouble(error)) : undefined
    if (trouble)
      throw new Failure('unavailable', `${path} cannot be opened: ${trouble}.`, { path }, error)
    throw new Failure(
      'refused',
      `${path} does not open with its key: it was changed, or belongs to another box or key. Put it back from a backup.`,
      { path },
      error,
    )
  } finally {
    raw.fill(0)
  }
}

/** Tables where a row could be without tenant_id: must be none (T1). */
export function tablesWithoutTenant(db: SealedDb): string[] {
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'",
    )
    .pluck()
    .all() as string[]
  // A primary key of a STRICT table is never null, though it does not say so.
  const column = db.prepare(
    'SELECT 1 FROM pragma_table_info(?) WHERE name = \'tenant_id\' AND ("notnull" = 1 OR pk > 0)',
  )
  return tables.filter((name) => column.get(name) === undefined)
}

/** What `picket invariants` is told of one open file. */
export interface DatabaseCheck {
  /** Relative to the data folder. */
  file: string
  tables: number
  withoutTenant: string[]
}

export function checkDatabase(data: string, db: SealedDb): DatabaseCheck {
  const count = db.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").pluck()
  return {
    file: relative(data, db.name),
    tables: count.get() as number,
    withoutTenant: tablesWithoutTenant(db),
  }
}

function refuseTenantless(path: string, db: SealedDb): void {
  const [first] = tablesWithoutTenant(db)
  if (first === undefined) return
  throw new Failure(
    'refused',
    `${path} has a table whose rows name no tenant: ${first}. Somebody added it; put the file back from a backup.`,
    { path },
  )
}

function refusePlain(path: string): void {
  if (!headOf(path).equals(PLAIN_HEAD)) return
  throw new Failure(
    'refused',
    `${path} is a plain SQLite file where an encrypted one belongs. Move it away; somebody put it there, or it was made without a key.`,
    { path },
  )
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(PLAIN_HEAD.length)
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return head
  }
  try {
    readSync(file, head, 0, head.length, 0)
    return head
  } finally {
    closeSync(file)
  }
}
