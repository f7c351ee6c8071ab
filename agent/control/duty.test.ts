import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NotifySocket } from '../../test/traffic/notify-socket.ts'
import { silentLog } from '../base/log.ts'
import { Duty, type DutyCheck, moves } from './duty.ts'
import { openNotifier } from './notify.ts'

const BEAT = 'WATCHDOG=1'
/** Beats every 50 ms, the shortest there is. */
const WATCHDOG_USEC = '200000'

let folder = ''
let socket: NotifySocket
let child: ChildProcess | undefined
const open: Duty[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-notify-'))
  socket = new NotifySocket(join(folder, 'notify'))
})
afterEach(() => {
  for (const duty of open.splice(0)) duty.end()
  child?.kill('SIGKILL')
  child = undefined
  socket.close()
  rmSync(folder, { recursive: true })
})

function begin(...checks: DutyCheck[]): Duty {
  const env = { NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC }
  const duty = Duty.begin({ log: silentLog, checks, env })
  open.push(duty)
  expect(env).toEqual({}) // no child of ours speaks for us
  return duty
}

const passed = (ms: number) => new Promise((done) => setTimeout(done, ms))

test('ready, beats while the duty is done, and the end is said', async () => {
  begin(() => undefined).end
  await socket.until('READY=1')
  await socket.until(BEAT)
  await socket.until(BEAT)
  open.splice(0)[0]?.end()
  await socket.until('STOPPING=1')
  expect(socket.heard[0]?.line).toBe('READY=1')
})

test('no beat while something is not done, and systemd shows what', async () => {
  let undone: string | undefined
  begin(
    () => undefined,
    () => undone,
  )
  await socket.until(BEAT)
  undone = 'frames are not taken'
  await socket.until('STATUS=not done: frames are not taken')
  await passed(200)
  expect(socket.read()).not.toContain(BEAT)
  undone = undefined
  await socket.until(BEAT)
})

test('no beat while a part gives no answer, nor when it fails', async () => {
  let answer: (() => void) | undefined
  let fails = false
  begin(() => {
    if (fails) throw new Error('the worker is gone')
    return answer === undefined
      ? undefined
      : new Promise((done) => (answer = () => done(undefined)))
  })
  await socket.until(BEAT)
  answer = () => {}
  await passed(100)
  socket.read()
  await passed(200)
  expect(socket.read()).not.toContain(BEAT)
  fails = true
  answer()
  await socket.until('STATUS=not done: the worker is gone')
})

test('a number that stands still is a duty that is not done', () => {
  let [count, now] = [1, 0]
  const check = moves(() => count, { withinMs: 100, words: 'nothing moves', nowMs: () => now })
  expect(check()).toBeUndefined()
  now = 100
  expect(check()).toBeUndefined()
  now = 101
  expect(check()).toBe('nothing moves')
  count++
  expect(check()).toBeUndefined()
})

test('a process whose event loop hangs stops feeding', async () => {
  const duty = new URL('./duty.ts', import.meta.url).pathname
  const log = new URL('../base/log.ts', import.meta.url).pathname
  const program = join(folder, 'hangs.mjs')
  writeFileSync(
    program,
    `import { Duty } from ${JSON.stringify(duty)}
import { silentLog } from ${JSON.stringify(log)}
Duty.begin({ log: silentLog, checks: [() => undefined] })
setInterval(() => {}, 1000)
process.on('SIGUSR2', () => { for (;;); })`,
  )
  const env = { PATH: process.env.PATH, NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC }
  child = spawn(process.execPath, [program], { env, stdio: 'inherit' })
  await socket.until('READY=1')
  await socket.until(BEAT)
  await socket.until(BEAT)
  child.kill('SIGUSR2')
  await passed(200)
  socket.read()
  await passed(300)
  expect(socket.read()).toEqual([])
})

test('an abstract socket is spoken to as well; without one, or with nonsense, nobody is', async () => {
  const name = `@picket-notify-${process.pid}`
  const abstract = new NotifySocket(name)
  const notifier = openNotifier(name)
  notifier?.send('READY=1', 'STATUS=x')
  expect(abstract.read()).toEqual(['READY=1', 'STATUS=x'])
  notifier?.close()
  abstract.close()
  for (const path of [undefined, '', 'relative', '/', `/${'x'.repeat(200)}`])
    expect(openNotifier(path)).toBeUndefined()
  const gone = openNotifier(join(folder, 'nobody'))
  gone?.send('READY=1') // lost, and no failure
  gone?.close()
})
