/** Attempts on the layer `catalog`: edited by one who has its key, signed again by one who has that too, put back, shared, read without a key. */
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Database from 'better-sqlite3-multiple-ciphers'
import { afterEach, beforeEach, expect } from 'vitest'
import { crossTenant } from '../../agent/base/failure.ts'
import { isOwn } from '../../agent/control/query-runner.ts'
import type { FileFilter, FileRow } from '../../agent/lake/catalog.ts'
import { openCell } from '../../agent/lake/cell.ts'
import { FileCheck } from '../../agent/lake/file-check.ts'
import { settle } from '../../agent/lake/settle.ts'
import { openSealedDb, type SealedDb } from '../../agent/tenancy/sealed-db.ts'
import { makeSite, type Site } from '../lake/site.ts'
import { askEngine } from './ask-engine.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary } from './canary.ts'
import { answerOf, catalogPath, inCatalog, openCatalog, signAgain } from './catalog-edit.ts'
import { ANCHOR, CIPHER, EXCLUSIVE, HANDED_OUT, HEAD, LATER_FILES, OWN_PATHS, TENANT_KEY } from './lake-layers.ts' // biome-ignore format: one line

const HOSTS = 'SELECT host FROM events'
let site: Site
let [ours, theirs] = [canary('a row of alfa'), canary('a row of zulu')]

beforeEach(async () => {
  ;[ours, theirs] = [canary('a row of alfa'), canary('a row of zulu')]
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
  await filled('alfa', ours.text)
  await filled('zulu', theirs.text)
})
afterEach(() => site.remove())

const uid = (tenant_id: string) => site.lake(tenant_id).tenant.tenant_uid
async function filled(tenant_id: string, host: string): Promise<void> {
  await site.write([{ host }], tenant_id)
  await settle(site.lake(tenant_id))
}

/** Opens what is there now and asks; says so when what was asked for is not in an answer. */
async function asks(run: Run, keeps = [ours], filter: FileFilter = {}): Promise<void> {
  const catalog = await run.does('the start', () => openCatalog(site, run).then((made) => Object.assign(made, { toJSON: () => 'it opened' }))) // biome-ignore format: one line
  if (!catalog) return
  const answer = await run.does('the answer', answerOf(site, { catalog, filter, sql: HOSTS }))
  run.keeps('the answer', keeps, answer)
  catalog.close()
}

attempt('catalog-01', {
  layers: [HEAD, OWN_PATHS, HANDED_OUT, TENANT_KEY],
  secrets: () => [theirs],
  try: async (run) => {
    const [file] = site.lake('zulu').catalog.files() as [FileRow]
    const path = join('..', uid('zulu'), file.path)
    await inCatalog(site, async (db) => {
      db.prepare('UPDATE file SET path = ?, sha256 = ?, bytes = ?').run(path, file.sha256, file.bytes) // biome-ignore format: one line
      if (run.without(HEAD)) await signAgain(site, db)
    })
    if (!run.without(OWN_PATHS)) return asks(run, [])
    await run.does('the answer', () => followed(run))
    return undefined
  },
})

/** The rows of alfa's catalog as they stand, handed out as picket-keys does it. */
async function followed(run: Run): Promise<unknown> {
  const [file] = await inCatalog(site, (db) => db.prepare('SELECT * FROM file').all() as [FileRow]) // biome-ignore format: one line
  const path = join(dirname(catalogPath(site)), file.path)
  const handed = { ...file, path, tenant_uid: uid('alfa'), tier: 1 as const }
  if (!run.without(HANDED_OUT) && !isOwn(site.data, handed)) throw crossTenant()
  await new FileCheck().before(handed)
  const of = run.without(TENANT_KEY) ? 'zulu' : 'alfa'
  const key = site.keys.keyFor(uid(of), file.epoch).toString('base64')
  const branch = { tenant_id: 'alfa', fleet_id: 'alfa', key, paths: [path] }
  return askEngine(openCell([branch]), HOSTS)
}

/** The catalog of some generations ago; `hidden`: with the files that came since then gone too. */
function putBack(by: string, generations: number, layers: readonly Layer[]) {
  attempt('catalog-02', {
    by,
    layers,
    try: async (run) => {
      await inCatalog(site, () => {})
      copyFileSync(catalogPath(site), `${catalogPath(site)}.kept`)
      await site.reopen()
      const before = new Set(site.lake('alfa').catalog.files().map(({ path }) => path)) // biome-ignore format: one line
      const later = Array.from({ length: generations }, (_, i) => canary(`row ${i + 1} since`))
      for (const { text } of later) await filled('alfa', text)
      const since = site.lake('alfa').catalog.files().filter(({ path }) => !before.has(path)) // biome-ignore format: one line
      await inCatalog(site, () => {})
      copyFileSync(`${catalogPath(site)}.kept`, catalogPath(site))
      if (run.without(LATER_FILES)) for (const file of since) rmSync(site.lake('alfa').catalog.absolute(file)) // biome-ignore format: one line
      await asks(run, [ours, ...later])
    },
  })
}
putBack('by one generation', 1, [ANCHOR])
putBack('by three generations', 3, [LATER_FILES, ANCHOR])

/** A column of the one row, so that a filter passes it by. */
function hides(id: string, column: string, value: unknown, filter: () => FileFilter) {
  attempt(id, {
    by: column,
    layers: [HEAD, ANCHOR],
    try: async (run) => {
      await inCatalog(site, async (db) => {
        db.prepare(`UPDATE file SET ${column} = ?`).run(value)
        if (run.without(HEAD)) await signAgain(site, db)
      })
      await asks(run, [ours], filter())
    },
  })
}
hides('catalog-03', 'bloom_host', Buffer.alloc(32), () => ({ host: ours.text }))
hides('catalog-04', 'to_us', 1, () => ({ from_us: 2 }))
hides('catalog-04', 'from_us', 4e15, () => ({ to_us: 3e15 }))

attempt('catalog-05', {
  by: 'two writers past the lock of the folder',
  layers: [EXCLUSIVE],
  try: async (run) => {
    const heads = async () => {
      const key = await site.keys.catalogKey({ tenant_uid: uid('alfa') })
      return openSealedDb(catalogPath(site), key, '')
    }
    if (!run.without(EXCLUSIVE)) {
      await run.does('the second', openCatalog(site, run))
      return
    }
    site.lake('alfa').catalog.close()
    const [one, two] = [await heads(), await heads()]
    const of = (db: SealedDb) => db.prepare('SELECT generation FROM head').get() as { generation: number } // biome-ignore format: one line
    const next = [of(one), of(two)].map(({ generation }) => generation + 1)
    for (const [i, db] of [one, two].entries())
      db.prepare('UPDATE head SET generation = ?, envelope = ?').run(next[i], `of writer ${i}`)
    run.saw('what they committed', { next })
    if (next[0] === next[1]) run.harm(`both committed generation ${next[0]}`)
    one.close()
    two.close()
  },
})

attempt('catalog-06', {
  by: 'read by stock SQLite and by the eye',
  layers: [CIPHER],
  secrets: () => [hashOfFile()],
  try: async (run) => {
    await inCatalog(site, (db) => {
      if (run.without(CIPHER)) copyPlain(db, catalogPath(site))
    })
    const path = run.without(CIPHER) ? `${catalogPath(site)}.plain` : catalogPath(site)
    await run.does('stock SQLite', () => new DatabaseSync(path, { readOnly: true }).prepare('SELECT * FROM file').all()) // biome-ignore format: one line
    run.saw('the file', readFileSync(path))
    if (!run.without(CIPHER)) expect(readFileSync(path).toString('latin1', 0, 15)).not.toBe('SQLite format 3') // biome-ignore format: one line
  },
})
const hashOfFile = () => {
  const [file] = site.lake('alfa').catalog.files() as [FileRow]
  return { what: 'the hash of a file', bytes: Buffer.from(file.sha256) }
}

function copyPlain(db: SealedDb, path: string): void {
  const plain = new Database(`${path}.plain`)
  plain.exec('CREATE TABLE file (path TEXT, sha256 TEXT)')
  for (const { path: at, sha256 } of db.prepare('SELECT * FROM file').all() as FileRow[])
    plain.prepare('INSERT INTO file VALUES (?, ?)').run(at, sha256)
  plain.close()
}
