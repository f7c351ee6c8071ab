/** The catalog against somebody who has its file, or even its key. */
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, readLake, type Site } from '../../test/lake/site.ts'
import { openSealedDb } from '../tenancy/sealed-db.ts'
import type { FileRow } from './catalog.ts'
import { settle } from './settle.ts'

let site: Site
beforeEach(async () => {
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
  for (const tenant of ['alfa', 'alfa', 'zulu']) {
    await site.write([{ host: tenant }], tenant)
    await settle(site.lake(tenant))
  }
})
afterEach(() => site.remove())

const folder = (tenant = 'alfa') => join(site.data, 'tenants', site.lake(tenant).tenant.tenant_uid)
const path = (tenant = 'alfa') => join(folder(tenant), 'catalog.db')

/** Edits the rows as somebody with the catalog's key could; not the signature. */
async function edit(sql: string): Promise<void> {
  const { catalog, tenant } = site.lake()
  catalog.close()
  const db = openSealedDb(path(), await site.keys.catalogKey(tenant), '')
  db.exec(sql)
  db.close()
}

test.each([
  ['UPDATE file SET rows = rows + 1'],
  [`UPDATE file SET sha256 = '${'0'.repeat(64)}'`],
  ['DELETE FROM file WHERE rowid = 1'],
  ['DELETE FROM settled'],
  ['UPDATE file SET bloom_host = NULL'],
  [`UPDATE settled SET segment_uid = '${'a'.repeat(32)}' WHERE seq = 1`],
])('an edit of the rows is refused: %s', async (sql) => {
  await edit(sql)
  await expect(site.reopen()).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/catalog\.db does not agree with its signed head/),
  })
})

test('a head that is gone is refused', async () => {
  await edit('DELETE FROM head')
  await expect(site.reopen()).rejects.toThrow(/catalog\.db has no signed head/)
})

test.each([
  ['../../other/tier1/0000000001-00000000000000000000000000000000.parquet', 'alfa'],
  ['/etc/passwd', 'alfa'],
  ['tier1/0000000001-00000000000000000000000000000000.parquet', 'zulu'],
  ['tier3/0000000001-00000000000000000000000000000000.parquet', 'alfa'],
])('a signed row that points to %s of %s is refused', async (wrong, tenant_id) => {
  const { catalog } = site.lake()
  const [file] = catalog.files() as [FileRow]
  await catalog.commit({ add: [{ ...file, file_uid: 'f'.repeat(32), path: wrong, tenant_id }] })
  await expect(site.reopen()).rejects.toThrow(/names a file that is not this tenant's/)
})

test('put back by one generation, and removed, it is refused before a file is touched', async () => {
  site.lake().catalog.close()
  const kept = join(site.data, 'kept')
  copyFileSync(path(), kept)
  await site.reopen()
  await site.write([{ host: 'later' }])
  await settle(site.lake())
  const files = site
    .lake()
    .catalog.files()
    .map((file) => site.lake().catalog.absolute(file))
  site.lake().catalog.close()
  const now = join(site.data, 'now')
  copyFileSync(path(), now)
  copyFileSync(kept, path())
  await expect(site.reopen()).rejects.toThrow(/older than what was last committed/)
  rmSync(path())
  await expect(site.reopen()).rejects.toThrow(/catalog\.db has no signed head|older than what/)
  expect(files.filter((file) => !existsSync(file))).toEqual([])
  copyFileSync(now, path())
  await site.reopen()
  expect(await readLake(site, 'SELECT count(*) FROM events')).toEqual([['3']])
})

test('a commit whose generation could not be kept at once holds, and is kept at the next start', async () => {
  const { keys } = site
  const { anchorCatalog } = keys
  const unavailable = Object.assign(new Error('away'), { kind: 'unavailable' })
  keys.anchorCatalog = () => Promise.reject(unavailable)
  await expect(site.lake().catalog.commit({})).rejects.toThrow('away') // no Failure: said, not swallowed
  keys.anchorCatalog = anchorCatalog
  await site.reopen()
  expect(site.lake().catalog.generation).toBe(3)
})
