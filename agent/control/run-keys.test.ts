/** The program itself: alone on its folder, silent about secrets, closed to looks from outside. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { borrow } from './borrow.ts'
import { initTenant } from './init-tenant.ts'
import { keysForCli, keysForLink } from './keys-client.ts'
import { NODE_FLAGS } from './units.ts'

const PROGRAM = fileURLToPath(new URL('./run-keys.ts', import.meta.url))
let child: ChildProcess | undefined
afterEach(() => child?.kill('SIGKILL'))

function start(data: string): { child: ChildProcess; said: () => string } {
  child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return { child, said: () => text }
}

/** Polls until picket-keys answers. */
async function answering(data: string): Promise<void> {
  const cli = keysForCli(data)
  const deadline = performance.now() + 10_000
  for (;;)
    try {
      await cli.tenants()
      return cli.close()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((done) => setTimeout(done, 20))
    }
}

const over = (process: ChildProcess) =>
  new Promise<[number | null, NodeJS.Signals | null]>((done) =>
    process.once('exit', (...how) => done(how)),
  )

test('it starts, keeps the folder to itself, and ends cleanly', async () => {
  const data = mkdtempSync(join(tmpdir(), 'run-keys-'))
  await initTenant(data, { tenant_id: 'alfa' })
  const { child: first, said } = start(data)
  await answering(data)
  const second = spawnSync(process.execPath, [PROGRAM, '--data', data])
  expect(second.status).toBe(1)
  expect(String(second.stderr)).toContain(`already runs on ${data}, as process ${first.pid}`)
  const limits = readFileSync(`/proc/${first.pid}/limits`, 'utf8')
  expect(limits).toMatch(/Max core file size\s+0\s+0/)
  const cli = keysForCli(data)
  const { code } = await cli.oneTimeLogin({})
  cli.close()
  const ended = over(first)
  first.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(globSync(join(data, 'run', '**', '*.sock'))).toEqual([])
  for (const line of said().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  const root = JSON.parse(readFileSync(join(data, 'keys', 'root.key'), 'utf8')) as { key: string }
  for (const secret of [code, root.key]) expect(said()).not.toContain(secret)
})

test('killed and started again, sessions and keys are as they were', async () => {
  const data = mkdtempSync(join(tmpdir(), 'run-keys-'))
  await initTenant(data, { tenant_id: 'alfa' })
  const { child: first } = start(data)
  await answering(data)
  const ended = over(first)
  first.kill('SIGKILL')
  expect((await ended)[1]).toBe('SIGKILL')
  start(data)
  await answering(data)
  const cli = keysForCli(data)
  expect((await cli.auditVerify()).intact).toBe(true)
  cli.close()
})

test('a folder without a box says how to make one', () => {
  const data = mkdtempSync(join(tmpdir(), 'run-keys-'))
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, '--data', data])
  expect(status).toBe(1)
  expect(String(stderr)).toContain(`picket init --data ${data} --tenant NAME`)
  expect(readdirSync(data)).toEqual([]) // and makes nothing
})

test('the evidence of every shipped control that asks the lake is a number, through guard and cell', async () => {
  const data = mkdtempSync(join(tmpdir(), 'run-keys-'))
  const { tenant_uid } = await initTenant(data, { tenant_id: 'alfa' })
  const { values } = await borrow({ data }, ['keys', 'lake'], async () => {
    const link = keysForLink(data)
    return link.controlEvidence({ tenant_uid }).finally(() => link.close())
  })
  expect(values.length).toBeGreaterThan(3)
  for (const { id, value, because } of values)
    expect([id, typeof value, because]).toEqual([id, 'number', null])
})
