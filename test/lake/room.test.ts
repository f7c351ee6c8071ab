/**
 * The room of each store and the days of each kind, as an operator meets them: real processes, the command line, a session.
 * That rows leave by their days is shown with a clock of the test's own in `agent/lake/retention-by-kind.test.ts`.
 */
import { expect, test } from 'vitest'
import { RunningLake } from './running-lake.ts'

const rows = (host: string) =>
  Array.from({ length: 400 }, (_, i) => ({
    kind: i % 2 ? 'flow' : 'finding',
    host,
    message: Buffer.from(`${host} ${i} ${Math.sin(i)} ${Math.cos(i)}`).toString('base64'),
    event_time: Date.now() * 1000 + i,
  }))

test('a lake at its quota gives up its own oldest rows and says so; the other tenant loses none', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' }, { bytes: 60_000 })
  stack.defer(() => running.close())
  await running.import('beta', rows('beta'))
  for (const host of ['one', 'two', 'three', 'four']) await running.import('alfa', rows(host))
  await running.lake((lake) => lake.settle())
  const status = await running.lake((lake) => lake.status())
  const [alfa, beta] = ['alfa', 'beta'].map((id) => status.tenants.find(({ tenant_id }) => tenant_id === id)) // biome-ignore format: one line
  expect(alfa?.bytes).toBeLessThanOrEqual(60_000)
  expect(alfa?.overQuota?.rows).toBe(1600 - (alfa?.rows ?? 0))
  expect(alfa?.overQuota?.rows).toBeGreaterThan(0)
  expect(alfa?.promise?.sentence).toContain('the lake is at its quota, and the oldest left before their time') // biome-ignore format: one line
  expect(alfa?.promise?.kept).toBe(false)
  expect([beta?.rows, beta?.overQuota]).toEqual([400, undefined])
  const { rows: left } = await running.ask(['alfa'], 'SELECT DISTINCT host FROM events')
  const hosts = left.flat()
  expect(hosts).toContain('four')
  expect(hosts).not.toContain('one')
  const { items } = await running.cli.auditList({ limit: 50 })
  const lines = items.filter(({ verb }) => verb === 'lake.over-quota')
  expect(lines.map(({ tenant_id }) => tenant_id)).toEqual(lines.map(() => 'alfa'))
  const { rows: gone, files = '' } = { rows: lines.reduce((sum, { sentence }) => sum + Number(/deleted (\d+) rows/.exec(sentence)?.[1]), 0), files: lines[0]?.sentence } // biome-ignore format: one line
  expect(gone).toBe(alfa?.overQuota?.rows)
  expect(files).toMatch(/before their time, as the lake was at its quota: until-\d{4}-\d\d-\d\d\/\d+-bytes\/\d+-files/) // biome-ignore format: one line
})

test('lake status tells the room of each store, the days of each kind, the rate and the wear', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa' })
  stack.defer(() => running.close())
  await running.import('alfa', rows('one'))
  const { out } = await running.picket('lake', 'status')
  for (const store of ['packet ring', 'journal', 'lake', 'audit']) expect(out).toMatch(new RegExp(`^${store} +\\S+ \\S?B +\\S+ \\S?B +\\d+ %`, 'm')) // biome-ignore format: one line
  expect(out).toContain('alfa: rows are kept 180 days.')
  expect(out).toContain('Too early to say how long the lake lasts')
  expect(out).toMatch(/wear is not readable here|% of its promised life used/)
  expect(out).toMatch(/The oldest row is 0 days old; 180 days are promised\. Looked at \d{4}/)
})

test('days of a kind: asked first, changed by the word, kept over a restart, in the trail', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' })
  stack.defer(() => running.close())
  const say = async (...args: string[]) => running.picket('lake', 'retention', ...args)
  const asked = await say('--tenant', 'alfa', '--kind', 'flow', '--days', '30')
  expect(asked.out).toBe(
    'This would delete nothing now.\nNothing was changed. To do it, say --yes.\n',
  )
  expect((await say('--tenant', 'alfa')).out).toBe('alfa: rows are kept 180 days.\n')
  const done = await say('--tenant', 'alfa', '--kind', 'flow', '--days', '30', '--yes')
  expect(done.out).toBe('alfa: rows are kept 180 days, but flow 30 days.\nNothing was old enough to be deleted.\n') // biome-ignore format: one line
  await running.stop('lake', 'SIGKILL')
  await running.start('lake')
  expect((await say('--tenant', 'alfa')).out).toBe('alfa: rows are kept 180 days, but flow 30 days.\n') // biome-ignore format: one line
  expect((await say('--tenant', 'beta')).out).toBe('beta: rows are kept 180 days.\n')
  const back = await say('--tenant', 'alfa', '--kind', 'flow', '--days', 'all', '--yes', '--json')
  expect(JSON.parse(back.out)).toMatchObject({ retention: { all: 180 }, done: true })
  const { items } = await running.cli.auditList({ limit: 50 })
  const sentences = items.filter(({ verb }) => verb === 'retention.changed').map(({ sentence }) => sentence) // biome-ignore format: one line
  expect(sentences).toEqual([
    'picket-lake changed the retention to flow/as-all.',
    'picket-lake asked to change the retention to flow/as-all.',
    'picket-lake changed the retention to flow/30-days.',
    'picket-lake asked to change the retention to flow/30-days.',
  ])
  for (const wrong of [['--kind', 'flow'], ['--kind', 'flow', '--days', '0'], ['--kind', 'nonsense', '--days', '3']]) // biome-ignore format: one line
    expect((await say('--tenant', 'alfa', ...wrong)).code).toBe(2)
  expect((await say('--kind', 'flow', '--days', '3')).err).toContain('Say whose: --tenant NAME.')
})

test('by a session: an admin of the box may, nobody else, and not for a tenant that is not theirs', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' })
  stack.defer(() => running.close())
  const { code } = await running.cli.oneTimeLogin({ tenant_id: 'alfa' })
  const { token: first } = await running.web.redeem({ code, source: '127.0.0.1' })
  const { token } = await running.web.setPassword({ token: first, next: 'a long enough password' })
  await running.web.addUser({ token, name: 'olga', role: 'operator', password: 'another long password' }) // biome-ignore format: one line
  const olga = await running.web.login({ name: 'olga', password: 'another long password', source: '127.0.0.1' }) // biome-ignore format: one line
  const change = { tenant_id: 'alfa', kind: 'dns', days: 7 }
  expect(await running.web.setRetention({ token, ...change })).toEqual({ deleted: null })
  await expect(running.web.setRetention({ token: olga.token, ...change })).rejects.toThrow('Your role is operator') // biome-ignore format: one line
  await expect(running.web.setRetention({ token, ...change, tenant_id: 'beta' })).rejects.toThrow('cross-tenant traversal not permitted') // biome-ignore format: one line
  const { tenants } = await running.lake((lake) => lake.status())
  expect(tenants.map(({ retention }) => retention)).toEqual([{ all: 180, dns: 7 }, { all: 180 }])
})

test('a session sees the lake of its own tenants, and the pages have no other way to it', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' })
  stack.defer(() => running.close())
  const { code } = await running.cli.oneTimeLogin({ tenant_id: 'alfa' })
  const { token } = await running.web.redeem({ code, source: '127.0.0.1' })
  const { tenants } = await running.web.lakeStatus({ token })
  expect(tenants.map(({ tenant_id }) => tenant_id)).toEqual(['alfa'])
  for (const scope of [['beta'], ['alfa', 'beta'], ['nobody']])
    await expect(running.web.lakeStatus({ token, scope })).rejects.toThrow('cross-tenant traversal not permitted') // biome-ignore format: one line
  const change = { token, kind: 'flow', days: 1 }
  expect(await running.web.wouldRetire({ ...change, tenant_id: 'alfa' })).toEqual({ deletes: null })
  await expect(running.web.wouldRetire({ ...change, tenant_id: 'beta' })).rejects.toThrow('cross-tenant traversal not permitted') // biome-ignore format: one line
  await expect(running.web.lakeStatus({ token: 'x'.repeat(43) })).rejects.toThrow(/sign in/)
  await expect(running.lake((lake) => lake.status(), 'web')).rejects.toThrow()
})
