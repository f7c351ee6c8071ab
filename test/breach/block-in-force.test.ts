/** Containment with the real thing: namespaces, the kernel's table, programs that talk and then do not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aPlan, GuardedSite } from '../traffic/guarded-site.ts'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'

const able = canUnshare()
if (!able) process.stderr.write('blocks: skipped, user namespaces are off on this machine\n')

describe.skipIf(!able)('a block', () => {
  let site: GuardedSite
  beforeAll(async () => {
    site = await GuardedSite.open()
  })
  afterAll(() => site.close())

  test('stops a sender of datagrams on approval, and undo brings it back', async () => {
    const { networks } = site
    const asset = await networks.talk('assets', 'udp-listen', '5000')
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '10', AT.attacker)
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '10', AT.other)
    await asset.hears(AT.attacker)

    const proposed = await site.agent.propose(aPlan({ dest: AT.asset, port: 5000, proto: 'udp' }))
    expect(proposed.state).toBe('proposed')
    await asset.hears(AT.attacker) // a proposal changes nothing

    const active = await site.approve(proposed)
    expect(active).toMatchObject({ state: 'active', decidedBy: 'thabo' })
    await asset.quiet(AT.attacker)
    await asset.hears(AT.other)
    await until(async () => {
      const [now] = await site.web.list()
      return (now?.packets ?? 0) > 10 && now?.firstDropAt !== undefined
    }, 'the counter saw it')

    const undone = await site.undo(active)
    expect(undone).toMatchObject({ state: 'undone', because: 'thabo took it back.' })
    expect(undone.packets).toBeGreaterThan(10)
    await asset.hears(AT.attacker)
    asset.stop()
  })

  test.each([
    ['IPv4', AT.asset, AT.attacker],
    ['IPv6', AT.asset6, AT.attacker6],
  ])('stops a connection that is established already, %s', async (_, dest, target) => {
    const asset = await site.networks.talk('assets', 'tcp-listen', '5001')
    const sender = await site.networks.talk('hosts', 'tcp-send', dest, '5001', '10', target)
    await asset.hears(target)
    const active = await site.approve(await site.agent.propose(aPlan({ target })))
    expect(active.state).toBe('active')
    await asset.quiet(target)
    expect((await site.undo(active)).state).toBe('undone')
    await asset.hears(target) // the sender's own retransmission
    sender.stop()
    asset.stop()
  })

  test('ends by itself', async () => {
    const asset = await site.networks.talk('assets', 'udp-listen', '5002')
    await site.networks.talk('hosts', 'udp-send', AT.asset, '5002', '10', AT.attacker)
    // Long beside the silence that is waited for, also where that takes its time.
    const active = await site.approve(
      await site.agent.propose(aPlan({ port: 5002, durationMs: 4000 })),
    )
    await asset.quiet(AT.attacker)
    await asset.hears(AT.attacker)
    await until(async () => (await site.find(active.action_id)).state === 'expired', 'expired')
    expect(await site.ruleset()).not.toContain(AT.attacker)
    asset.stop()
  })

  test('is put back when somebody flushes all tables', async () => {
    const active = await site.approve(await site.agent.propose(aPlan()))
    await site.networks.run('gateway', ['nft', 'flush', 'ruleset'])
    await until(async () => (await site.ruleset()).includes(AT.attacker), 'it stands again')
    await site.undo(active)
  })
})

test.skipIf(!able)('a bridge in the line drops what passes through it', async () => {
  await using stack = new AsyncDisposableStack()
  const site = await GuardedSite.open({}, 'bridge')
  stack.defer(() => site.close())
  expect(await site.web.status()).toMatchObject({
    enforces: true,
    sentence: /a bridge in the line/,
  })
  const { bridgedAsset, bridgedAttacker, bridgedOther } = AT
  const asset = await site.networks.talk('assets', 'udp-listen', '5003')
  for (const from of [bridgedAttacker, bridgedOther])
    await site.networks.talk('hosts', 'udp-send', bridgedAsset, '5003', '10', from)
  await asset.hears(bridgedAttacker)
  const active = await site.approve(
    await site.agent.propose(aPlan({ target: bridgedAttacker, dest: bridgedAsset })),
  )
  await asset.quiet(bridgedAttacker)
  await asset.hears(bridgedOther)
  expect((await site.undo(active)).packets).toBeGreaterThan(0)
  await asset.hears(bridgedAttacker)
})

test.skipIf(!able)('a block outlives a start at which the bridge is not there yet', async () => {
  await using stack = new AsyncDisposableStack()
  const site = await GuardedSite.open({}, 'bridge')
  stack.defer(() => site.close())
  const { bridgedAsset, bridgedAttacker, bridgedOther } = AT
  const plan = aPlan({ target: bridgedAttacker, dest: bridgedAsset })
  const active = await site.approve(await site.agent.propose(plan))
  await site.killGuard()
  await site.networks.run('gateway', ['ip', 'link', 'delete', 'br0']) // as after a reboot
  await site.networks.run('gateway', ['nft', 'flush', 'ruleset'])
  await site.startGuard()
  expect(await site.web.status()).toMatchObject({ enforces: false, sentence: /no port of it/ })
  expect((await site.find(active.action_id)).state).toBe('active')
  await site.networks.bridge()
  expect((await site.web.status()).enforces).toBe(true)
  const asset = await site.networks.talk('assets', 'udp-listen', '5004')
  for (const from of [bridgedAttacker, bridgedOther])
    await site.networks.talk('hosts', 'udp-send', bridgedAsset, '5004', '10', from)
  await asset.hears(bridgedOther)
  expect(asset.count(bridgedAttacker)).toBe(0)
  await until(async () => ((await site.find(active.action_id)).packets ?? 0) > 0, 'it is counted')
})

test.skipIf(!able)('a block outlives a start before the gateway forwards', async () => {
  await using stack = new AsyncDisposableStack()
  const site = await GuardedSite.open()
  stack.defer(() => site.close())
  const forward = (how: 0 | 1) =>
    site.networks.run('gateway', ['sh', '-c', `echo ${how} >/proc/sys/net/ipv4/ip_forward; echo ${how} >/proc/sys/net/ipv6/conf/all/forwarding`]) // biome-ignore format: one line
  const active = await site.approve(await site.agent.propose(aPlan({ port: 5005 })))
  await site.killGuard()
  await forward(0) // as after a reboot
  await site.networks.run('gateway', ['nft', 'flush', 'ruleset'])
  await site.startGuard()
  expect(await site.web.status()).toMatchObject({ enforces: false, sentence: /forwards nothing/ })
  expect((await site.find(active.action_id)).state).toBe('active')
  await forward(1)
  expect((await site.web.status()).enforces).toBe(true)
  const asset = await site.networks.talk('assets', 'udp-listen', '5005')
  for (const from of [AT.attacker, AT.other])
    await site.networks.talk('hosts', 'udp-send', AT.asset, '5005', '10', from)
  await asset.hears(AT.other)
  expect(asset.count(AT.attacker)).toBe(0)
})

test.skipIf(!able)(
  'a gateway that becomes a bridge takes its blocks along, and leaves no table behind',
  async () => {
    await using stack = new AsyncDisposableStack()
    const site = await GuardedSite.open()
    stack.defer(() => site.close())
    const active = await site.approve(await site.agent.propose(aPlan()))
    expect(await site.ruleset()).toContain('table inet picket')
    await site.networks.bridge()
    await site.killGuard()
    site.configure({}, 'bridge')
    await site.startGuard()
    const ruleset = await site.ruleset()
    expect(ruleset).toContain('table bridge picket')
    expect(ruleset).toContain(active.target)
    expect(ruleset).not.toContain('table inet picket')
  },
)

describe.skipIf(!able)('the policy', () => {
  test('lets proven findings act alone, within its budgets', async () => {
    await using stack = new AsyncDisposableStack()
    const site = await GuardedSite.open({ policy: 'automatic', additionsPerMinute: 3, liveMax: 2 })
    stack.defer(() => site.close())
    const propose = (n: number, change = {}) =>
      site.agent.propose(aPlan({ target: `10.10.1.${n}`, ...change }))
    expect(await propose(100)).toMatchObject({ state: 'active', decidedBy: 'policy' })
    expect(await propose(101, { evidence: 'spoofable' })).toMatchObject({
      state: 'proposed',
      because: /forged/,
    })
    expect((await propose(102, { severity: 'medium' })).state).toBe('proposed')
    // what was only proposed acts once it is proven
    expect(await propose(101)).toMatchObject({ state: 'active' })
    const full = await propose(103)
    expect(full).toMatchObject({ state: 'proposed', because: /2 is the most allowed/ })
    await expect(site.approve(full)).rejects.toMatchObject({ kind: 'too-many' })
    const [first] = (await site.web.list()).filter(({ state }) => state === 'active')
    await site.undo(first as NonNullable<typeof first>)
    expect((await site.approve(full)).state).toBe('active')
    const [second] = (await site.web.list()).filter(({ state }) => state === 'active')
    await site.undo(second as NonNullable<typeof second>)
    expect(await propose(104)).toMatchObject({ state: 'proposed', because: /last minute/ })
  })

  test('proposes nothing that could not be carried out', async () => {
    await using stack = new AsyncDisposableStack()
    const site = await GuardedSite.open()
    stack.defer(() => site.close())
    const active = await site.approve(await site.agent.propose(aPlan()))
    expect(active.state).toBe('active')
    await site.killGuard()
    site.configure({}, 'tap')
    await site.startGuard()
    expect(await site.ruleset()).toBe('')
    expect((await site.find(active.action_id)).state).toBe('undone')
    expect(await site.agent.propose(aPlan())).toMatchObject({
      state: 'refused',
      because: /cannot be enforced from here: the box sees a copy/,
    })
    await site.killGuard()
    site.configure({})
    await site.startGuard(['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'])
    expect(await site.web.status()).toMatchObject({ enforces: false, sentence: /CAP_NET_ADMIN/ })
    expect((await site.agent.propose(aPlan({ port: 99 }))).state).toBe('refused')
    await site.killGuard()
    await site.networks.run('gateway', ['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward'])
    await site.startGuard()
    expect(await site.agent.propose(aPlan({ port: 98 }))).toMatchObject({
      state: 'refused',
      because: /does not forward IPv4/,
    })
  })
})
