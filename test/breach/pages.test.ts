/** Attempts on the layers `session`, `api`, `metrics` and `search-helpers` that meet the pages: the real app over the story of test/browser. */
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, test } from 'vitest'
import { systemClock } from '../../agent/base/clock.ts'
import { silentLog } from '../../agent/base/log.ts'
import { VERSION } from '../../agent/base/version.ts'
import { routesWithoutScope } from '../../agent/control/tenant-carriers.ts'
import { createApp, routeTable } from '../../web/app.ts'
import { ownPath } from '../../web/identity/back.ts'
import { csrfToken } from '../../web/identity/csrf.ts'
import { sealPosition } from '../../web/identity/position.ts'
import { listen } from '../../web/listen.ts'
import { servedRoutes } from '../../web/routes/served.ts'
import { type Client, client, storyApp } from '../browser/story/client.ts'
import { strangerFinding } from '../browser/story/findings.ts'
import { NOW_US, PASSWORD, STRANGER, TENANT } from '../browser/story/scene.ts'
import { createStory, type Story } from '../browser/story.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary, canaryOf } from './canary.ts'
import {
  CSRF,
  HOST,
  looseApp,
  METHOD,
  ORIGIN,
  ROLE,
  SENTENCE,
  SESSION,
  TYPE,
} from './loose-gate.ts'

const ADDRESS = '127.0.0.1:8443'
const OURS = `http://${ADDRESS}`
const THEIRS = [
  canaryOf("what was found at the neighbour's", strangerFinding.message ?? ''),
  canaryOf('an address of the neighbour', '192.0.2.99'),
  canaryOf('the name of the neighbour', STRANGER.tenant_id),
]
const FORM = 'application/x-www-form-urlencoded'
const table = routeTable(createStory().ports, true)
const reads = table.filter(({ method, path }) => method === 'GET' && path !== '/live')
const pathOf = (path: string) =>
  path.replace(/:id\b/, strangerFinding.event_id).replace(/:name\{.*\}/, 'picket.css')

/** The app as it is, or with the gate that leaves out what is off. */
const appOf = (story: Story, run: Run) =>
  run.off.size === 0 ? storyApp(story) : looseApp(story, run.off)

/** Sent to the app; the reply is seen, with its headers. */
async function send(run: Run, story: Story, path: string, init: RequestInit): Promise<Response> {
  const reply = await appOf(story, run).request(`${OURS}${path}`, init)
  run.saw(`${init.method ?? 'GET'} ${path}`, `${reply.status} ${await reply.clone().text()}`)
  run.saw('headers', JSON.stringify([...reply.headers]))
  return reply
}

/** A request that changes something, sent by another page through the browser of an admin. */
function fromElsewhere(
  id: string,
  by: string,
  layers: readonly Layer[],
  request: (action: { pick: string }) => RequestInit & { path?: string },
) {
  attempt(id, {
    by,
    layers,
    try: async (run) => {
      const { story, token } = client('admin')
      const [action] = story.actions
      const pick = `${action?.action_id}.${action?.hash}`
      const { path = '/actions/approve', headers, ...rest } = request({ pick })
      const own = { host: ADDRESS, cookie: `__Host-picket=${token}` }
      await send(run, story, path, { method: 'POST', ...rest, headers: { ...own, ...headers } })
      if (action?.state !== 'proposed') run.harm('the action was approved')
    },
  })
}

for (const origin of [
  'https://evil.example',
  `http://sub.${ADDRESS}`,
  'null',
  'http://127.0.0.1:9999',
])
  fromElsewhere('session-02', `from ${origin}`, [ORIGIN, CSRF], ({ pick }) => ({
    headers: { origin, 'content-type': FORM },
    body: `only=${pick}`,
  }))

const EVIL = { origin: 'https://evil.example' }
fromElsewhere('api-05', 'JSON as plain text', [ORIGIN, TYPE, CSRF], ({ pick }) => ({
  headers: { ...EVIL, 'content-type': 'text/plain' },
  body: JSON.stringify({ only: pick }),
}))
fromElsewhere('api-05', 'a form of two parts', [ORIGIN, TYPE, CSRF], ({ pick }) => ({
  headers: { ...EVIL, 'content-type': 'multipart/form-data; boundary=x' },
  body: `--x\r\nContent-Disposition: form-data; name="only"\r\n\r\n${pick}\r\n--x--`,
}))
for (const method of ['GET', 'HEAD'])
  fromElsewhere(
    'api-05',
    `${method} that says it is another`,
    [METHOD, ORIGIN, TYPE, CSRF],
    ({ pick }) => ({
      // biome-ignore format: one line
      path: `/actions/approve?only=${pick}`,
      method,
      headers: { ...EVIL, 'x-http-method-override': 'POST', 'x-method-override': 'POST' },
    }),
  )

const FRAMES: Layer = { name: 'who may frame a page', shows: /frame-ancestors 'none'/ }
const FRAME_OPTIONS: Layer = { name: 'what older browsers ask', shows: /x-frame-options/ }
attempt('session-03', {
  layers: [FRAMES, FRAME_OPTIONS],
  try: async (run) => {
    const { get } = client('admin')
    for (const { path } of reads) {
      const { headers } = await get(pathOf(path))
      const policy = run.without(FRAMES) ? '' : (headers.get('content-security-policy') ?? '')
      const options = run.without(FRAME_OPTIONS) ? '' : (headers.get('x-frame-options') ?? '')
      run.saw(path, `${policy} ${options && `x-frame-options ${options}`}`)
      // As a browser decides: the policy where there is one, else the header.
      const refused = /frame-ancestors 'none'/.test(policy) || (!/frame-ancestors/.test(policy) && options === 'DENY') // biome-ignore format: one line
      if (!refused) run.harm(`${path} can be framed`)
    }
  },
})

const OWN_PATHS: Layer = { name: 'only paths of our own', shows: /went to \/now/ }
for (const next of [
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'https://evil.example',
  '/\t/evil.example',
  'javascript:alert(1)',
])
  attempt('session-06', {
    by: JSON.stringify(next),
    layers: [OWN_PATHS],
    try: async (run) => {
      const reply = await client().post('/login', { name: 'thandi', password: PASSWORD, next })
      const to = run.without(OWN_PATHS) ? next : (reply.headers.get('location') ?? '')
      run.saw('the browser', `went to ${to}`)
      const url = new URL(to, `${OURS}/login`)
      if (url.host !== ADDRESS) run.harm(`the browser goes to ${url.protocol}${url.host}`)
      expect(ownPath(to, '/now')).toBe(run.without(OWN_PATHS) ? '/now' : to)
    },
  })

const SEES: Layer = {
  name: 'the tenants that a session sees',
  shows: /40[034] |"scope":\["acme-cpt"\]|Answer 404/,
}
/** Somebody of the story's tenant; without that layer, of the neighbour's as well. */
const seeing = (run: Run): Client =>
  client('admin', run.without(SEES) ? { tenants: [TENANT, STRANGER] } : {})

for (const path of ['/findings/', '/api/findings/'])
  attempt('api-01', {
    by: `GET ${path}`,
    layers: [SEES],
    secrets: () => THEIRS,
    try: async (run) => {
      const { get } = seeing(run)
      const answers: string[] = []
      for (const id of [strangerFinding.event_id, '01930000-0000-7000-8000-00000000ffff']) {
        const reply = await get(path + id)
        const text = await reply.text()
        run.saw('the reply', `${reply.status} ${text}`)
        answers.push(text.replaceAll(id, 'ID'))
      }
      if (answers[0] !== answers[1]) run.harm('a foreign id is not answered as one of nobody')
    },
  })

for (const verb of ['approve', 'reject', 'undo'])
  attempt('api-01', {
    by: `${verb} an action`,
    layers: [{ ...SEES, shows: /no such action in your scope/ }],
    try: async (run) => {
      const { post, story } = seeing(run)
      const foreign = story.actions.find((each) => each.tenant_uid === STRANGER.tenant_uid)
      const reply = await post(`/actions/${verb}`, { only: `${foreign?.action_id}.${foreign?.hash}` }) // biome-ignore format: one line
      run.saw('the reply', await reply.text())
      if (foreign?.state !== 'proposed') run.harm('an action of the neighbour was decided')
    },
  })

const NAMED: Layer = {
  name: 'the tenants of the address alone',
  shows: /no such action in your scope/,
}
attempt('api-02', {
  layers: [NAMED],
  try: async (run) => {
    const { post, story } = client('admin', { tenants: [TENANT, STRANGER] })
    const foreign = story.actions.find((each) => each.tenant_uid === STRANGER.tenant_uid)
    const path = run.without(NAMED)
      ? '/actions/approve'
      : `/actions/approve?scope=${TENANT.tenant_id}`
    const body = { only: `${foreign?.action_id}.${foreign?.hash}`, scope: STRANGER.tenant_id, tenant_id: STRANGER.tenant_id } // biome-ignore format: one line
    const reply = await post(path, body, { 'x-tenant': STRANGER.tenant_id })
    run.saw('the reply', await reply.text())
    if (foreign?.state !== 'proposed') run.harm('it was done to a tenant that the address does not name') // biome-ignore format: one line
  },
})

attempt('api-03', {
  by: 'each list and page, without a tenant',
  layers: [SEES],
  secrets: () => THEIRS,
  try: async (run) => {
    const { get } = seeing(run)
    for (const { path } of reads) {
      const reply = await get(pathOf(path))
      run.saw(path, `${reply.status} ${await reply.text()}`)
    }
  },
})

test('api-03 a list without a tenant tells the tenants that it used', async () => {
  for (const { path } of reads.filter((each) => each.path.startsWith('/api/') && !each.path.includes(':'))) // biome-ignore format: one line
    expect(await (await client('admin').get(path)).json()).toMatchObject({ scope: [TENANT.tenant_id] }) // biome-ignore format: one line
})

const PARSER: Layer = { name: 'a parser that takes no odd lengths', shows: /HTTP\/1\.1 400/ }
const SMUGGLED = 'GET /assets/picket.css HTTP/1.1\r\nHost: localhost\r\n\r\n'
for (const [by, head] of [
  ['two kinds of length', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['ends of lines of one character', 'Content-Length: 0\n\n'],
] as const)
  attempt('api-07', {
    by,
    layers: [PARSER],
    try: async (run) => {
      const paths: string[] = []
      const app = storyApp(createStory())
      const answer = getRequestListener((request) => {
        paths.push(new URL(request.url).pathname)
        return app.fetch(request)
      })
      const server = createServer({ insecureHTTPParser: run.without(PARSER) }, answer)
      run.saw('the wire', await raw(server, `POST /login HTTP/1.1\r\nHost: localhost\r\n${head}${SMUGGLED}`)) // biome-ignore format: one line
      if (paths.includes('/assets/picket.css')) run.harm('what stood in a body was answered')
    },
  })

test('api-07 two lengths, and a coding behind the last one: nothing of the rest is answered', async () => {
  for (const head of [
    `Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`,
    'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  ]) {
    const app = storyApp(createStory())
    const said = await raw(createServer(getRequestListener(app.fetch)), `POST /login HTTP/1.1\r\nHost: localhost\r\n${head}${SMUGGLED}`) // biome-ignore format: one line
    expect(said).toMatch(/^HTTP\/1\.1 400/)
    expect(said.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(said).toContain('Connection: close')
  }
})

/** What comes back for these bytes, until the other side closes or says nothing more. */
async function raw(server: Server, bytes: string): Promise<string> {
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 } as never, undefined)
  const socket = connect(port, '127.0.0.1')
  let said = ''
  try {
    await new Promise<void>((done) => {
      socket.on('data', (chunk) => {
        said += chunk
      })
      socket.on('error', () => done())
      socket.on('close', () => done())
      socket.write(bytes)
      socket.end()
    })
  } finally {
    socket.destroy()
    server.closeAllConnections()
    server.close()
  }
  return said
}

const BOUNDS: Layer = { name: 'bounds of what a list is asked', shows: /cannot be used/ }
for (const query of ['limit=1000000000', 'limit=-1', 'limit=1e9', 'limit=501'])
  attempt('api-08', {
    by: query,
    layers: [BOUNDS],
    try: async (run) => {
      const { get, story, token } = client('admin')
      const { list } = story.ports.findings
      const asked: number[] = []
      story.ports.findings.list = (asker, filter) => {
        asked.push(filter.limit)
        return list(asker, filter)
      }
      const limit = Number(query.slice('limit='.length))
      if (run.without(BOUNDS)) await story.ports.findings.list({ token, scope: [TENANT.tenant_id] }, { limit }) // biome-ignore format: one line
      run.saw('the reply', await (await get(`/api/findings?${query}`)).text())
      if (asked.some((each) => each > 500 || each < 1)) run.harm(`${asked} rows were asked for`)
    },
  })

const SEALED: Layer = { name: 'cursors bound to a login', shows: /belongs to another login/ }
attempt('api-08', {
  by: 'a cursor made by hand',
  layers: [SEALED],
  try: async (run) => {
    const { get, token } = client('admin')
    const place = { at: NOW_US, id: 'f'.repeat(36) }
    const of = run.without(SEALED) ? token : 'x'.repeat(43)
    const after = sealPosition({ token: of, scope: [TENANT.tenant_id] }, 'findings', place)
    const reply = await get(`/api/findings?after=${after}`)
    run.saw('the reply', await reply.text())
    if (reply.status === 200) run.harm('the list goes on from a place that somebody made up')
  },
})

const HELD: Layer = {
  name: 'what the router serves is held against the table',
  shows: /POST \/stray/,
}
attempt('api-09', {
  layers: [HELD],
  try: async (run) => {
    const { ports } = createStory()
    const app = createApp(ports, { clock: systemClock, log: silentLog, onLoopback: true })
    let acted = 0
    app.post('/stray', (c) => c.text(`acted ${++acted}`))
    const named = run.without(HELD) ? [] : routesWithoutScope(servedRoutes(app, routeTable(ports, true))) // biome-ignore format: one line
    run.saw('picket invariants', named)
    const reply = named.length > 0 ? undefined : await app.request('/stray', { method: 'POST' })
    run.saw('the route', reply ? await reply.text() : 'is not served')
    if (acted > 0) run.harm('it acts, and no line says so')
  },
})

const ONE_FORM: Layer = { name: 'one form of an address', shows: /leads nowhere/ }
const ALIASES: [by: string, of: (path: string) => string][] = [
  ['a slash behind', (path) => `${path}/`],
  ['two slashes', (path) => `/${path}`],
  ['an escaped slash', (path) => path.replace(/(?<=.)\//, '%2f').replace(/^\/(\w+)$/, '/%2f$1')],
  ['capitals', (path) => path.toUpperCase()],
  ['dots', (path) => `/x/..%2f${path.slice(1)}`],
]
for (const [by, alias] of ALIASES)
  attempt('api-11', {
    by,
    layers: [ONE_FORM, SESSION],
    try: async (run) => {
      const story = createStory()
      story.enter('thandi', 'admin')
      const closed = reads.filter(({ atom, path }) => atom !== 'nobody' && !path.includes(':') && path !== '/') // biome-ignore format: one line
      for (const { path } of closed) {
        const asked = run.without(ONE_FORM) ? path : alias(path)
        const reply = await send(run, story, asked, { headers: { host: ADDRESS } })
        if (reply.status === 200) run.harm(`${asked} is shown to nobody in particular`)
      }
    },
  })

attempt('api-11', {
  by: 'a name that somebody points here, or none',
  layers: [HOST],
  try: async (run) => {
    const { story, token } = client('admin')
    for (const host of ['evil.example', '', 'localhost.evil.example']) {
      const headers = { host, cookie: `__Host-picket=${token}` }
      const reply = await send(run, story, '/api/findings', { headers })
      if (reply.status === 200) run.harm(`rows are told to ${host || 'no name'}`)
    }
  },
})

attempt('api-06', {
  by: 'each route, by a role without its atom',
  layers: [ROLE],
  try: async (run) => {
    for (const route of table.filter(({ atom }) => atom === 'users' || atom === 'decide')) {
      const { story, token } = client('viewer')
      const headers = { host: ADDRESS, origin: OURS, cookie: `__Host-picket=${token}`, 'content-type': FORM } // biome-ignore format: one line
      const post = { method: 'POST', headers, body: `csrf=${csrfToken(token)}&name=x` }
      const reply = await send(run, story, pathOf(route.path), route.method === 'POST' ? post : { headers }) // biome-ignore format: one line
      if (reply.status < 400) run.harm(`a viewer is served ${route.method} ${route.path}`)
    }
  },
})

const UP: Layer = { name: 'up, and nothing else', shows: /\{"ok":true\}/ }
attempt('metrics-04', {
  layers: [UP],
  secrets: () => [
    canaryOf('the version', VERSION),
    canaryOf('the tenant', TENANT.tenant_id),
    canaryOf('the uid of the tenant', TENANT.tenant_uid),
  ],
  try: async (run) => {
    const { get, story } = client()
    const reply = await get('/healthz')
    run.saw('the health', `${reply.status} ${await reply.text()}`, [...reply.headers])
    if (run.without(UP)) run.saw('the health of the site', { ...story.status, version: VERSION })
  },
})

const inside = canary('what failed inside')
attempt('metrics-06', {
  layers: [SENTENCE],
  secrets: () => [inside, canaryOf('where the program lies', import.meta.dirname)],
  try: async (run) => {
    for (const { method, path } of table.filter(
      (each) => each.path !== '/live' && !each.path.startsWith('/fleet'),
    )) {
      // biome-ignore format: one line
      const { story, token } = client('admin')
      const fail = async () => {
        throw new Error(`${inside.text} in row 7`)
      }
      const failAtOnce = () => {
        throw new Error(`${inside.text} in row 7`)
      }
      for (const [name, port] of Object.entries(story.ports))
        for (const each of Object.keys(port as object))
          if (!['session', 'on', 'audit', 'listen'].includes(each) && name !== 'fleet') Object.assign(port as object, { [each]: name === 'settings' ? failAtOnce : fail }) // biome-ignore format: one line
      const headers = { host: ADDRESS, origin: OURS, cookie: `__Host-picket=${token}`, 'content-type': FORM } // biome-ignore format: one line
      const body = `csrf=${csrfToken(token)}&name=thandi&password=${'x'.repeat(12)}&role=viewer&do=role&user_id=u&only=a.${'0'.repeat(64)}` // biome-ignore format: one line
      await send(run, story, pathOf(path), method === 'POST' ? { method, headers, body } : { headers }) // biome-ignore format: one line
    }
  },
})

const HINTS: Layer = { name: 'no hint from beside the scope', shows: /cross-tenant traversal/ }
attempt('search-06', {
  layers: [HINTS],
  secrets: () => THEIRS,
  try: async (run) => {
    const { get } = client('admin')
    for (const near of ['zulu-lom', 'zulu-lo', 'zulu_lon', 'ZULU-LON'])
      for (const query of [`scope=${near}`, `q=${near}`]) {
        const reply = await get(`/api/findings?${query}`)
        run.saw(query, `${reply.status} ${await reply.text()}`)
        const hint = [TENANT, STRANGER].find(({ tenant_id }) =>
          tenant_id.startsWith(near.slice(0, 4)),
        )
        if (run.without(HINTS) && hint) run.saw('a hint', `Did you mean ${hint.tenant_id}?`)
      }
  },
})

const FULL: Layer = { name: 'rows of the scope are counted, not of the box', shows: /2 of 2/ }
attempt('search-07', {
  layers: [FULL],
  try: async (run) => {
    const { get, story, token } = client('admin')
    const pageOf = async (after: string) => {
      if (!run.without(FULL)) return (await (await get(`/api/findings?limit=2${after}`)).json()) as { rows: { tenant_id: string }[]; next: string } // biome-ignore format: one line
      const scope = [TENANT.tenant_id, STRANGER.tenant_id]
      const { rows } = await story.ports.findings.list({ token, scope }, { limit: 2 })
      return { rows: rows.filter(({ tenant_id }) => tenant_id === TENANT.tenant_id), next: '' }
    }
    let after = ''
    for (let n = 0; n < 10; n++) {
      const { rows, next } = await pageOf(after)
      run.saw('a page', `${rows.length} of 2`)
      if (!next) {
        if (run.without(FULL) && rows.length < 2) run.harm('a page that is not full tells of rows beside it') // biome-ignore format: one line
        break
      }
      if (rows.length < 2) run.harm('a page that is not full tells of rows beside it')
      after = `&after=${next}`
    }
  },
})
