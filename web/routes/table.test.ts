/** The whole table, route by route: nothing that changes something is without its line, its token, its atom. */
import { describe, expect, test } from 'vitest'
import { verbOf } from '../../agent/audit/verb.ts'
import { atomsOf } from '../../agent/tenancy/role.ts'
import { client, storyApp } from '../../test/browser/story/client.ts'
import { STRANGER } from '../../test/browser/story/scene.ts'
import { createStory } from '../../test/browser/story.ts'
import { routeTable } from '../app.ts'

const table = routeTable(createStory().ports, true)
const reads = table.filter(({ method }) => method === 'GET')
const acts = table.flatMap((route) => (route.method === 'POST' ? [route] : []))
const closed = table.filter(({ atom }) => atom !== 'nobody')

/** A path of that route: its parameters filled with something that is not there. */
const pathOf = (path: string) =>
  path.replace(/:id\b/, '01930000-0000-7000-8000-00000000ffff').replace(/:name\{.*\}/, 'picket.css')

test('the router serves the table and nothing else', () => {
  const served = storyApp(createStory())
    .routes.filter(({ path }) => path !== '/*')
    .map(({ method, path }) => `${method} ${path}`)
  expect(served.sort()).toEqual(table.map(({ method, path }) => `${method} ${path}`).sort())
})

describe('what changes something', () => {
  test.for(acts)('$path declares a verb of the audit trail', ({ audit, atom }) => {
    const verb = verbOf(audit.verb)
    expect(verb, audit.verb).toBeDefined()
    // picket-keys checks the verb's own atom again when the table announces it: the two must agree.
    if (audit.by === 'table') expect(verb?.atom).toBe(atom)
  })

  test('nothing else than GET and POST is in the table, and a GET has no line because it changes nothing', () => {
    expect(reads.length + acts.length).toBe(table.length)
    expect(reads.filter((route) => 'audit' in route)).toEqual([])
  })

  test.for(acts)('$path is refused from another site', async ({ path }) => {
    const { post } = client('admin')
    for (const origin of ['https://elsewhere.example', 'null', 'http://127.0.0.1:9999'])
      expect((await post(path, {}, { origin })).status).toBe(403)
  })

  test.for(acts)('$path takes only a small form', async ({ path }) => {
    const { post } = client('admin')
    expect((await post(path, {}, { 'content-type': 'application/json' })).status).toBe(400)
    expect((await post(path, { next: 'x'.repeat(70_000) })).status).toBe(429)
  })

  test.for(acts.filter(({ atom }) => atom !== 'nobody'))(
    '$path is refused without its token, or with another login’s',
    async ({ path }) => {
      const { post, story } = client('admin')
      const other = client('admin', {}, story)
      const { csrfToken } = await import('../identity/csrf.ts')
      for (const csrf of [undefined, '', 'A'.repeat(43), csrfToken(other.token)])
        expect((await post(path, { csrf })).status).toBe(403)
      expect(story.audited).toEqual([])
    },
  )
})

describe('who may', () => {
  test.for(closed)('$method $path is for nobody without a session', async ({ method, path }) => {
    const { get, post, story } = client()
    const reply = method === 'GET' ? await get(pathOf(path)) : await post(path)
    if (method === 'GET' && !path.startsWith('/api/') && path !== '/live') {
      expect(reply.status).toBe(303)
      expect(reply.headers.get('location')).toMatch(/^\/login/)
    } else expect(reply.status).toBe(401)
    expect(story.audited).toEqual([])
  })

  test.for(closed)('$method $path is refused to a role without its atom', async (route) => {
    for (const role of ['viewer', 'operator'] as const) {
      if (atomsOf(role).includes(route.atom as 'view')) continue
      const { get, post, story } = client(role)
      const reply = route.method === 'GET' ? await get(pathOf(route.path)) : await post(route.path)
      expect(reply.status).toBe(403)
      expect(await reply.text()).toContain(route.atom)
      expect(story.audited).toEqual([])
    }
  })

  test.for(closed)('$method $path shows nothing before the first password', async (route) => {
    if (['/password', '/logout'].includes(route.path)) return
    const { get, post } = client('admin', { mustSetPassword: true })
    const reply = route.method === 'GET' ? await get(pathOf(route.path)) : await post(route.path)
    if (reply.status === 303) expect(reply.headers.get('location')).toBe('/password')
    else expect(reply.status).toBe(401)
  })

  test.for(closed.filter(({ method }) => method === 'GET'))(
    'GET $path refuses a foreign tenant and an unknown one in the same bytes',
    async ({ path }) => {
      const { get } = client('admin')
      const answers: string[] = []
      for (const scope of [STRANGER.tenant_id, 'no-such-one']) {
        const reply = await get(`${pathOf(path)}?scope=${scope}`)
        expect(reply.status).toBe(403)
        answers.push(await reply.text())
      }
      expect(answers[0]).toContain('cross-tenant traversal not permitted')
      expect(answers[0]).toBe(answers[1])
    },
  )
})

describe('the line comes first', () => {
  test('intent before the act, done after it', async () => {
    const { post, story } = client('admin')
    const order: string[] = []
    story.ports.site.reloadRules = async () => {
      order.push(...story.audited)
      return { loaded: 12, refused: 0, generation: 8 }
    }
    expect((await post('/rules/reload')).status).toBe(303)
    expect(order).toEqual(['rules.loaded intent'])
    expect(story.audited).toEqual(['rules.loaded intent', 'rules.loaded done'])
  })

  test('no line, no act', async () => {
    const { post, story } = client('admin')
    let acted = false
    story.ports.site.selfTest = async () => {
      acted = true
      return { ok: true, sentence: '' }
    }
    story.ports.audit.audit = async () => {
      throw new Error('the disk is full')
    }
    expect((await post('/settings/selftest')).status).toBe(500)
    expect(acted).toBe(false)
  })

  test('an act that fails leaves its line', async () => {
    const { post, story } = client('operator')
    story.ports.site.selfTest = async () => {
      throw new Error('no path')
    }
    expect((await post('/settings/selftest')).status).toBe(500)
    expect(story.audited).toEqual(['health.self-test intent', 'health.self-test failed'])
  })
})
