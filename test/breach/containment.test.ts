/** Attempts to make the real guard block whom it must not, or act on what nobody decided. */
import { execFile } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CALLERS, socketPath } from '../../agent/control/sockets.ts'
import { aPlan, GuardedSite, operatorKey, signed, TENANT } from '../traffic/guarded-site.ts'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'

const able = canUnshare()
if (!able) process.stderr.write('containment: skipped, user namespaces are off on this machine\n')

describe.skipIf(!able)('the guard refuses', () => {
  let site: GuardedSite
  beforeAll(async () => {
    site = await GuardedSite.open({ neverBlock: ['10.10.1.200/30'] })
    await site.agent.controllers(TENANT, ['10.10.2.21'])
    await site.networks.run('gateway', ['ip', 'route', 'add', 'default', 'via', '10.10.2.99'])
    await site.networks.run(
      'gateway',
      'ip route add 10.77.0.0/16 via 10.10.2.98 table 77'.split(' '),
    )
  })
  afterAll(() => site.close())

  test.each([
    ['the default gateway', '10.10.2.99', 'default gateway'],
    ['a gateway of another routing table', '10.10.2.98', 'gateway'],
    ['its own address', AT.gatewayHosts, 'this box'],
    ['its own address, mapped', `::ffff:${AT.gatewayHosts}`, 'this box'],
    ['its own IPv6 address', 'fd10:1::1', 'this box'],
    ['a broadcast address', '10.10.1.255', 'broadcast'],
    ['an OT controller', '10.10.2.21', 'controller'],
    ['what its owner listed', '10.10.1.202', 'never-block list'],
    ['loopback', '127.0.0.2', 'this box|loopback'],
    ['multicast', '224.0.0.251', 'multicast'],
    ['link-local', 'fe80::1', 'link-local'],
    ['everything', '0.0.0.0/0', 'contains'],
    ['everything, IPv6', '::/0', 'contains'],
    ['its own network', '10.10.0.0/16', 'contains'],
    ['a network of strangers', '198.51.100.0/24', 'only single hosts'],
  ])('%s', async (_, target, because) => {
    const action = await site.agent.propose(aPlan({ target }))
    expect(action.state).toBe('refused')
    expect(action.because).toMatch(new RegExp(because))
    expect((await site.agent.propose(aPlan({ target }))).action_id).toBe(action.action_id)
  })

  test('the resolvers of this machine', async () => {
    const file = readFileSync('/etc/resolv.conf', 'utf8')
    const resolvers = [...file.matchAll(/^nameserver\s+([\d.]+)$/gm)].map(([, text]) => text ?? '')
    for (const target of resolvers) {
      const action = await site.agent.propose(aPlan({ target }))
      expect(action).toMatchObject({ state: 'refused' })
    }
  })

  test('the gateway of now, though it was a stranger when it was proposed', async () => {
    const proposed = await site.agent.propose(aPlan({ target: '10.10.2.97' }))
    expect(proposed.state).toBe('proposed')
    await site.networks.run('gateway', 'ip route replace default via 10.10.2.97'.split(' '))
    const refused = await site.approve(proposed)
    expect(refused).toMatchObject({ state: 'refused', because: /default gateway/ })
  })

  test('and lets go who becomes the gateway while blocked', async () => {
    const active = await site.approve(await site.agent.propose(aPlan({ target: '10.10.2.96' })))
    expect(active.state).toBe('active')
    await site.networks.run('gateway', 'ip route replace default via 10.10.2.96'.split(' '))
    await until(async () => (await site.find(active.action_id)).state === 'undone', 'it is let go')
    expect(await site.ruleset()).not.toContain('10.10.2.96')
  })
})

test.skipIf(!able || process.getuid?.() !== 0)(
  'another user cannot reach its sockets',
  async () => {
    await using stack = new AsyncDisposableStack()
    const site = await GuardedSite.open()
    stack.defer(() => site.close())
    chmodSync(site.data, 0o755) // even where the folder itself is open
    const connect = `require('node:net').connect(process.argv[1])
    .on('error', (error) => console.log(error.code)).on('connect', () => console.log('in'))`
    for (const caller of CALLERS.guard) {
      const path = socketPath(site.data, 'guard', caller)
      const stranger = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
      const command = [...stranger, process.execPath, '-e', connect, path]
      const { stdout } = await promisify(execFile)('setpriv', command)
      expect(stdout).toBe('EACCES\n')
    }
  },
)

describe.skipIf(!able)('the guard takes no', () => {
  let site: GuardedSite
  beforeAll(async () => {
    site = await GuardedSite.open()
  })
  afterAll(() => site.close())

  test.each([
    ['a command in an address', { target: `${AT.attacker} } ; flush ruleset` }],
    ['a set in a port', { port: '80 }; delete table inet picket' as unknown as number }],
    ['a newline', { target: `${AT.attacker}\nflush ruleset` }],
    ['64 KB', { target: 'a'.repeat(65_536) }],
    ['a name', { target: 'localhost' }],
    ['a zone', { target: 'fe80::1%eth0' }],
    ['another field', { set: 'host4' } as object],
    ['a week and a day', { durationMs: 8 * 24 * 3_600_000 }],
    ['no time', { durationMs: Number.NaN }],
  ])('%s, and the ruleset stays as it was', async (_, change) => {
    const before = await site.ruleset()
    await expect(site.agent.propose(aPlan(change))).rejects.toMatchObject({ kind: 'invalid' })
    expect(await site.ruleset()).toBe(before)
  })
})

describe.skipIf(!able)('the guard acts on no', () => {
  let site: GuardedSite
  beforeAll(async () => {
    site = await GuardedSite.open()
  })
  afterAll(() => site.close())

  test('approval by the agent, nor plan of the web', async () => {
    const action = await site.agent.propose(aPlan())
    await expect(site.agent.approve(signed(site.key, action, 'approve'))).rejects.toThrow(
      'may not use that method',
    )
    await expect(site.web.propose(aPlan())).rejects.toThrow('may not use that method')
    expect((await site.find(action.action_id)).state).toBe('proposed')
  })

  test('forged, changed, late or repeated decision', async () => {
    const action = await site.agent.propose(aPlan({ target: '10.10.1.50' }))
    const { key, web } = site
    const stranger = operatorKey()
    await expect(web.approve(signed(stranger, action, 'approve'))).rejects.toThrow('key we know')
    const catalog = operatorKey(['catalog'])
    site.publish([key.line, catalog.line])
    await expect(web.approve(signed(catalog, action, 'approve'))).rejects.toThrow('key we know')

    const good = signed(key, action, 'approve')
    const { decision } = good
    const body = decision.body.replace('thabo', 'mandy')
    await expect(web.approve({ ...good, decision: { ...decision, body } })).rejects.toThrow(
      'signature',
    )
    await expect(web.undo(good)).rejects.toThrow('about something else')
    await expect(web.approve({ ...good, hash: 'f'.repeat(64) })).rejects.toThrow('something else')
    const late = { at: Date.now() * 1000 - 301e6 }
    await expect(web.approve(signed(key, action, 'approve', late))).rejects.toThrow('five minutes')
    const early = { at: Date.now() * 1000 + 120e6 }
    await expect(web.approve(signed(key, action, 'approve', early))).rejects.toThrow('five minutes')
    const changed = { ...action, hash: 'e'.repeat(64) }
    await expect(web.approve(signed(key, changed, 'approve'))).rejects.toThrow('has changed')

    expect((await web.approve(good)).state).toBe('active')
    await expect(web.approve(good)).rejects.toThrow('used before')
    const undo = signed(key, action, 'undo')
    expect((await web.undo(undo)).state).toBe('undone')
    await expect(web.undo(undo)).rejects.toThrow('used before')
    await expect(web.approve(signed(key, action, 'approve'))).rejects.toThrow('came too late')

    site.publish([])
    const next = await site.agent.propose(aPlan({ target: '10.10.1.51' }))
    await expect(web.approve(signed(key, next, 'approve'))).rejects.toThrow('key we know')
    site.publish([key.line])
    expect((await web.approve(signed(key, next, 'approve'))).state).toBe('active')
  })

  test('page older than the plan', async () => {
    const plan = aPlan({ target: '10.10.1.52', port: 22 })
    const shown = await site.agent.propose(plan)
    const { port: _, ...wider } = plan
    const changed = await site.agent.propose(wider)
    expect(changed.hash).not.toBe(shown.hash)
    await expect(site.approve(shown)).rejects.toThrow('has changed')
    expect((await site.approve(changed)).state).toBe('active')
  })
})
