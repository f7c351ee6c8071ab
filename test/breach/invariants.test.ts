/** What carries no tenant is planted in a running box, one of each kind, and must be named (T1). */
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../agent/base/clock.ts'
import { silentLog } from '../../agent/base/log.ts'
import {
  cachesWithoutTenant,
  checkCaches,
  routesWithoutScope,
  topicsCarried,
} from '../../agent/control/tenant-carriers.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { formatTopic } from '../../agent/link/topics.ts'
import { TopicsSeen } from '../../agent/link/topics-seen.ts'
import { openSealedDb } from '../../agent/tenancy/sealed-db.ts'
import { createApp, routeTable } from '../../web/app.ts'
import { servedRoutes } from '../../web/routes/served.ts'
import { createStory } from '../browser/story.ts'
import { RunningLake } from '../lake/running-lake.ts'

let box: RunningLake
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'acme' })
  await box.import('alfa', [{ kind: 'flow', event_time: '2026-11-01T00:00:00Z' }])
  await box.ask(['alfa'], 'SELECT count(*) FROM events') // its text goes into tenant.db
  const [[event_id] = []] = (await box.ask(['alfa'], 'SELECT event_id FROM events')).rows
  const value = { event_id: String(event_id), name: 'owner', value: 'ops', value_type: 'text' as const } // biome-ignore format: one line
  await box.lake((lake) => lake.annexSet({ tenant_id: 'alfa', values: [value] }))
  await box.cli.query({ scope: ['alfa'], named: 'findings' })
})
afterAll(() => box.close())

test('control: a box as it runs prints nothing', async () => {
  expect(await box.picket('invariants')).toEqual({ code: 0, out: '', err: '' })
  const { looked } = JSON.parse((await box.picket('invariants', '--json')).out)
  expect(looked).toMatchObject({ databases: 4, lakeFiles: 2 })
  expect(looked.tables).toBeGreaterThan(20)
  expect(looked.files).toBeGreaterThan(20)
  expect(looked.routes).toBeGreaterThan(40)
  expect(looked.cacheKeys).toBeGreaterThan(2) // a warm cell, its file, the line of the look
})

describe('what a running box does not let in, planted at what looks', () => {
  const uid = '0123456789abcdef'.repeat(2)
  const topic = (tenant_uid: string) => formatTopic({ fleet_uid: uid, tenant_uid, appliance_id: uid, kind: 'sum' }) // biome-ignore format: one line

  test('a topic without a tenant', () => {
    const topics = new TopicsSeen()
    for (const each of [topic(uid), '$SYS/x/heartbeat']) topics.look(each)
    expect([topics.seen, topics.without]).toEqual([1, 0])
    const planted = [topic('0'.repeat(32)), `p/v1/${uid}/${uid}/sum`, 'alarms', '#', '\u0000\n']
    for (const each of planted) topics.look(each)
    expect(topics.kept()).toEqual(planted)
    const said = topicsCarried({ seen: topics.seen, withoutTenant: topics.kept() })
    expect(said).toHaveLength(planted.length)
    expect(said[2]).toBe('the broker carried alarms, which names no tenant')
    for (let i = 0; i < 1000; i++) topics.look(`flood/${i}`)
    expect(topics.kept()).toHaveLength(100)
    expect(topics.without).toBe(1005)
  })

  test('a route beside the table, and one that needs no session', () => {
    const { ports } = createStory()
    const app = createApp(ports, { clock: systemClock, log: silentLog, onLoopback: true })
    const table = routeTable(ports, true)
    expect(routesWithoutScope(servedRoutes(app, table))).toEqual([])
    app.get('/stray', (c) => c.text('rows'))
    const open = { method: 'GET', path: '/export', atom: 'nobody', handle: () => new Response() } as const // biome-ignore format: one line
    app.get(open.path, open.handle)
    expect(routesWithoutScope(servedRoutes(app, [...table, open]))).toEqual([
      'the route GET /stray stands in no table: nothing gives it a scope',
      'the route GET /export needs no session, so it has no scope',
    ])
  })

  test('a key of a cache that does not say whose its value is', () => {
    const other = 'f'.repeat(32)
    const caches = { cells: [uid, `${uid},${other}`], answers: [`s ${uid} findings`, 'findings', other] } // biome-ignore format: one line
    const checked = checkCaches(caches, [uid])
    expect(checked.map(({ keys, withoutTenant }) => [keys, withoutTenant])).toEqual([[2, 0], [3, 2]]) // biome-ignore format: one line
    expect(cachesWithoutTenant(checked)).toEqual([
      'the cache of answers has 2 keys that name no tenant',
    ])
  })
})

test('a file, a folder of nobody, a link, a line and a table are each named', async () => {
  const nobody = 'f'.repeat(32)
  const uid = box.tenant('alfa').tenant_uid
  const planted = [
    'export.csv',
    `journal/${nobody}/a.seg`,
    `link/receives/${nobody}/received/0000000001.log`,
    'keys/copy.key',
    `tenants/${uid}/notes.db`,
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
      `tenants/${uid}/notes.db is a database that no process has open`,
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
