import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { newUid } from '../../agent/base/ids.ts'
import { makeSite, type Site } from '../../test/lake/site.ts'
import { ANNEX_LEVEL } from './catalog.ts'
import { openEngine } from './engine.ts'
import { writeSealed } from './parquet.ts'
import { takeApart } from './parquet-seal.ts'
import { settle } from './settle.ts'
import { checkTenantColumn } from './tenant-column.ts'

let site: Site
afterEach(() => site.remove())

/** A file that the catalog signed, with these rows. */
async function plant(select: string, level = 0): Promise<string> {
  const { catalog, tenant } = site.lake()
  const engine = await openEngine({ memoryMiB: 128 })
  const connection = await engine.connect()
  const plain = join(site.data, 'plain.parquet')
  await connection.run(`COPY (${select}) TO '${plain}' (FORMAT parquet)`)
  connection.closeSync()
  engine.closeSync()
  const file_uid = newUid()
  const path = catalog.newPath(level, file_uid)
  const key = site.keys.keyFor(tenant.tenant_uid, 1)
  const written = await writeSealed(catalog.absolute({ path }), takeApart(readFileSync(plain)), key)
  const { tenant_id } = tenant
  const times = { from_us: 0, to_us: 0, ingest_from_us: 0, ingest_to_us: 0 }
  const blooms = { bloom_host: null, bloom_ip: null, bloom_rule: null }
  const row = { file_uid, tenant_id, level, path, ...times, rows: 1, epoch: 1, ...blooms }
  await catalog.commit({ add: [{ ...row, ...written }] })
  return `tenants/${tenant.tenant_uid}/${path}`
}

test('a lake as it is written has its tenant in each row; a planted file is named', async () => {
  site = await makeSite()
  await site.write([{}, {}])
  await settle(site.lake())
  expect(await checkTenantColumn(site.lake())).toEqual({ files: 1, withoutTenant: [] })
  const bare = await plant("SELECT 'x' AS event_id")
  const foreign = await plant("SELECT unnest(['alfa', 'zulu', NULL]) AS tenant_id")
  const annex = await plant("SELECT 'zulu' AS tenant_id", ANNEX_LEVEL)
  const { files, withoutTenant } = await checkTenantColumn(site.lake())
  expect(files).toBe(4)
  expect(withoutTenant.sort()).toEqual(
    [
      `${bare} has no column tenant_id`,
      `${foreign} has 2 rows that are not of alfa`,
      `${annex} has 1 rows that are not of alfa`,
    ].sort(),
  )
})
