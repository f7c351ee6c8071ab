/** Attempts on the layer `cache`: what a browser, a warm cell and the engine keep of rows, asked for by one who should not have them. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { Hono as App } from 'hono'
import { afterAll, beforeAll } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { CellPool } from '../../agent/control/cell-pool.ts'
import { openCell } from '../../agent/lake/cell.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { routeTable } from '../../web/app.ts'
import { mount } from '../../web/routes/gate.ts'
import { storyApp, storyClock } from '../browser/story/client.ts'
import { STRANGER, TENANT } from '../browser/story/scene.ts'
import { createStory, type Story } from '../browser/story.ts'
import { attempt, type Layer } from './attempt.ts'
import { canaryOf, entriesOf, filesBelow, filesSince } from './canary.ts'
import { LakeStage, pathsOf } from './lake-stage.ts'

const NO_STORE: Layer = { name: 'no reply is stored', shows: /kept: nothing/ }
const SCOPE_KEY: Layer = { name: 'a warm cell for each scope', shows: /"scope":\["alfa"\]/ }
const SNAPSHOT: Layer = { name: 'an engine for each set of files', shows: /"rows":/ }
const NO_SPILL: Layer = {
  name: 'an engine that spills nothing',
  shows: /"temp_directory",""/,
}

/** Others have files there too. */
const SHARED_MEMORY = '/dev/shm'

let stage: LakeStage
beforeAll(async () => {
  stage = await LakeStage.open()
})
afterAll(() => stage.close())

/** The same routes behind the same gate, without the headers that go on every reply. */
function bare({ ports }: Story): Hono {
  const app = new App()
  mount(app, routeTable(ports, true), { ports, clock: storyClock, log: silentLog, onLoopback: true } as Parameters<typeof mount>[2]) // biome-ignore format: one line
  return app
}

/** A browser: it keeps what it may, asks again with the mark of what it kept, and shows that on the way back. */
class Browser {
  /** Visits, the newest last. */
  readonly #kept: { path: string; body: string; etag: string | null }[] = []
  readonly #app: Hono
  readonly #token: string

  constructor(app: Hono, token: string) {
    this.#app = app
    this.#token = token
  }

  async open(path: string): Promise<string> {
    const kept = this.#kept.findLast((each) => each.path === path)
    const headers: Record<string, string> = {
      host: '127.0.0.1:8443',
      cookie: `__Host-picket=${this.#token}`,
      'if-none-match': kept?.etag ?? '*',
    }
    const reply = await this.#app.request(`http://127.0.0.1:8443${path}`, { headers })
    const body = reply.status === 304 ? (kept?.body ?? '') : await reply.text()
    if (!/no-store/.test(reply.headers.get('cache-control') ?? '') && reply.status === 200)
      this.#kept.push({ path, body, etag: reply.headers.get('etag') })
    return `${reply.status} ${body}`
  }

  /** To the page before this one. */
  back(): string {
    return this.#kept.at(-2)?.body ?? 'kept: nothing'
  }
}

for (const path of ['/assets?range=all', '/api/assets?range=all'])
  attempt('cache-03', {
    by: path,
    layers: [NO_STORE],
    secrets: () => [canaryOf('an address of the other tenant', '192.0.2.99')],
    try: async (run) => {
      const story = createStory()
      const token = story.enter('thandi', 'admin', { tenants: [TENANT, STRANGER] })
      const browser = new Browser(run.without(NO_STORE) ? bare(story) : storyApp(story), token)
      const wide = await browser.open(path)
      if (!wide.includes('192.0.2.99')) throw new Error(`the wide page has no row of the other tenant: ${wide.slice(0, 200)}`) // biome-ignore format: one line
      const session = story.sessions.get(token)
      if (session) story.sessions.set(token, { ...session, tenants: [TENANT] })
      run.saw('asked again', await browser.open(path))
      run.saw('on the way back', browser.back())
    },
  })

const SQL = 'SELECT host FROM events'

attempt('cache-04', {
  layers: [SCOPE_KEY, SNAPSHOT],
  secrets: () => [stage.theirs],
  try: async (run) => {
    if (!run.without(SCOPE_KEY)) {
      const asked = (scope: string[]) => stage.box.cli.query({ scope, named: 'events' })
      const [wide, ...narrow] = await Promise.all([['alfa', 'zulu'], ['alfa'], ['alfa']].map(asked))
      run.saw('the answers of the other operator', ...narrow)
      run.keeps('the answer of the first', [stage.ours, stage.theirs], wide)
      return
    }
    const pool = new CellPool()
    const { alfa, zulu } = stage.branches
    const ask = (branches: (typeof alfa)[], snapshot: string) =>
      pool.warm(
        {
          key: 'both',
          session: 's',
          tenant_uids: [],
          folders: pathsOf([alfa, zulu]),
          snapshot,
          branches,
        },
        (cell) => cell.ask({ sql: SQL, params: {}, bytesMax: 1 << 20 }),
      )
    try {
      await ask([alfa, zulu], 'wide')
      await run.does('the answer', ask([alfa], run.without(SNAPSHOT) ? 'wide' : 'narrow'))
    } finally {
      pool.close()
    }
  },
})

const SORTED = (host: string) =>
  `CREATE TEMP TABLE wide AS SELECT '${host}' || range AS host, md5(range::VARCHAR) AS x FROM range(1500000) ORDER BY x` // biome-ignore format: one line

attempt('cache-06', {
  layers: [NO_SPILL],
  secrets: () => [stage.ours, stage.theirs],
  try: async (run) => {
    const before = entriesOf(SHARED_MEMORY)
    const spill = mkdtempSync(join(realpathSync(tmpdir()), 'spill-'))
    mkdirSync(join(spill, 'run'))
    const engine = run.without(NO_SPILL)
      ? await openEngine({ memoryMiB: 64, spill })
      : await openCell([stage.branches.alfa])
    const connection = await engine.connect()
    try {
      if (!run.without(NO_SPILL)) await stage.box.ask(['alfa', 'zulu'], 'SELECT * FROM events a, events b, events c ORDER BY a.host') // biome-ignore format: one line
      await run.does('a wide scan', () => connection.run(SORTED(stage.ours.text)).then(() => 'done')) // biome-ignore format: one line
      const settings = `SELECT name, value FROM duckdb_settings() WHERE name = 'temp_directory'`
      if (!run.without(NO_SPILL)) run.saw('the engine', (await connection.runAndReadAll(settings)).getRowsJson()) // biome-ignore format: one line
      run.seen.push(...filesBelow(spill, stage.box.data), ...filesSince(before, SHARED_MEMORY))
    } finally {
      connection.closeSync()
      engine.closeSync()
      rmSync(spill, { recursive: true, force: true })
    }
  },
})
