import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { UnitStatus } from './supervisor.ts'
import { environmentOf, UNITS } from './units.ts'

/** A program as the supervisor knows one: it takes --data, answers on its cli socket, ends on SIGTERM. */
const PROGRAM = `
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
const data = process.argv[process.argv.indexOf('--data') + 1]
const name = process.argv[1].split('/').at(-1).slice(0, -4)
mkdirSync(data + '/run/' + name + '/cli', { recursive: true })
const path = data + '/run/' + name + '/cli/' + name + '.sock'
rmSync(path, { force: true })
writeFileSync(data + '/' + name + '.env', JSON.stringify({ env: process.env, flags: process.execArgv }))
createServer(() => {}).listen(path)
process.on('SIGTERM', () => { writeFileSync(data + '/' + name + '.ended', String(process.hrtime.bigint())); process.exit(0) })
`
const RUNNER = `
import { Supervisor } from ${JSON.stringify(new URL('./supervisor.ts', import.meta.url).pathname)}
import { openLog } from ${JSON.stringify(new URL('../base/log.ts', import.meta.url).pathname)}
const folder = process.argv[2]
const unit = (name, after) => ({ name, summary: '', program: folder + '/' + name + '.mjs', after, ready: name, capabilities: [], offline: false, environment: [] })
const supervisor = new Supervisor([unit('keys', []), unit('lake', ['keys']), unit('agent', ['keys', 'lake'])], { data: folder, logs: folder, log: openLog('up') })
process.on('SIGTERM', () => supervisor.stop().then(() => process.exit(0)))
await supervisor.start()
`
const NAMES = ['keys', 'lake', 'agent']

let folder = ''
let runner: ChildProcess

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'picket-up-'))
  for (const name of NAMES) writeFileSync(join(folder, `${name}.mjs`), PROGRAM)
  writeFileSync(join(folder, 'runner.mjs'), RUNNER)
  mkdirSync(join(folder, 'run'))
  const env = { ...process.env, NODE_OPTIONS: '', SECRET_TOKEN: 'x', PICKET_LOG: 'silent' }
  runner = spawn(process.execPath, [join(folder, 'runner.mjs'), folder], { env, stdio: 'inherit' })
  await until(() => units().filter(({ state }) => state === 'ready').length === 3)
})

afterEach(() => {
  runner.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function units(): UnitStatus[] {
  try {
    return (
      JSON.parse(readFileSync(join(folder, 'run/up.json'), 'utf8')) as { units: UnitStatus[] }
    ).units
  } catch {
    return []
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!holds()) {
    expect(performance.now()).toBeLessThan(deadline)
    await new Promise((done) => setTimeout(done, 10))
  }
}

function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a program killed by -9 comes back, each of them, and the others stay', async () => {
  for (const name of NAMES) {
    const before = units()
    const { pid } = before.find((each) => each.name === name) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await until(() => {
      const now = units().find((each) => each.name === name)
      return now?.state === 'ready' && now.pid !== pid && now.restarts === 1
    })
    const others = (list: UnitStatus[]) =>
      list.filter((each) => each.name !== name).map((each) => each.pid)
    expect(others(units())).toEqual(others(before))
  }
})

test('no program outlives a supervisor killed by -9', async () => {
  const pids = units().map(({ pid }) => pid as number)
  expect(pids.every(alive)).toBe(true)
  runner.kill('SIGKILL')
  await until(() => !pids.some(alive))
})

test('SIGTERM ends them in reverse order, each by its own hand', async () => {
  const gone = new Promise((done) => runner.once('exit', done))
  runner.kill('SIGTERM')
  expect(await gone).toBe(0)
  const endedAt = NAMES.map((name) => BigInt(readFileSync(join(folder, `${name}.ended`), 'utf8')))
  expect([...endedAt].sort()).toEqual([...endedAt].reverse())
  expect(units().every(({ state }) => state === 'stopped')).toBe(true)
})

test('programs get a scrubbed environment and the flags of D25', () => {
  const seen = JSON.parse(readFileSync(join(folder, 'keys.env'), 'utf8')) as {
    env: Record<string, string>
    flags: string[]
  }
  expect(seen.flags).toEqual(['--disable-proto=delete', '--disable-sigusr1'])
  expect(seen.env).not.toHaveProperty('SECRET_TOKEN')
  expect(seen.env).not.toHaveProperty('NODE_OPTIONS')
  expect(seen.env).toHaveProperty('PATH')
})

test('only the pages get the listening socket', () => {
  const given = UNITS.filter(
    (unit) => environmentOf(unit, { PICKET_LISTEN_FD: '3' }).PICKET_LISTEN_FD,
  )
  expect(given.map(({ name }) => name)).toEqual(['web'])
})
