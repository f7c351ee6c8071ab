import { expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import { EIGHT, fleetView, THREE } from '../../test/browser/fleet-story.ts'
import type { FleetSite } from '../base/ports.ts'
import { KeptViews } from './kept.ts'

function open(seenBy: Record<string, readonly FleetSite[] | undefined>) {
  const state = { nowMs: 1000, asked: [] as string[] }
  const kept = new KeptViews(
    async (token) => {
      state.asked.push(token)
      const sites = seenBy[token]
      if (!sites) throw new Failure('not-found', 'Fleet Command is off on this box.')
      return fleetView(sites)
    },
    { steadyMs: () => state.nowMs },
  )
  return { state, kept }
}

test('one question for many pages, and a new one when it is old', async () => {
  const { state, kept } = open({ a: THREE })
  for (let n = 0; n < 5; n++) expect((await kept.of('a')).sites).toHaveLength(3)
  expect(state.asked).toEqual(['a'])
  state.nowMs += 10_001
  await kept.of('a')
  expect(state.asked).toEqual(['a', 'a'])
})

test('a change is asked for before it is told, and told to those whom it concerns', async () => {
  const seenBy = { a: THREE, b: EIGHT }
  const { state, kept } = open(seenBy)
  await Promise.all([kept.of('a'), kept.of('b')])
  const concerns = await kept.renew(['acme-osl'])
  expect(state.asked).toEqual(['a', 'b', 'a', 'b'])
  expect([concerns('a'), concerns('b'), concerns('nobody')]).toEqual([false, true, false])
  seenBy.b = THREE
  const gone = await kept.renew(['acme-osl'])
  expect(gone('b')).toBe(true) // it must leave the page
})

test('what nobody looks at is let go', async () => {
  const { state, kept } = open({ a: THREE })
  await kept.of('a')
  state.nowMs += 60_001
  await kept.renew(['acme-lon'])
  expect(state.asked).toEqual(['a'])
})

test('off is known after one answer, and asked again when something changed', async () => {
  const seenBy: Record<string, readonly FleetSite[] | undefined> = {}
  const { state, kept } = open(seenBy)
  expect(kept.on).toBe(undefined)
  await expect(kept.of('a')).rejects.toThrow('is off')
  expect(kept.on).toBe(false)
  await kept.renew([])
  expect(kept.on).toBe(undefined)
  seenBy.a = THREE
  await kept.of('a')
  expect([kept.on, state.asked.length]).toEqual([true, 2])
})
