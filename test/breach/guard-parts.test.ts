/** Attempts on the layer `containment`: a guard, and the same guard put together without one of its parts. */

import { execFile } from 'node:child_process'
import { chmodSync, closeSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { type KnownKey, keyId, publicKeyFromRaw } from '../../agent/base/signing.ts'
import type { Action } from '../../agent/contain/action.ts'
import { Controllers } from '../../agent/contain/controllers.ts'
import { readPublicKeys } from '../../agent/contain/decision.ts'
import { elementsOf } from '../../agent/contain/elements.ts'
import { Ledger } from '../../agent/contain/ledger.ts'
import { NeverBlock } from '../../agent/contain/never-block.ts'
import { readPlan } from '../../agent/contain/read-plan.ts'
import { guardMethods } from '../../agent/control/guard-methods.ts'
import { decide } from '../../agent/control/keys-methods-web.ts'
import { connect, type RpcServer, serve } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { holdAlone } from '../../agent/lake/lock.ts'
import { Machine, planOf } from '../traffic/guard-machine.ts'
import { operatorKey, signed } from '../traffic/guarded-site.ts'
import { canUnshare, ThreeNetworks } from '../traffic/three-networks.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { type Box, makeFolder, PASSWORD, startBox } from './box.ts'
import { lacksRoot } from './cell-layers.ts'

const HOUR_MS = 3_600_000
const HOSTS = 400
const lacksNamespaces = canUnshare() ? undefined : 'User namespaces are off on this machine.'

let machine: Machine
const machines: Machine[] = []
function newMachine(): Machine {
  machine = new Machine()
  machines.push(machine)
  return machine
}
let box: Box
let token: string
beforeAll(async () => {
  box = await startBox(await makeFolder())
  token = (await box.admin()).token
})
afterAll(async () => {
  for (const { folder } of machines) rmSync(folder, { recursive: true, force: true })
  await box.close()
})

/** What stands in the kernel's table of that machine. */
const standing = () => [...machine.table.keys()]
function blocked(run: Run, target = ''): void {
  run.saw('the table', standing())
  const found = standing().filter((key) => key.includes(target))
  if (found.length > 0) run.harm(`${found[0]} is blocked`)
}

const NEVER: Layer = { name: 'the never-block list', shows: /is the default gateway|is a resolver|is a controller|is on the never-block list|is loopback|is multicast|is link-local|contains/ } // biome-ignore format: one line
const bytes = (text: string) => new Uint8Array(text.split('.').map(Number))
const real = new NeverBlock({
  own: () => [
    { bytes: bytes('10.0.0.1'), bits: 32, because: 'is the default gateway of this box' },
  ],
  resolverFiles: () => ['nameserver 10.0.0.53\n'],
  configured: ['10.0.0.88/30'],
  controllers: () => ['10.0.0.21'],
})
/** A guard that asks no list. */
const nobody = { why: () => undefined, list: () => [] } as unknown as NeverBlock

for (const [what, target] of [
  ['the gateway', '10.0.0.1'],
  ['the gateway, mapped', '::ffff:10.0.0.1'],
  ['a resolver', '10.0.0.53'],
  ['a controller', '10.0.0.21'],
  ['what its owner listed', '10.0.0.90'],
] as const)
  attempt('containment-01', {
    by: what,
    layers: [NEVER],
    try: async (run) => {
      newMachine().start({}, { neverBlock: run.without(NEVER) ? nobody : real })
      const action = machine.guard.propose(planOf({ target }))
      run.saw('the proposal', action.state, action.because)
      await run.does('the approval', () => machine.decide(action, 'approve').state)
      blocked(run)
    },
  })

for (const target of ['127.0.0.2', '224.0.0.251', 'fe80::1'])
  attempt('containment-07', {
    by: `${target}, after the list was emptied`,
    layers: [{ ...NEVER, name: 'the fixed part of the never-block list' }],
    try: async (run) => {
      const empty = new NeverBlock({ own: () => [], resolverFiles: () => [], configured: [], controllers: () => [] }) // biome-ignore format: one line
      newMachine().start({}, { neverBlock: run.off.size > 0 ? nobody : empty })
      const action = machine.guard.propose(planOf({ target }))
      run.saw('the proposal', action.state, action.because)
      await run.does('the approval', () => machine.decide(action, 'approve').state)
      blocked(run)
    },
  })

const BUDGET: Layer = { name: 'the budget of blocks', shows: /too-many: / }
attempt('containment-02', {
  by: `${HOSTS} hosts, one by one`,
  layers: [BUDGET],
  try: async (run) => {
    const most = run.without(BUDGET) ? 1e6 : 20
    newMachine().start({ liveMax: most, additionsPerMinute: most })
    for (let n = 0; n < HOSTS; n++)
      await run.does(
        `host ${n}`,
        () => machine.block({ target: `10.1.${n >> 8}.${n & 255}` }).state,
      )
    if (machine.table.size > 20) run.harm(`${machine.table.size} hosts are blocked`)
  },
})

let networks: ThreeNetworks | undefined
beforeAll(async () => {
  if (!lacksNamespaces) networks = await ThreeNetworks.open()
})
afterAll(() => networks?.close())
const nft = (...command: string[]) =>
  (networks as ThreeNetworks).run('gateway', ['nft', ...command])
const SKELETON =
  'add table inet picket; add set inet picket host4 { type ipv4_addr; flags timeout; }'

const SINGLE: Layer = { name: 'one host at a time', shows: /only single hosts are blocked/ }
const NUMBERS: Layer = { name: 'elements of parsed numbers', shows: /invalid: .*(single|address)/i }
const SETS: Layer = { name: 'sets of single addresses in the kernel', shows: /interval|range|not supported/i } // biome-ignore format: one line
attempt('containment-02', {
  by: 'a whole network',
  missing: lacksNamespaces,
  layers: [SINGLE, NUMBERS, SETS],
  try: async (run) => {
    const target = '198.51.100.0/24'
    newMachine()
    if (!run.without(SINGLE)) {
      const action = machine.guard.propose(planOf({ target }))
      run.saw('the proposal', action.state, action.because)
      await run.does('the approval', () => machine.decide(action, 'approve').state)
      return blocked(run)
    }
    const kind = run.without(SETS) ? 'timeout, interval' : 'timeout'
    await nft(`flush ruleset; ${SKELETON.replace('timeout', kind)}`)
    await run.does('the element', async () => {
      const [{ tuple } = { tuple: '' }] = run.without(NUMBERS) ? [{ tuple: target }] : elementsOf(planOf({ target })) // biome-ignore format: one line
      await nft(`add element inet picket host4 { ${tuple} timeout 60s }`)
    })
    if ((await nft('list', 'ruleset')).includes(target)) run.harm('a network is blocked')
  },
})
for (const target of ['0.0.0.0/0', '::/0', '10.0.0.0/16'])
  attempt('containment-02', {
    by: target,
    layers: [NEVER, SINGLE],
    try: async (run) => {
      newMachine().start({}, { neverBlock: run.without(NEVER) ? nobody : real })
      if (run.without(SINGLE))
        machine.firewall.change({ add: [{ set: 'host4', tuple: target, leftMs: 1000 }] }) // biome-ignore format: one line
      else {
        const action = machine.guard.propose(planOf({ target }))
        run.saw('the proposal', action.state, action.because)
        await run.does('the approval', () => machine.decide(action, 'approve').state)
      }
      blocked(run)
    },
  })

const STRICT: Layer = { name: 'the strict reading of a plan', shows: /the plan: invalid: / }
for (const [by, target] of [
  ['a command after an address', '10.10.1.66 }\ndelete table inet picket\n#'],
  ['a set of another name', '10.10.1.66 }; delete table inet picket #'],
] as const)
  attempt('containment-03', {
    by,
    missing: lacksNamespaces,
    layers: [STRICT, { ...NUMBERS, shows: /the element: invalid: / }],
    try: async (run) => {
      await nft(`flush ruleset; ${SKELETON}`)
      if (!run.without(STRICT)) await run.does('the plan', () => readPlan(planOf({ target })).plan)
      else
        await run.does('the element', async () => {
          const [{ tuple } = { tuple: '' }] = run.without(NUMBERS) ? [{ tuple: target }] : elementsOf(planOf({ target })) // biome-ignore format: one line
          await nft(`add element inet picket host4 { ${tuple} timeout 60s }`)
        })
      if (!(await nft('list', 'ruleset')).includes('host4')) run.harm('the ruleset is gone')
    },
  })

/** The three sockets of a guard, and what each may be asked. */
async function sockets(
  methods: (all: ReturnType<typeof guardMethods>) => ReturnType<typeof guardMethods> = (all) => all,
) {
  // biome-ignore format: one line
  const data = mkdtempSync(join(tmpdir(), 'picket-guard-'))
  const controllers = new Controllers(join(data, 'controllers.json'))
  const clock = { nowUs: () => machine.wallUs, steadyMs: () => machine.upMs }
  const all = methods(
    guardMethods({ guard: machine.guard, controllers, clock, settingsChanged: () => {} }),
  )
  const servers: RpcServer[] = []
  for (const caller of ['agent', 'web', 'cli'] as const)
    servers.push(await serve(socketPath(data, 'guard', caller), all[caller], silentLog))
  return {
    path: (caller: 'agent' | 'web' | 'cli') => socketPath(data, 'guard', caller),
    data,
    close: async () => {
      for (const server of servers) await server.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

const FOLDER: Layer = { name: 'the mode of the folders', shows: /EACCES/ }
const MODE: Layer = { name: 'the mode of the socket', shows: /EACCES/ }
const CONNECT = `require('node:net').connect(process.argv[1])
  .on('error', (error) => console.log(error.code)).on('connect', function () { console.log('in'); this.destroy() })` // biome-ignore format: one line
attempt('containment-04', {
  missing: lacksRoot,
  layers: [FOLDER, MODE],
  try: async (run) => {
    newMachine()
    const { path, data, close } = await sockets()
    for (const caller of ['agent', 'web', 'cli'] as const) {
      const at = path(caller)
      if (run.without(FOLDER)) for (let folder = dirname(at); folder.length >= data.length; folder = dirname(folder)) chmodSync(folder, 0o755) // biome-ignore format: one line
      if (run.without(MODE)) chmodSync(at, 0o666)
      const stranger = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
      const { stdout } = await promisify(execFile)('setpriv', [...stranger, process.execPath, '-e', CONNECT, at]) // biome-ignore format: one line
      run.saw(`the socket of ${caller}`, stdout)
      if (stdout === 'in\n') run.harm(`another user asks the guard as ${caller}`)
    }
    await close()
  },
})

const ATOM: Layer = { name: 'the atom of a role', shows: /Your role is viewer/ }
attempt('containment-06', {
  layers: [ATOM],
  try: async (run) => {
    newMachine()
    const name = `junior-${machines.length}`
    const viewer = await box.web.addUser({ token, name, role: 'viewer', password: `${PASSWORD} 2` })
    const session = await box.web.login({ name, password: `${PASSWORD} 2`, source: '127.0.0.1' })
    expect(viewer.role).toBe('viewer')
    machine.start({}, { keys: () => readPublicKeys(join(box.data, 'keys', 'public.json')), clock: box.clock }) // biome-ignore format: one line
    const action = machine.guard.propose(planOf())
    const what = { action_id: action.action_id, hash: action.hash, verb: 'approve' as const }
    await run.does('the approval', async () => {
      const decision = run.without(ATOM)
        ? decide(box.box, what, { actor: 'user:junior', tenant: undefined, by: name })
        : await box.web.decide({ token: session.token, ...what })
      return machine.guard.approve({ ...what, decision } as never).state
    })
    blocked(run)
  },
})

const METHODS: Layer = { name: 'what the socket of the agent may ask', shows: /may not use that method/ } // biome-ignore format: one line
const KEY: Layer = { name: 'the keys that decide', shows: /key we know/ }
attempt('containment-08', {
  layers: [METHODS, KEY],
  try: async (run) => {
    newMachine()
    const forger = operatorKey()
    const raw = Buffer.from(forger.line.spki, 'base64').subarray(-32)
    const key = publicKeyFromRaw(raw)
    const known = new Map<string, KnownKey>([[keyId(key), { key, owner: 'agent', types: ['decision'] }]]) // biome-ignore format: one line
    const clock = { nowUs: () => Date.now() * 1000, steadyMs: () => machine.upMs }
    machine.start({}, { clock, ...(run.without(KEY) ? { keys: () => known } : {}) })
    const { path, close } = await sockets((all) => run.without(METHODS) ? { ...all, agent: { ...all.web, ...all.agent } } : all) // biome-ignore format: one line
    const agent = await connect(path('agent'))
    const action = (await agent.call('propose', planOf())) as Action
    await run.does('the approval', agent.call('approve', signed(forger, action, 'approve')))
    agent.close()
    await close()
    blocked(run)
  },
})

const RUNNING: Layer = { name: 'running time', shows: /"expired"/ }
attempt('containment-09', {
  layers: [RUNNING],
  try: async (run) => {
    newMachine()
    // Its life counted by the wall clock, as one boot for ever.
    if (run.without(RUNNING))
      machine.boot = { bootId: () => 'b', upMs: () => machine.wallUs / 1000 }
    machine.start()
    const active = machine.block({ durationMs: HOUR_MS })
    machine.pass(1_800_000)
    machine.reboot(1000, -10 * HOUR_MS)
    if (machine.find(active).state !== 'active') run.harm('the block is gone after a reboot')
    machine.pass(HOUR_MS)
    const { state } = machine.find(active)
    run.saw('the block', JSON.stringify(state))
    if (state === 'active') run.harm('it stands half an hour after its end')
  },
})

const HASH: Layer = { name: 'the hash of the plan in a decision', shows: /has changed/ }
attempt('containment-10', {
  layers: [HASH],
  try: async (run) => {
    newMachine()
    const plan = planOf({ dest: '10.0.0.5', port: 22 })
    const shown = machine.guard.propose(plan)
    const { port: _, dest: __, ...wider } = plan
    const changed = machine.guard.propose(wider)
    // A decision that names the action only, whatever its plan is by now.
    await run.does('the approval', () => machine.decide(run.without(HASH) ? changed : shown, 'approve').state) // biome-ignore format: one line
    blocked(run, 'host4')
  },
})

const LEDGER: Layer = {
  name: 'the ledger of what was decided',
  shows: /is undone already|used before/,
}
attempt('own-containment-01', {
  layers: [LEDGER],
  try: async (run) => {
    newMachine()
    const plan = planOf()
    const action = machine.guard.propose(plan)
    const approval = machine.decision(action, 'approve')
    machine.guard.approve(approval)
    machine.decide(action, 'undo')
    // A guard that starts with a memory of nothing.
    const forgets = () => ({ ledger: new Ledger(join(machine.folder, 'empty.jsonl')) })
    machine.start({}, run.without(LEDGER) ? forgets() : {})
    await run.does('the proposal', () => machine.guard.propose(plan).state)
    await run.does('the approval', () => machine.guard.approve(approval).state)
    blocked(run)
  },
})

const AGE: Layer = { name: 'the five minutes of a decision', shows: /last five minutes/ }
attempt('own-containment-02', {
  layers: [AGE],
  try: async (run) => {
    newMachine()
    const action = machine.guard.propose(planOf())
    const approval = machine.decision(action, 'approve')
    machine.pass(1_800_000)
    const { wallUs } = machine
    // A guard whose clock stands where the decision was made.
    const then = { nowUs: () => wallUs - 1_800e6, steadyMs: () => machine.upMs }
    machine.start({}, run.without(AGE) ? { clock: then } : {})
    await run.does('the approval', () => machine.guard.approve(approval).state)
    blocked(run)
  },
})

const PROVEN: Layer = {
  name: 'proof before a block without a person',
  shows: /can be forged, so a person decides/,
}
attempt('own-containment-03', {
  layers: [PROVEN],
  try: async (run) => {
    newMachine().start({ policy: 'automatic' })
    // The same finding by one who believes the source of a datagram.
    const evidence = run.without(PROVEN) ? 'proven' : 'spoofable'
    const action = machine.guard.propose(planOf({ target: '10.0.0.20', evidence }))
    run.saw('the proposal', action.state, action.because)
    blocked(run)
  },
})

const ALONE: Layer = { name: 'one guard a data folder', shows: /picket-guard already runs on/ }
attempt('containment-05', {
  layers: [ALONE],
  try: async (run) => {
    newMachine()
    const path = (name: string) => join(machine.folder, name)
    const lock = holdAlone(path('guard.lock'), 'picket-guard', machine.folder)
    const first = machine.start({}, { ledger: new Ledger(path('first.jsonl')) })
    const active = machine.block({ durationMs: 10_000 })
    // A second one, in the middle of it, that remembers the block as the first does.
    await run.does('the second guard', () => {
      if (!run.without(ALONE)) holdAlone(path('guard.lock'), 'picket-guard', machine.folder)
      copyFileSync(path('first.jsonl'), path('second.jsonl'))
      machine.start({}, { ledger: new Ledger(path('second.jsonl')) })
    })
    machine.upMs += 9999
    machine.wallUs += 9_999_000
    const undo = machine.decision(active, 'undo')
    run.saw('the undo', first.undo(undo).state)
    // The one that answers by then.
    machine.guard.tick()
    run.saw('the block', machine.find(active).state, standing())
    await run.does('the undo again', () => first.undo(machine.decision(active, 'undo')).state)
    machine.pass(5000)
    const { state } = machine.find(active)
    closeSync(lock)
    if (state !== 'undone') run.harm(`what was undone is ${state}`)
    if (standing().length > 0) run.harm('an element without an owner is left')
  },
})
