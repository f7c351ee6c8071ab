import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import { beforeEach, expect, test } from 'vitest'
import { openPlatform } from './platform.ts'
import { openSealedDb, tablesWithoutTenant } from './sealed-db.ts'

const KEY = Buffer.alloc(32, 5)
const SCHEMA = 'CREATE TABLE IF NOT EXISTS t (tenant_id TEXT NOT NULL, word TEXT) STRICT'
let path: string
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'sealed-')), 'x.db')
})

test('what is written is not on the disk in plain, neither in the file nor in its log', () => {
  const db = openSealedDb(path, KEY, SCHEMA)
  db.prepare('INSERT INTO t VALUES (?, ?)').run('alfa', 'canary-word')
  for (const file of [path, `${path}-wal`])
    expect(readFileSync(file, 'latin1')).not.toMatch(/canary-word|SQLite format 3|CREATE TABLE/)
  db.close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const again = openSealedDb(path, KEY, SCHEMA)
  expect(again.prepare('SELECT word FROM t').pluck().all()).toEqual(['canary-word'])
  again.close()
})

test('another key, a flipped bit or a cut file do not open', () => {
  openSealedDb(path, KEY, SCHEMA).close()
  const bytes = readFileSync(path)
  expect(() => openSealedDb(path, Buffer.alloc(32, 6), SCHEMA)).toThrow(
    /does not open with its key/,
  )
  const flipped = Buffer.from(bytes)
  flipped[100] = (flipped[100] as number) ^ 1
  for (const damaged of [flipped, bytes.subarray(0, 2000)]) {
    writeFileSync(path, damaged)
    expect(() => openSealedDb(path, KEY, SCHEMA)).toThrow(/does not open with its key/)
  }
})

test('a plain file in its place is refused, and stays as it is', () => {
  const plain = new Database(path)
  plain.exec(SCHEMA)
  plain.close()
  const before = readFileSync(path)
  expect(() => openSealedDb(path, KEY, SCHEMA)).toThrow(/plain SQLite file/)
  expect(readFileSync(path)).toEqual(before)
})

test('a key of another length would become a passphrase: it is not taken', () => {
  expect(() => openSealedDb(path, KEY.subarray(1), SCHEMA)).toThrow('32 bytes')
})

test('every table of platform.db carries tenant_id', () => {
  const db = openPlatform(mkdtempSync(join(tmpdir(), 'sealed-')), KEY)
  expect(tablesWithoutTenant(db)).toEqual([])
  db.exec('CREATE TABLE forgotten (x)') // the check can fail
  db.exec('CREATE TABLE nobodys (tenant_id TEXT)')
  db.exec('CREATE TABLE sqlitex (x)')
  expect(tablesWithoutTenant(db)).toEqual(['forgotten', 'nobodys', 'sqlitex'])
  db.close()
})

test('a table whose rows may be without a tenant is neither made nor opened', () => {
  for (const table of ['stray (x)', 'stray (tenant_id TEXT, x)']) {
    expect(() => openSealedDb(path, KEY, `${SCHEMA}; CREATE TABLE ${table}`)).toThrow(/: stray\./)
    openSealedDb(path, KEY, SCHEMA).close() // nothing of it was left behind
    const db = openSealedDb(path, KEY, SCHEMA)
    db.exec(`CREATE TABLE ${table}`)
    db.close()
    expect(() => openSealedDb(path, KEY, SCHEMA)).toThrow(/name no tenant: stray\./)
    rmSync(path)
  }
})
