/**
 * An encrypted SQLite file (cipher aegis, raw 256-bit key). After a refused cipher or key pragma SQLite
 * would make the file in plain (D6), so the bytes on disk are looked at before and after opening. Never
 * `db.backup()`. One page put back to its older version is accepted (D12): nothing rests on this alone.
 */
import { chmodSync, closeSync, openSync, readSync } from 'node:fs'
import Database from 'better-sqlite3-multiple-ciphers'
import { Failure } from '../base/failure.ts'

export type SealedDb = InstanceType<typeof Database>

const PLAIN_HEAD = Buffer.from('SQLite format 3\0', 'latin1')
const KEY_BYTES = 32

/** Opens or makes `path` and runs `schema` (idempotent DDL), which also proves the key. */
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
    db.exec(schema)
    db.pragma('wal_checkpoint(TRUNCATE)') // so that the header is on disk to be looked at
    refusePlain(path)
    chmodSync(path, 0o600)
    return db
  } catch (error) {
    db.close()
    if (error instanceof Failure) throw error
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

/** Tables without tenant_id: must be none (T1). */
export function tablesWithoutTenant(db: SealedDb): string[] {
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all() as { name: string }[]
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck()
  return tables.map(({ name }) => name).filter((name) => !columns.all(name).includes('tenant_id'))
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
