import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Action, ActionState } from './action.ts'
import { type Entry, Ledger, NONCES_MAX } from './ledger.ts'
import { RunClock } from './run-clock.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-ledger-'))
  path = join(folder, 'guard', 'actions.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const entry = (n: number, state: ActionState = 'proposed'): Entry => ({
  action: { action_id: `a${n}`, state, reason: 'naïve → 日本' } as Action,
  ...(state === 'proposed' && { dueRunMs: 3_600_000 }),
})
const mark = (run: number) => ({ run, boot: 'b1', up: run })

test('what was written is there after a restart, the latest state of each', () => {
  const first = new Ledger(path)
  first.write(mark(1), [entry(1), entry(2)])
  first.remember({ nonce: 'n1', at: 7 })
  first.write(mark(2), [entry(1, 'rejected')])
  first.close()
  const again = new Ledger(path)
  expect([...again.entries.values()]).toEqual([entry(2), entry(1, 'rejected')])
  expect(again.nonces).toEqual([{ nonce: 'n1', at: 7 }])
  expect(again.lastMark).toMatchObject(mark(2))
  expect(again.damaged).toBe(0)
})

test('cut at any byte, it opens with all whole lines and can be written to', () => {
  const ledger = new Ledger(path)
  ledger.write(mark(1), [entry(1)])
  const kept = statSync(path).size
  ledger.write(mark(2), [entry(1, 'rejected')])
  ledger.close()
  const whole = readFileSync(path)
  for (let cut = kept; cut < whole.length - 1; cut++) {
    writeFileSync(path, whole.subarray(0, cut))
    const torn = new Ledger(path)
    expect(torn.entries.get('a1'), `cut at ${cut}`).toEqual(entry(1))
    expect(torn.damaged).toBe(cut === kept ? 0 : 1)
    torn.write(mark(3), [entry(2)])
    torn.close()
    const after = new Ledger(path)
    expect([...after.entries.keys()]).toEqual(['a1', 'a2'])
    after.close()
  }
})

test('a flipped bit costs its line and is counted', () => {
  const ledger = new Ledger(path)
  ledger.write(mark(1), [entry(1)])
  ledger.write(mark(2), [entry(2)])
  ledger.close()
  const bytes = readFileSync(path)
  bytes[30] = (bytes[30] as number) ^ 1
  writeFileSync(path, bytes)
  const again = new Ledger(path)
  expect([...again.entries.keys()]).toEqual(['a2'])
  expect(again.damaged).toBe(1)
})

test('a file of garbage is an empty ledger that says so', () => {
  new Ledger(path).close()
  appendFileSync(path, '\u0000\u0000{}\nnothing here\n')
  const ledger = new Ledger(path)
  expect(ledger.entries.size).toBe(0)
  expect(ledger.damaged).toBe(2)
  ledger.write(mark(1), [entry(1)])
  ledger.close()
  expect(new Ledger(path).entries.size).toBe(1)
})

test('it is made small again and forgets only what ended long ago', () => {
  const ledger = new Ledger(path)
  ledger.write(mark(1), [entry(0)])
  for (let n = 1; n <= 1500; n++) ledger.write(mark(n), [entry(n, 'expired')])
  for (let n = 0; n < NONCES_MAX + 5; n++) ledger.remember({ nonce: `n${n}`, at: n })
  ledger.write(mark(2000))
  ledger.close()
  const again = new Ledger(path)
  expect(again.entries.size).toBe(1001)
  expect(again.entries.has('a0')).toBe(true)
  expect(again.entries.has('a500')).toBe(false)
  expect(again.nonces.length).toBe(NONCES_MAX)
  expect(again.nonces.at(-1)?.nonce).toBe(`n${NONCES_MAX + 4}`)
})

test('running time goes on over a restart, and over a boot from where it was written', () => {
  let up = 10_000
  const boot = { bootId: () => 'b1', upMs: () => up }
  const first = new RunClock(boot)
  expect(first.nowMs()).toBe(10_000)
  up = 70_000
  const written = first.mark()
  up = 100_000 // 30 s nobody was there: they count
  expect(new RunClock(boot, written).nowMs()).toBe(100_000)
  // a reboot: hours without power do not count, the 5 s since it came back do
  const later = new RunClock({ bootId: () => 'b2', upMs: () => 5000 }, written)
  expect(later.nowMs()).toBe(75_000)
  up = 50_000 // an uptime that goes back never takes running time back
  expect(first.nowMs()).toBe(70_000)
})
