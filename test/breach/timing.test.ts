/** Attempts on the layer `timing`: what the time or the size of an answer tells of others. Never one time alone: ranks of many, in turn. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Branch, openCell } from '../../agent/lake/cell.ts'
import { read } from '../../agent/lake/engine.ts'
import { settle } from '../../agent/lake/settle.ts'
import { verifyPassword } from '../../agent/tenancy/password.ts'
import { csrfToken } from '../../web/identity/csrf.ts'
import { client } from '../browser/story/client.ts'
import { makeSite } from '../lake/site.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { type Box, makeFolder, PASSWORD, refusal, startBox } from './box.ts'

const ROUNDS = 3
const TRIES = 300
/** Standard deviations; chance goes beyond this once in a hundred, and the same way in each round once in millions. */
const APART = 2.58

let box: Box
let token: string
let foreign: string
let sites: Awaited<ReturnType<typeof beside>>[] | undefined
beforeAll(async () => {
  box = await startBox(await makeFolder())
  token = (await box.admin()).token
  foreign = (await box.admin('zulu')).session.user_id
})
afterAll(async () => {
  await box.close()
  for (const { site } of sites ?? []) site.remove()
})

type Act = () => unknown

/** How far apart two lists of times are by their ranks (Mann and Whitney), in standard deviations. */
function apart(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((ms) => [ms, 1]), ...other.map((ms) => [ms, 0])] as [number, number][]
  all.sort(([a], [b]) => a - b)
  const ranks = all.reduce((sum, [, own], i) => sum + own * (i + 1), 0)
  const [n, m] = [one.length, other.length]
  const u = ranks - (n * (n + 1)) / 2
  return (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12)
}

/** Both in turn, each as often before as behind the other. */
async function inTurn(one: Act, other: Act, tries: number): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []]
  const time = async (act: Act, into: number[]) => {
    const start = performance.now()
    await act()
    into.push(performance.now() - start)
  }
  for (let i = 0; i < tries; i++) {
    if (i % 2 === 0) await time(one, times[0])
    await time(other, times[1])
    if (i % 2 === 1) await time(one, times[0])
  }
  return times
}

async function tell(run: Run, what: string, one: Act, other: Act): Promise<void> {
  await inTurn(one, other, 50)
  const far: number[] = []
  for (let round = 0; round < ROUNDS; round++) far.push(apart(...(await inTurn(one, other, TRIES))))
  const told = far.every((z) => z > APART) || far.every((z) => z < -APART)
  run.saw(
    what,
    told ? 'told apart' : 'not told apart',
    far.map((z) => z.toFixed(1)),
  )
  if (told) run.harm(`${what} can be told apart: ${far.map((z) => z.toFixed(1))}`)
}

/** The lower quarter: others that take the processor make some of them longer, up to more than half, and none shorter. */
const low = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 2] ?? 0

test('ranks tell two things apart that differ a little, and not one from itself', async () => {
  const [, ours] = await inTurn(
    () => {},
    () => {},
    1,
  )
  expect(ours).toHaveLength(1)
  const noise = () => Array.from({ length: 300 }, (_, i) => ((i * 7919) % 300) / 300)
  expect(Math.abs(apart(noise(), noise()))).toBeLessThan(0.1)
  expect(
    apart(
      noise().map((each) => each + 0.2),
      noise(),
    ),
  ).toBeGreaterThan(APART)
})

const SAME_WORK: Layer = { name: 'the same work for foreign and unknown', shows: /not told apart/ }
const HASHED: Layer = { name: 'tokens are looked up by their hash', shows: /not told apart/ }
const DUMMY: Layer = { name: 'a hash is made for nobody too', shows: /as long/ }
const BEFORE: Layer = { name: 'refused before any work', shows: /as long/ }
const UNPACKED: Layer = { name: 'pages are not compressed', shows: /one size/ }

const ask = (id: string) => refusal(box.web.query({ token, scope: [id], sql: 'SELECT 1' }))
attempt('timing-01', {
  by: 'a tenant',
  layers: [SAME_WORK],
  try: async (run) => {
    const { accounts } = box.box
    // A look-up over the whole box, that goes on with what it found.
    const wide = (id: string) => {
      const found = accounts.tenants().find(({ tenant_id }) => tenant_id === id)
      return found && accounts.head(found)
    }
    const look = run.without(SAME_WORK) ? wide : ask
    await tell(
      run,
      'a foreign tenant and one of nobody',
      () => look('zulu'),
      () => look('nope'),
    )
  },
})

attempt('timing-01', {
  by: 'an account',
  layers: [SAME_WORK],
  try: async (run) => {
    const nobody = randomBytes(16).toString('hex')
    const look = run.without(SAME_WORK)
      ? (user_id: string) => box.box.accounts.user(user_id)
      : (user_id: string) => refusal(box.web.removeUser({ token, user_id }))
    expect([foreign.length, foreign]).not.toEqual([32, nobody])
    await tell(
      run,
      'a foreign account and one of nobody',
      () => look(foreign),
      () => look(nobody),
    )
  },
})

const NEIGHBOURS = [10, 50_000] as const
/** Alfa beside a neighbour of each size; as its own cell asks, or with the neighbour's files in it. */
async function beside(rows: number) {
  const site = await makeSite({ tenants: ['alfa', 'zulu'] })
  const of = (count: number) => Array.from({ length: count }, (_, i) => ({ host: `h${i % 97}`, message: `what ${i} said` })) // biome-ignore format: one line
  await site.write(of(200), 'alfa')
  await site.write(of(rows), 'zulu')
  const branches: Branch[] = []
  for (const tenant_id of ['alfa', 'zulu']) {
    await settle(site.lake(tenant_id))
    const { catalog, tenant } = site.lake(tenant_id)
    const files = catalog.files()
    const key = site.keys.keyFor(tenant.tenant_uid, files[0]?.epoch ?? 1).toString('base64')
    branches.push({ tenant_id, fleet_id: tenant_id, key, paths: files.map((file) => catalog.absolute(file)) }) // biome-ignore format: one line
  }
  const cells = await Promise.all([openCell(branches.slice(0, 1)), openCell(branches)])
  const [own, both] = await Promise.all(cells.map((cell) => cell.connect()))
  const ask = (wide: boolean) => () => read((wide ? both : own) as NonNullable<typeof own>, "SELECT max(host || message) FROM events") // biome-ignore format: one line
  return { ask, site }
}

const OWN_FILES: Layer = { name: 'a cell with the own files alone', shows: /as long/ }
attempt('timing-02', {
  layers: [OWN_FILES],
  try: async (run) => {
    sites ??= await Promise.all(NEIGHBOURS.map(beside))
    const [few, many] = sites.map(({ ask }) => ask(run.without(OWN_FILES)))
    if (!few || !many) throw new Error('two sites')
    await inTurn(few, many, 10)
    compare(run, await inTurn(many, few, 60), 1.5)
  },
})

attempt('timing-03', {
  layers: [HASHED],
  try: async (run) => {
    const near = `${token.slice(0, 42)}${token.endsWith('A') ? 'B' : 'A'}`
    const far = randomBytes(32).toString('base64url')
    const letters = (given: string) => {
      let same = 0
      for (let i = 0; i < 20_000; i++) for (let at = 0; at < 43 && given.charCodeAt(at) === token.charCodeAt(at); at++) same++ // biome-ignore format: one line
      return same
    }
    const find = (given: string) => {
      for (let i = 0; i < 20; i++) box.box.sessions.find(given, false)
    }
    const look = run.without(HASHED) ? letters : find
    await tell(
      run,
      'a token that is nearly right and one that is not',
      () => look(near),
      () => look(far),
    )
  },
})

attempt('timing-05', {
  layers: [UNPACKED],
  try: async (run) => {
    const { get, token } = client('admin')
    const sizeOf = async (guess: string) => {
      const reply = await get(`/actions?q=${guess}`, {
        'accept-encoding': 'gzip, br, zstd, deflate',
      })
      const page = Buffer.from(await reply.arrayBuffer())
      expect(page.includes(csrfToken(token))).toBe(true) // the secret and the guess stand in one body
      return run.without(UNPACKED) ? gzipSync(page).length : page.length
    }
    const right = await sizeOf(csrfToken(token).slice(0, 24))
    const wrong: number[] = []
    for (let i = 0; i < 8; i++) wrong.push(await sizeOf(randomBytes(18).toString('base64url')))
    const smaller = wrong.every((each) => each > right)
    run.saw('the sizes', smaller ? `${right} beside ${wrong}` : 'one size')
    if (smaller) run.harm('a right guess makes the page smaller')
  },
})

/** Processor time of this process, its threads too: a busy machine does not count. */
async function cpuOf(act: Act): Promise<number> {
  const start = process.cpuUsage()
  await act()
  const { user, system } = process.cpuUsage(start)
  return user + system
}

let sources = 0
attempt('timing-06', {
  layers: [DUMMY],
  try: async (run) => {
    const login = (name: string) => refusal(box.web.login({ name, password: 'wrong wrong wrong', source: `192.0.2.${++sources}` })) // biome-ignore format: one line
    const early = async (name: string) => {
      const user = box.box.accounts.userByName(name)
      return user?.password ? verifyPassword('wrong wrong wrong', user.password) : undefined
    }
    const act = run.without(DUMMY) ? early : login
    const times: [number[], number[]] = [[], []]
    for (let i = 0; i < 3; i++) {
      times[0].push(await cpuOf(() => act('admin')))
      times[1].push(await cpuOf(() => act(`nobody-${i}`)))
      box.clock.aheadMs += 31_000 // past the wait after failures
    }
    compare(run, times, 3)
  },
})

function compare(run: Run, [one, other]: [number[], number[]], factor: number): void {
  const ratio = low(one) / low(other)
  const alike = ratio < factor && ratio > 1 / factor
  run.saw('the two', alike ? 'take as long' : `differ by ${ratio.toFixed(1)}`)
  if (!alike) run.harm(`one takes ${ratio.toFixed(1)} times as long`)
}

attempt('timing-07', {
  layers: [BEFORE],
  try: async (run) => {
    const long = 'z'.repeat(63)
    const work = (name: string) => {
      for (const letter of name) box.box.accounts.tenants().find(({ tenant_id }) => tenant_id.startsWith(letter)) // biome-ignore format: one line
    }
    const act = run.without(BEFORE) ? work : ask
    await inTurn(
      () => act(long),
      () => act('z'),
      40,
    ) // past the folding of refusals
    compare(
      run,
      await inTurn(
        () => act(long),
        () => act('z'),
        200,
      ),
      2,
    )
  },
})

test('the owner still gets in with the right password', async () => {
  box.clock.aheadMs += 60_000
  expect(await refusal(box.web.login({ name: 'admin', password: PASSWORD, source: '192.0.2.250' }))).toBe('allowed') // biome-ignore format: one line
})
