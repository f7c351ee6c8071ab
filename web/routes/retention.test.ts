/** Days of retention on the settings page: first what it would delete, then the deed, and only by who may. */
import { expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { STRANGER, TENANT } from '../../test/browser/story/scene.ts'

const { tenant_id: tenant } = TENANT
const ask = (query: Record<string, string>) => `/settings?${new URLSearchParams(query)}`

test('a change is shown in days and bytes before it is made, and asking changes nothing', async () => {
  const { get, story } = client('admin')
  const page = await (await get(ask({ tenant, kind: 'flow', days: '30' }))).text()
  expect(page.replaceAll('\u00a0', ' ')).toContain('This would delete 41 days, 1.2 GB (8,804,211 rows).') // biome-ignore format: one line
  expect(page).toContain('action="/settings/retention"')
  expect(story.audited).toEqual([])
  const longer = await (await get(ask({ tenant, kind: 'flow', days: '400' }))).text()
  expect(longer).toContain('This would delete nothing now.')
})

test('the deed goes to picket-keys with what the page showed', async () => {
  const { post, story } = client('admin')
  const reply = await post('/settings/retention', { tenant, kind: 'flow', days: '30' })
  expect(reply.status).toBe(200)
  expect(await reply.text()).toContain('Changed. Nothing was old enough to be deleted.')
  await post('/settings/retention', { tenant, kind: 'dns', days: '' })
  expect(story.audited).toEqual(['retention.changed thandi flow 30', 'retention.changed thandi dns null']) // biome-ignore format: one line
})

test('a viewer sees the days and no form; a form of its own making is refused', async () => {
  const { get, post, story } = client('viewer')
  const page = await (await get('/settings')).text()
  expect(page).toContain('every other kind')
  expect(page).not.toContain('name="days"')
  expect((await post('/settings/retention', { tenant, kind: 'flow', days: '1' })).status).toBe(403)
  expect(story.audited).toEqual([])
})

test.for([
  { kind: 'flow', days: '0' },
  { kind: 'flow', days: '-3' },
  { kind: 'flow', days: '1e9' },
  { kind: 'flow', days: '99999' },
  { kind: 'all', days: '' },
  { kind: 'nonsense', days: '3' },
  { kind: 'flow', days: '3', tenant: STRANGER.tenant_id },
])('what is no choice is said, and nothing is asked: %o', async (given) => {
  const { get, post, story } = client('admin')
  const asked = { tenant, ...given }
  const page = await get(ask(asked))
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('Nothing was changed.')
  expect((await post('/settings/retention', asked)).status).toBe(400)
  expect(story.audited).toEqual([])
})

test('the lake page draws the room of each store, with its words, and the date it lasts until', async () => {
  const page = (await (await client('viewer').get('/lake')).text()).replaceAll('\u00a0', ' ')
  expect(page).toContain('aria-label="packet ring: 93 % of its room"')
  expect(page).toContain('the lake retires its oldest files')
  expect(page).toMatch(/The disk holds until \d/)
  expect(page).toContain('Rows are kept 180 days, but flow 90 days.')
  expect(page).toContain('Disk nvme0n1: its wear is not readable here; 4.1 TB written since this machine started.') // biome-ignore format: one line
})
