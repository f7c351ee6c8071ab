/** The program itself, where it can enforce nothing: a tap needs no rights and no namespace. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { uuidV7 } from '../base/ids.ts'
import { type Action, GuardClient, type Plan } from './guard-client.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'

const PROGRAM = new URL('./run-guard.ts', import.meta.url).pathname
const TENANT = 'a'.repeat(32)

let data: string
let agent: GuardClient
let children: ChildProcess[]
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'picket-run-guard-'))
  agent = new GuardClient(data, 'agent')
  children = []
})
afterEach(() => {
  agent.close()
  for (const child of children) child.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
})

function start(): { child: ChildProcess; said: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [PROGRAM, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  return { child, said: () => said, ended: new Promise((done) => child.once('close', done)) }
}

async function until(is: () => unknown): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await is())) {
    if (Date.now() > end) throw new Error('it did not come to pass within 10 s')
    await new Promise((done) => setTimeout(done, 10))
  }
}
const answers = () => until(() => agent.status().then(Boolean, () => false))

const plan = (change: Partial<Plan> = {}): Plan => ({
  action_id: uuidV7(),
  kind: 'block',
  tenant_uid: TENANT,
  target: '198.51.100.7',
  durationMs: 60_000,
  reason: 'Exploit attempt',
  rule_id: 'sid:1',
  finding_id: uuidV7(),
  evidence: 'proven',
  severity: 'high',
  plannedAt: Date.now() * 1000,
  ...change,
})

test('says what it cannot do, keeps what it said, and ends cleanly', async () => {
  const seen = new Map<string, Action>()
  const stop = agent.watch((action) => void seen.set(action.action_id, action)) // before it is there
  const first = start()
  await answers()
  expect(await agent.status()).toMatchObject({ enforces: false, place: 'tap', active: 0 })
  const refused = await agent.propose(plan())
  expect(refused).toMatchObject({ state: 'refused', because: /copy of the traffic/ })
  await until(() => seen.get(refused.action_id)?.state === 'refused')
  expect(await agent.controllers(TENANT, ['198.51.100.9'])).toEqual({ known: 1 })
  first.child.kill('SIGTERM')
  expect(await first.ended).toBe(0)

  seen.clear()
  start()
  await until(() => seen.has(refused.action_id)) // the watch came back by itself, with the whole list
  expect(await agent.status()).toMatchObject({ controllers: 1, damagedLines: 0 })
  expect(await agent.propose(plan({ target: '198.51.100.9' }))).toMatchObject({
    because: /is a controller/,
  })
  stop()
})

test('one guard a folder: a second one ends with a sentence, and the first goes on', async () => {
  const first = start()
  await answers()
  const second = start()
  expect(await second.ended).toBe(1)
  expect(second.said()).toContain(`already runs on ${data}, as process ${first.child.pid}`)
  expect((await agent.propose(plan())).state).toBe('refused') // it answers: there is a tap only
  first.child.kill('SIGKILL')
  await first.ended
  start() // no lock is left behind
  await answers()
})

test('each caller has its own methods, and strange questions are refused in words', async () => {
  start()
  await answers()
  const rpc = await connect(socketPath(data, 'guard', 'web'))
  await expect(rpc.call('propose', plan())).rejects.toThrow('may not use that method')
  await expect(rpc.call('controllers', {})).rejects.toThrow('may not use that method')
  await expect(rpc.call('approve', { action_id: 7 })).rejects.toMatchObject({ kind: 'invalid' })
  await expect(rpc.call('neverBlock', { tenant_uid: "' or 1" })).rejects.toMatchObject({
    kind: 'invalid',
  })
  const list = await rpc.call<{ prefix: string; because: string }[]>('neverBlock')
  expect(list).toContainEqual({ prefix: '224.0.0.0/4', because: 'is multicast' })
  rpc.close()
  const proposing = agent.propose(JSON.parse('{"__proto__": {"kind": "block"}}') as Plan)
  await expect(proposing).rejects.toMatchObject({ kind: 'invalid' })
})

test('a configuration it cannot follow ends it with a sentence', async () => {
  writeFileSync(join(data, 'config.json'), '{"contain": {"neverBlock": ["10.0.0.0/99"]}}')
  const { ended, said } = start()
  expect(await ended).toBe(1)
  expect(said()).toContain('10.0.0.0/99')
})
