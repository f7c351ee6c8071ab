import { beforeEach, expect, test } from 'vitest'
import { AgentDuty } from './agent-duty.ts'
import type { JournalStatus } from './lake/journal.ts'

const QUIET = { rowsWritten: 0, rowsDropped: 0, rowsFailed: 0, queuedBytes: 0, segmentsClosed: 0, slowestSyncMs: 0 } // biome-ignore format: one line

let now = 0
let journal: JournalStatus
let totals = { frames: 0, processed: 0, dropped: 0, pending: 0, bytes: 0 }
let duty: AgentDuty

beforeEach(() => {
  now = 0
  journal = { ...QUIET }
  totals = { frames: 0, processed: 0, dropped: 0, pending: 0, bytes: 0 }
  duty = new AgentDuty({
    shards: ['cap0/0', 'cap0/1'],
    totals: () => [{ name: 'cap0', totals }],
    journal: () => journal,
    nowMs: () => now,
  })
})

/** What is not done after each of `seconds`, with both shards speaking unless told otherwise. */
function pass(seconds: number, { shards = ['cap0/0', 'cap0/1'], each = () => {} } = {}): string[] {
  const said = new Set<string>()
  for (let i = 0; i < seconds; i++) {
    now += 1000
    each()
    for (const shard of shards) duty.heard(shard)
    for (const check of duty.checks) {
      const words = check() as string | undefined
      if (words) said.add(words)
    }
  }
  return [...said]
}

test('a quiet wire, or one whose link is down, is duty: each shard still says so', () => {
  expect(pass(3600)).toEqual([])
})

test('a shard that says nothing for 15 seconds is named', () => {
  expect(pass(15, { shards: ['cap0/0'] })).toEqual([])
  expect(pass(1, { shards: ['cap0/0'] })).toEqual(['no word of cap0/1'])
  expect(pass(1)).toEqual([])
})

test('frames that the interface counts and nobody takes are not duty', () => {
  const arrives = () => {
    totals = { ...totals, frames: totals.frames + 10, pending: totals.pending + 10 }
  }
  expect(pass(30, { each: arrives })).toEqual([])
  expect(pass(5, { each: arrives })).toEqual(['frames of cap0 are not taken'])
  totals = { ...totals, processed: totals.frames, pending: 0 }
  expect(pass(1)).toEqual([])
})

test('frames that come and are taken, or that a full ring drops, are', () => {
  const arrives = () => {
    totals = { ...totals, frames: totals.frames + 1000, processed: totals.processed + 400, dropped: totals.dropped + 600 } // biome-ignore format: one line
  }
  expect(pass(300, { each: arrives })).toEqual([])
})

test('rows that wait while the journal neither writes nor says why are not duty; a full disk is not cured by a start', () => {
  journal = { ...QUIET, queuedBytes: 500 }
  expect(pass(29)).toEqual([])
  expect(pass(3)).toEqual(['rows wait and the journal does not move'])
  journal = { ...journal, fault: 'the disk is full' }
  expect(pass(100)).toEqual([])
  journal = { ...QUIET, rowsWritten: 5 }
  expect(pass(100)).toEqual([])
})
