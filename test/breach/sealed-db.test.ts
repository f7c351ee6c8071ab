/** Attempts on the layer `catalog` against one encrypted database: a plain one in its place, the log of another beside it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3-multiple-ciphers'
import { beforeEach, expect, test } from 'vitest'
import { openSealedDb, type SealedDb } from '../../agent/tenancy/sealed-db.ts'
import { attempt } from './attempt.ts'
import { canary } from './canary.ts'
import { CIPHER, NO_PLAIN, PAGES } from './lake-layers.ts'

const [forged, foreign] = [canary('a row that was planted'), canary('a row of zulu')]
const schema = 'CREATE TABLE IF NOT EXISTS t (tenant_id TEXT NOT NULL, x TEXT) STRICT'
const [key, theirKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealed-'))
  return () => rmSync(folder, { recursive: true })
})
const plainDb = (path: string, x?: string) => {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec(schema)
  if (x !== undefined) db.prepare("INSERT INTO t VALUES ('alfa', ?)").run(x)
  return db
}
const rowsOf = (db: SealedDb) => db.prepare('SELECT x FROM t').pluck().all()

attempt('catalog-06', {
  by: 'a plain one in its place',
  layers: [NO_PLAIN, CIPHER],
  secrets: () => [forged],
  try: async (run) => {
    const path = join(folder, 'tenant.db')
    plainDb(path, forged.text).close()
    await run.does('the rows', () => {
      if (!run.without(NO_PLAIN)) return rowsOf(openSealedDb(path, key, schema))
      const db = new Database(path)
      if (!run.without(CIPHER)) {
        db.pragma("cipher = 'aegis'")
        db.key(Buffer.concat([Buffer.from('raw:'), key]))
      }
      return rowsOf(db)
    })
  },
})

test('catalog-06 a key that cannot be set makes no file', () => {
  for (const bad of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(33)])
    expect(() => openSealedDb(join(folder, 'new.db'), bad, schema)).toThrow('32 bytes')
  expect(readdirSync(folder)).toEqual([])
})

attempt('catalog-07', {
  layers: [PAGES],
  secrets: () => [foreign],
  try: async (run) => {
    const [own, other] = ['alfa', 'zulu'].map((name) => join(folder, name)) as [string, string]
    const open = (path: string) => run.without(PAGES) ? plainDb(path) : openSealedDb(path, path === own ? key : theirKey, schema) // biome-ignore format: one line
    const add = (db: SealedDb, x: string) => db.prepare("INSERT INTO t VALUES ('alfa', ?)").run(x)
    const mine = open(own)
    add(mine, 'alfa-row')
    mine.close()
    const zulu = open(other)
    add(zulu, foreign.text)
    writeFileSync(`${own}-wal`, readFileSync(`${other}-wal`))
    zulu.close()
    await run.does('the rows', () => {
      const db = open(own)
      try {
        return rowsOf(db)
      } finally {
        db.close()
      }
    })
    if (run.without(PAGES)) return
    rmSync(`${own}-wal`, { force: true })
    const again = open(own)
    run.keeps('the database of alfa', [{ what: 'its row', bytes: Buffer.from('alfa-row') }], rowsOf(again)) // biome-ignore format: one line
    again.close()
  },
})
