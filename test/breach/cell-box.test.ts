/** Attempts on the layer `cell` from outside, on a running box: who gets one, for what, how many, and what it then holds. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { CellClient } from '../../agent/control/cell-client.ts'
import { SESSION_MAX } from '../../agent/control/query-gate.ts'
import { descendants } from '../lake/running-lake.ts'
import { attempt, type Layer } from './attempt.ts'
import { PASSWORD, refusal } from './box.ts'
import { scanMemory } from './canary.ts'
import { lacksRoot, SCOPE } from './cell-layers.ts'
import { LakeStage, pathsOf } from './lake-stage.ts'

const QUESTIONS = 12
const WAITING_CELLS = 2
const LOOK_MS = 10
const SOON = { timeout: 30_000 }

let stage: LakeStage
let zulu: string
beforeAll(async () => {
  stage = await LakeStage.open()
  const { code } = await stage.box.cli.oneTimeLogin({ tenant_id: 'zulu' })
  const { token } = await stage.box.web.redeem({ code, source: '127.0.0.1' })
  zulu = (await stage.box.web.setPassword({ token, next: PASSWORD })).token
})
afterAll(() => stage.close())

/** Processes below `pid` that run this program; one may end while we look. */
function running(pid: number, program = 'run-cell.ts'): number[] {
  return descendants(pid).filter((each) => {
    try {
      return readFileSync(`/proc/${each}/cmdline`, 'utf8').includes(program)
    } catch {
      return false
    }
  })
}
const cells = () => running(stage.box.pid('keys'))
/** One that has answered may be gone by now. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
const HOSTS = 'SELECT host FROM events'
/** For the operator at the machine, who has no session: it gives what it is asked. */
const pastSessions = (scope: string[]) => stage.box.cli.query({ scope, sql: HOSTS })

const SESSION: Layer = { name: 'the scope of the session', shows: /cross-tenant traversal/ }
attempt('cell-06', {
  layers: [SESSION],
  secrets: () => [stage.theirs],
  try: (run) => {
    const scope = ['alfa', 'zulu']
    return run.does('the answer', run.without(SESSION) ? pastSessions(scope) : stage.asAlfa(HOSTS, scope)) // biome-ignore format: one line
  },
  holds: async () => {
    await expect.poll(() => cells().length, SOON).toBe(WAITING_CELLS)
    const before = cells()
    const refused = new Set<string>()
    for (const scope of [['zulu'], ['ghost'], ['alfa', 'zulu'], ['alfa', 'ghost'], ['ALFA']])
      refused.add(await refusal(stage.asAlfa(HOSTS, scope)))
    expect([...refused]).toEqual([`refused: ${CROSS_TENANT}`])
    expect(cells()).toEqual(before) // none was taken, so none was made
  },
})

const TOKEN: Layer = { name: 'the token of a session', shows: /unauthorized: / }
attempt('cell-07', {
  layers: [TOKEN],
  secrets: () => [stage.theirs],
  try: (run) => {
    const scope = ['alfa', 'zulu']
    const token = randomBytes(32).toString('base64url')
    return run.does('the answer', run.without(TOKEN) ? pastSessions(scope) : stage.box.web.query({ token, scope, sql: HOSTS })) // biome-ignore format: one line
  },
})

/** Some tenths of a second of work, of functions that a question may use. */
const long = (letter: string) => `replace(replace('${letter.repeat(50)}', '${letter}', '${letter.repeat(10)}'), '${letter}', '${letter.repeat(10)}')` // biome-ignore format: one line
const SLOW = `SELECT levenshtein(${long('x')}, ${long('y')})`
const GATE: Layer = { name: 'the gate of questions', shows: /"rows":/ }
attempt('cell-12', {
  layers: [GATE],
  try: async (run) => {
    const free = run.without(GATE)
    let most = 0
    const root = free ? process.pid : stage.box.pid('keys')
    const timer = setInterval(() => (most = Math.max(most, running(root).length)), LOOK_MS)
    let left = QUESTIONS
    const all = Array.from({ length: QUESTIONS }, () =>
      run.does<unknown>('an answer', free ? askAtOnce() : stage.asAlfa(SLOW)).finally(() => left--),
    )
    const answer = await stage.box.web.query({ token: zulu, sql: HOSTS }).catch(String)
    run.keeps('the answer of the neighbour', [stage.theirs], answer)
    if (left === 0) run.harm('the neighbour was answered last')
    await Promise.all(all)
    clearInterval(timer)
    // Zulu's own, and those that wait without keys.
    if (most > SESSION_MAX + 1 + WAITING_CELLS) run.harm(`${most} cells ran at once`)
  },
})

async function askAtOnce() {
  const cell = await CellClient.start()
  try {
    await cell.confine([])
    await cell.open([])
    return await cell.ask({ sql: SLOW, params: {}, bytesMax: 1000 })
  } finally {
    cell.kill()
  }
}

attempt('own-cell-02', {
  missing: lacksRoot,
  layers: [{ ...SCOPE, shows: /[1-9] processes were read/ }],
  try: async (run) => {
    let pids: number[]
    let wide: CellClient | undefined
    if (run.without(SCOPE)) {
      const branches = Object.values(stage.branches)
      wide = await CellClient.start()
      await wide.confine(pathsOf(branches))
      await wide.open(branches)
      await wide.ask({ sql: HOSTS, params: {}, bytesMax: 1 << 20 })
      pids = [wide.pid]
    } else {
      await stage.box.web.query({ token: zulu, sql: HOSTS })
      await stage.asAlfa(HOSTS)
      await stage.box.web.query({ token: stage.token, named: 'severities' }) // its cell stays
      pids = [...cells(), ...running(stage.box.pid('keys'), 'run-sql-guard.ts')]
    }
    for (const pid of pids)
      for (const { what, where } of scanMemory(pid, [stage.key, stage.theirs])) run.harm(`${what} in the ${where}`) // biome-ignore format: one line
    run.saw('memory', `${pids.length} processes were read`)
    wide?.kill()
  },
})

test('cell-03 SIGUSR1 opens no debugger, in keys and in waiting cells', async () => {
  await stage.asAlfa('SELECT 1')
  await expect.poll(() => cells().length, SOON).toBeGreaterThan(0)
  for (const pid of [stage.box.pid('keys'), ...cells()]) signal(pid, 'SIGUSR1')
  expect((await stage.asAlfa('SELECT 1')).rows).toEqual([[1]])
  expect(stage.box.logs).not.toMatch(/Debugger listening/)
})

test('cell-09 every process that may hold a key has no core limit to speak of', async () => {
  const limits = () => [stage.box.pid('keys'), ...cells()].flatMap(limitsOf)
  await expect.poll(() => limits().length, SOON).toBeGreaterThan(1)
  for (const each of limits()) expect(each).toMatch(/Max core file size\s+0\s+0/)
})

/** One that has answered may be gone by now. */
function limitsOf(pid: number): string[] {
  try {
    return [readFileSync(`/proc/${pid}/limits`, 'utf8')]
  } catch {
    return []
  }
}

test('cell-11 a row that imitates the framing is a row', async () => {
  const end = JSON.stringify({ type: 'end', truncated: false })
  const message = `\u0000\u0000\u0000\u001e${end}\n${randomBytes(4).toString('hex')}`
  await stage.box.import('alfa', [{ host: 'framing', message }])
  const { rows } = await stage.asAlfa(`SELECT message FROM events WHERE host = 'framing'`)
  expect(rows).toEqual([[message]])
})

test('a cell that is killed under a question fails that question alone', async () => {
  const slow = refusal(stage.asAlfa(SLOW))
  for (const pid of cells()) signal(pid, 'SIGKILL')
  expect(await slow).toMatch(/^(allowed|internal: The process that answered)/)
  await expect.poll(() => refusal(stage.asAlfa('SELECT 1')), SOON).toBe('allowed')
})
