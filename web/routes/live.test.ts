/** The stream says that something changed, to whom it may concern, for as long as the session lasts. */
import { expect, test } from 'vitest'
import { storyActions } from '../../test/browser/story/actions.ts'
import { type Client, client } from '../../test/browser/story/client.ts'
import { findings, strangerFinding } from '../../test/browser/story/findings.ts'
import { STRANGER, TENANT } from '../../test/browser/story/scene.ts'
import { storyStatus } from '../../test/browser/story/sight.ts'
import type { LiveEvent, SessionView } from '../base/ports.ts'

const STREAMS_EACH = 8

/** Reads the events of a stream one by one. */
async function watch({ get }: Client) {
  const reply = await get('/live')
  const reader = reply.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const next = async (): Promise<{ event: string; data: unknown } | undefined> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const [, event = '', data = ''] = /event: (.*)\ndata: (.*)/.exec(text.slice(0, end)) ?? []
        text = text.slice(end + 2)
        return { event, data: JSON.parse(data) }
      }
      const chunk = await reader?.read()
      if (!chunk || chunk.done) return undefined
      text += decoder.decode(chunk.value)
    }
  }
  const close = async () => reader?.cancel()
  return { reply, next, close }
}

const finding = (row: (typeof findings)[number]): LiveEvent => ({ kind: 'finding', row })

test('an event tells that something changed, and no row of it', async () => {
  const asker = client('viewer')
  const { reply, next, close } = await watch(asker)
  expect(reply.headers.get('content-type')).toContain('text/event-stream')
  expect(await next()).toEqual({ event: 'open', data: {} })
  asker.story.tell(finding(findings[0] as (typeof findings)[number]))
  expect(await next()).toEqual({
    event: 'finding',
    data: { id: findings[0]?.event_id, severity: 'critical' },
  })
  await close()
})

test('another tenant’s finding, action and status are not told', async () => {
  const asker = client('admin')
  const { next, close } = await watch(asker)
  await next()
  asker.story.tell(finding(strangerFinding))
  const foreign = storyActions().find((each) => each.tenant_uid === STRANGER.tenant_uid)
  if (foreign) asker.story.tell({ kind: 'action', action: foreign })
  asker.story.tell({ kind: 'status', status: storyStatus({ tenant_id: STRANGER.tenant_id }) })
  const [own] = storyActions()
  if (own) asker.story.tell({ kind: 'action', action: own })
  expect(await next()).toEqual({ event: 'action', data: { id: own?.action_id, state: 'proposed' } })
  await close()
})

test('a fleet that changed is told to whom it concerns, and not which site', async () => {
  const asker = client('viewer')
  const { next, close } = await watch(asker)
  await next()
  asker.story.tell({ kind: 'fleet', concerns: (token) => token !== asker.token })
  asker.story.tell({ kind: 'fleet', concerns: (token) => token === asker.token })
  expect(await next()).toEqual({ event: 'fleet', data: {} })
  asker.story.tell(finding(findings[0] as (typeof findings)[number]))
  expect(await next()).toMatchObject({ event: 'finding' }) // the first was not told at all
  await close()
})

test('a session that ended, or whose reach changed, ends its stream before the next event', async () => {
  const changes: (Partial<SessionView> | undefined)[] = [
    undefined,
    { role: 'admin' },
    { tenants: [TENANT, STRANGER] },
  ]
  for (const change of changes) {
    const asker = client('viewer')
    const { next } = await watch(asker)
    await next()
    const { sessions } = asker.story
    const before = sessions.get(asker.token) as SessionView
    if (change) sessions.set(asker.token, { ...before, ...change })
    else sessions.delete(asker.token)
    asker.story.tell(finding(findings[0] as (typeof findings)[number]))
    expect(await next()).toEqual({ event: 'end', data: {} })
    expect(await next()).toBeUndefined()
  }
})

test('watching alone keeps no session alive', async () => {
  const asker = client('viewer')
  const touched: (boolean | undefined)[] = []
  const { session } = asker.story.ports.sessions
  asker.story.ports.sessions.session = (given) => {
    touched.push(given.touch)
    return session(given)
  }
  const { next, close } = await watch(asker)
  await next()
  asker.story.tell(finding(findings[0] as (typeof findings)[number]))
  await next()
  expect(touched.slice(1)).toEqual([false])
  await close()
})

test('a login has a bounded number of streams; one that closes makes room', async () => {
  const asker = client('viewer')
  const open = []
  for (let i = 0; i < STREAMS_EACH; i++) open.push(await watch(asker))
  expect((await asker.get('/live')).status).toBe(429)
  await open[0]?.close()
  let status = 0
  for (let i = 0; i < 50 && status !== 200; i++) {
    await new Promise((done) => setImmediate(done))
    const again = await asker.get('/live')
    status = again.status
    await again.body?.cancel()
  }
  expect(status).toBe(200)
  for (const each of open) await each.close()
})
