/** What carries no tenant is planted in a running box, one of each kind, and must be named (T1). */
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { openSealedDb } from '../../agent/tenancy/sealed-db.ts'
import { RunningLake } from '../lake/running-lake.ts'

let box: RunningLake
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'acme' })
  await box.import('alfa', [{ kind: 'flow', event_time: '2026-11-01T00:00:00Z' }])
  await box.ask(['alfa'], 'SELECT count(*) FROM events') // its text goes into tenant.db
}, 60_000)
afterAll(() => box.close())

test('control: a box as it runs prints nothing', async () => {
  expect(await box.picket('invariants')).toEqual({ code: 0, out: '', err: '' })
  const { looked } = JSON.parse((await box.picket('invariants', '--json')).out)
  expect(looked).toMatchObject({ databases: 4, lakeFiles: 1 })
  expect(looked.tables).toBeGreaterThan(20)
  expect(looked.files).toBeGreaterThan(20)
})

test('a file, a folder of nobody, a link, a line and a table are each named', async () => {
  const nobody = 'f'.repeat(32)
  const uid = box.tenant('alfa').tenant_uid
  const planted = [
    'export.csv',
    `journal/${nobody}/a.seg`,
    `link/receives/${nobody}/received/0000000001.log`,
    'keys/copy.key',
  ]
  for (const name of planted) {
    mkdirSync(dirname(join(box.data, name)), { recursive: true })
    writeFileSync(join(box.data, name), 'x')
  }
  symlinkSync('/etc/hostname', join(box.data, 'tenants', uid, 'elsewhere'))
  mkdirSync(join(box.data, 'guard'), { recursive: true })
  appendFileSync(join(box.data, 'guard', 'actions.jsonl'), '0 {"entries":[{"action":{}}]}\n')
  const folder = join(box.data, 'keys')
  const ring = await Keyring.open({ folder, custodian: openFileCustodian(folder) })
  const db = openSealedDb(join(box.data, 'platform.db'), await ring.box('platform'), '')
  db.exec('CREATE TABLE remarks (text TEXT)')
  db.close()
  const { code, out } = await box.picket('invariants')
  expect(code).toBe(1)
  expect(out.trim().split('\n').sort()).toEqual(
    [
      'platform.db table remarks has rows without tenant_id',
      'export.csv belongs to no tenant',
      `journal/${nobody}/a.seg is of no tenant of this box`,
      `link/receives/${nobody}/received/0000000001.log is of no fleet of this box`,
      'keys/copy.key belongs to no tenant',
      `tenants/${uid}/elsewhere leads elsewhere`,
      'guard/actions.jsonl line 1 names no tenant',
    ].sort(),
  )
})

test('picket-keys does not start on such a table, and says which', async () => {
  await box.stop('lake')
  await box.stop('keys')
  const { code, err } = await box.picket('invariants')
  expect(code).not.toBe(0)
  expect(err).toContain('platform.db has a table whose rows name no tenant: remarks')
})
