/** What a reader may see: the scope used is told, and what is outside of it looks like nothing at all. */
import { describe, expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { idOf, STRANGER, TENANT } from '../../test/browser/story/scene.ts'
import { createStory } from '../../test/browser/story.ts'
import { routeTable } from '../app.ts'

const CANARY = /canary|192\.0\.2\.99|zulu/i
const FOREIGN = idOf(900)
const UNKNOWN = idOf(0xffff)

const pages = routeTable(createStory().ports, true).flatMap(({ method, path, atom }) =>
  method === 'GET' && atom !== 'nobody' && path !== '/live' && !path.includes(':') ? [path] : [],
)

test.for(pages.filter((path) => path.startsWith('/api/')))(
  '%s tells the scope it used',
  async (path) => {
    const { get } = client('admin')
    for (const query of ['', `?scope=${TENANT.tenant_id}`])
      expect(await (await get(path + query)).json()).toMatchObject({ scope: [TENANT.tenant_id] })
  },
)

test.for(pages)('%s holds nothing of another tenant', async (path) => {
  const { get } = client('admin')
  expect(await (await get(`${path}?limit=500`.replace(/^\/\?.*/, '/'))).text()).not.toMatch(CANARY)
})

test('two tenants: all of the session’s by default, part of them when named, none beside them', async () => {
  const { get } = client('admin', { tenants: [TENANT, STRANGER] })
  const scopeOf = async (query: string) =>
    ((await (await get(`/api/findings${query}`)).json()) as { scope: string[] }).scope
  expect(await scopeOf('')).toEqual([TENANT.tenant_id, STRANGER.tenant_id])
  expect(await scopeOf(`?scope=${STRANGER.tenant_id}`)).toEqual([STRANGER.tenant_id])
  expect(await scopeOf(`?scope=${STRANGER.tenant_id}&scope=${TENANT.tenant_id}`)).toHaveLength(2)
  const page = await (await get(`/findings?scope=${STRANGER.tenant_id}`)).text()
  expect(page).toContain('1 of 2')
  expect(page).not.toContain('PLC-2')
  const both = await get(`/api/findings?scope=${TENANT.tenant_id},third-one`)
  expect(both.status).toBe(403)
  expect(await both.json()).toEqual({
    error: { kind: 'refused', message: 'cross-tenant traversal not permitted' },
  })
})

describe('an id of another tenant and an id of nobody', () => {
  test.for(['/findings/', '/api/findings/'])('%s: the same bytes', async (path) => {
    const { get } = client('admin')
    const answers = await Promise.all(
      [FOREIGN, UNKNOWN, 'no-id-at-all'].map(async (id) => {
        const reply = await get(path + id)
        expect(reply.status).toBe(404)
        return (await reply.text()).replaceAll(id, 'ID')
      }),
    )
    expect(new Set(answers).size).toBe(1)
    expect((await get(path + idOf(1))).status).toBe(200)
  })

  test.for(['approve', 'reject', 'undo'])(
    '/actions/%s: the same bytes, and nothing done',
    async (verb) => {
      const { post, story } = client('admin')
      const foreign = story.actions.find((each) => each.tenant_uid === STRANGER.tenant_uid)
      const own = story.actions[0]
      const pick = `${own?.action_id}.${own?.hash}`
      const before = JSON.stringify(story.actions)
      const answers: string[] = []
      for (const id of [foreign?.action_id, UNKNOWN]) {
        const reply = await post(`/actions/${verb}`, { only: `${id}.${foreign?.hash}` })
        expect(reply.status).toBe(404)
        answers.push(await reply.text())
      }
      expect(answers[0]).toBe(answers[1])
      // One of ours beside it does not help, and is not done either.
      const both = [pick, `${foreign?.action_id}.${foreign?.hash}`]
      expect((await post(`/actions/${verb}`, { pick: both })).status).toBe(404)
      expect(JSON.stringify(story.actions)).toBe(before)
    },
  )
})

test('a plan that changed since it was seen is not approved', async () => {
  const { post, story } = client('operator')
  const id = story.actions[0]?.action_id
  expect((await post('/actions/approve', { only: `${id}.${'e'.repeat(64)}` })).status).toBe(409)
  expect((await post('/actions/approve', { only: `${id}.short` })).status).toBe(400)
  expect((await post('/actions/approve')).status).toBe(400)
  expect(story.actions[0]?.state).toBe('proposed')
})
