import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Machine, planOf as plan } from '../../test/traffic/guard-machine.ts'
import type { Action } from './action.ts'
import type { Counted } from './nft.ts'

const HOUR_MS = 3_600_000

let machine: Machine
beforeEach(() => {
  machine = new Machine()
})
afterEach(() => rmSync(machine.folder, { recursive: true }))

describe('time', () => {
  test('a proposal lapses after an hour, a block ends after its own time', () => {
    const waiting = machine.guard.propose(plan({ target: '10.0.0.67' }))
    const active = machine.block({ durationMs: 10_000 })
    machine.pass(9000)
    expect(machine.find(active).state).toBe('active')
    machine.pass(1000)
    expect(machine.find(active)).toMatchObject({ state: 'expired', because: 'It ran its time.' })
    expect(machine.table.size).toBe(0)
    machine.pass(HOUR_MS)
    expect(machine.find(waiting).state).toBe('lapsed')
  })

  test.each([1, -1])('a wall clock set %i h off changes the shown end, not the life', (hours) => {
    const active = machine.block()
    machine.pass(60_000)
    machine.wallUs += hours * HOUR_MS * 1000
    machine.pass(1000)
    const shown = machine.find(active)
    expect((shown.endsAt as number) - machine.wallUs).toBe((HOUR_MS - 61_000) * 1000)
    machine.pass(HOUR_MS - 62_000)
    expect(machine.find(active).state).toBe('active')
    machine.pass(2000)
    expect(machine.find(active).state).toBe('expired')
  })

  test.each([
    ['right', 0],
    ['an hour fast', HOUR_MS],
    ['an hour slow', -HOUR_MS],
    ['in 1970', -1_800_000_000_000],
  ])('after a reboot it runs the time it had left, the clock %s', (_, off) => {
    const active = machine.block()
    machine.pass(30 * 60_000)
    machine.reboot(10 * HOUR_MS, off)
    expect(machine.table.size).toBe(1)
    expect(machine.find(active).state).toBe('active')
    machine.pass(29 * 60_000) // 20 s of the boot count as well, up to a beat of 10 s may be lost
    expect(machine.find(active).state).toBe('active')
    machine.pass(60_000)
    expect(machine.find(active).state).toBe('expired')
  })

  test('a box that reboots for ever does not block for ever', () => {
    const active = machine.block()
    for (let n = 0; n < 200; n++) machine.reboot(1000)
    expect(machine.find(active).state).toBe('expired')
  })

  test('what ended while the guard was dead has ended', () => {
    const active = machine.block({ durationMs: 10_000 })
    machine.upMs += 60_000
    machine.start()
    expect(machine.find(active).state).toBe('expired')
    expect(machine.table.size).toBe(0)
  })

  test('undo and expiry in one second: one final state, no element left', () => {
    const active = machine.block({ durationMs: 10_000 })
    machine.upMs += 10_000
    machine.wallUs += 10_000_000
    expect(() => machine.decide(active, 'undo')).toThrow('This action is expired')
    const other = machine.block({ durationMs: 10_000 })
    machine.upMs += 9_999
    machine.wallUs += 9_999_000
    expect(machine.decide(other, 'undo').state).toBe('undone')
    machine.pass(5000)
    expect(machine.find(other).state).toBe('undone')
    expect(machine.table.size).toBe(0)
  })
})

describe('the kernel and the ledger', () => {
  test('what nobody asked for is removed, what is missing is put back with the time left', () => {
    const active = machine.block()
    machine.pass(60_000)
    const [[key, element]] = [...machine.table] as [[string, Counted & { endsUpMs: number }]]
    machine.table.clear()
    machine.table.set('host4 10.9.9.9', { ...element, tuple: '10.9.9.9' })
    machine.start()
    expect([...machine.table.keys()]).toEqual([key])
    expect(machine.table.get(key)?.endsUpMs).toBe(element.endsUpMs)
    expect(machine.find(active).state).toBe('active')
  })

  test('an element with a life of its own choosing gets ours', () => {
    machine.block()
    const [element] = machine.table.values()
    if (element) element.endsUpMs += 100 * HOUR_MS
    machine.start()
    expect([...machine.table.values()][0]?.endsUpMs).toBe(1000 + HOUR_MS + 2000)
  })

  test('counters go on when an element had to be made anew', () => {
    const active = machine.block()
    const count = (packets: number) => {
      for (const element of machine.table.values())
        Object.assign(element, { packets, bytes: packets })
      machine.pass(1000)
      return machine.find(active).packets
    }
    expect(count(5)).toBe(5)
    expect(count(7)).toBe(7)
    machine.table.clear()
    machine.pass(1000)
    expect(count(2)).toBe(9)
    expect(machine.find(active).firstDropAt).toBeDefined()
    machine.pass(10_000)
    machine.start()
    expect(count(3)).toBe(10)
  })

  test('two tenants, one address: the block of one outlives the undo of the other', () => {
    const mine = machine.block()
    const theirs = machine.block({ tenant_uid: 'b'.repeat(32) })
    expect(theirs.action_id).not.toBe(mine.action_id)
    machine.decide(mine, 'undo')
    expect(machine.table.size).toBe(1)
    machine.decide(theirs, 'undo')
    expect(machine.table.size).toBe(0)
  })

  test('a kernel that refuses leaves the proposal waiting, and no word of a block', () => {
    const proposed = machine.guard.propose(plan())
    machine.broken = 'The kernel is full.'
    expect(() => machine.decide(proposed, 'approve')).toThrow('The kernel is full.')
    expect(machine.find(proposed).state).toBe('proposed')
    machine.broken = undefined
    expect(machine.decide(proposed, 'approve').state).toBe('active')
  })

  test('a guard that may no longer enforce says so of what was in force', () => {
    const active = machine.block()
    machine.broken = 'the guard does not hold CAP_NET_ADMIN.'
    machine.start()
    expect(machine.find(active)).toMatchObject({ state: 'undone', because: /CAP_NET_ADMIN/ })
    expect(machine.guard.propose(plan())).toMatchObject({ state: 'refused', because: /CAP_NET/ })
  })
})

describe('wishes', () => {
  test('the same wish is one action, a narrower one is covered by what is in force', () => {
    const first = machine.guard.propose(plan())
    expect(machine.guard.propose(plan()).action_id).toBe(first.action_id)
    machine.decide(first, 'approve')
    expect(machine.guard.propose(plan({ dest: '10.0.0.5', port: 22 })).action_id).toBe(
      first.action_id,
    )
    expect(machine.guard.propose(plan({ target: '10.0.0.7' })).action_id).not.toBe(first.action_id)
  })

  test('a flood of forged plans leaves room for what is proven', () => {
    const forged = Array.from({ length: 512 }, (_, n) =>
      machine.guard.propose(plan({ target: `10.1.${n >> 8}.${n & 255}`, evidence: 'spoofable' })),
    )
    const next = plan({ target: '10.2.0.1', evidence: 'spoofable' })
    expect(() => machine.guard.propose(next)).toThrow('512 proposals wait')
    expect(machine.guard.propose(plan({ target: '10.2.0.2' })).state).toBe('proposed')
    expect(machine.find(forged[0] as Action).state).toBe('lapsed')
    expect(machine.guard.status().counters).toMatchObject({ waitingFull: 2 })
    for (let n = 0; n < 86; n++) machine.guard.propose(plan())
    expect(() => machine.guard.propose(plan())).toThrow('More than 600 plans')
  })

  test('a restart gives no new budget', () => {
    machine.start({ liveMax: 1 })
    machine.block()
    machine.start({ liveMax: 1 })
    expect(() => machine.block({ target: '10.0.0.67' })).toThrow('1 is the most allowed')
  })

  test('rejecting ends it, and it can be wished for again', () => {
    const first = machine.guard.propose(plan())
    expect(machine.decide(first, 'reject')).toMatchObject({
      state: 'rejected',
      decidedBy: 'thabo',
      because: 'thabo said no.',
    })
    expect(() => machine.decide(first, 'approve')).toThrow('approve came too late')
    expect(machine.guard.propose(plan()).state).toBe('proposed')
  })

  test('the reason is plain text and the hash binds it', () => {
    const shown = machine.guard.propose(plan({ reason: 'a\u202Eb' }))
    expect(shown.reason).toBe('a\\u{202e}b')
    expect(shown.hash).toMatch(/^[0-9a-f]{64}$/)
  })
})
