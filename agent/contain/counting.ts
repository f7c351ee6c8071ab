/** What a block's counter says over its whole life, elements that had to be made anew included. */
import type { Action } from './action.ts'

const WALL_DRIFT_US = 2e6
const NOTHING: Count = { packets: 0, bytes: 0 }

export interface Count {
  packets: number
  bytes: number
}

/** The present element's reading, and what earlier ones had counted. */
export interface Tally {
  before: Count
  last: Count
}

export interface Reading {
  now: Count | undefined
  nowUs: number
  /** By the wall clock of now and the time that is left. */
  endsAt: number
}

/** Puts a reading into an entry and says whether people should hear of it. */
export function update(
  entry: { action: Action; counted?: Tally },
  { now = NOTHING, nowUs, endsAt }: Reading,
): 'same' | 'moved' | 'first-drop' {
  const { action } = entry
  const { before, last } = tally(entry.counted ?? { before: NOTHING, last: NOTHING }, now)
  entry.counted = { before, last }
  const packets = before.packets + last.packets
  const wallWasSet = Math.abs(endsAt - (action.endsAt ?? 0)) > WALL_DRIFT_US
  if (wallWasSet) action.endsAt = endsAt // the block's life did not change, only how its end is called
  if (!wallWasSet && packets === action.packets) return 'same'
  action.packets = packets
  action.bytes = before.bytes + last.bytes
  if (packets === 0 || action.firstDropAt !== undefined) return 'moved'
  action.firstDropAt = nowUs
  return 'first-drop'
}

/** A count that fell is a new element's. */
function tally({ before, last }: Tally, now: Count): Tally {
  if (now.packets >= last.packets) return { before, last: now }
  return {
    before: { packets: before.packets + last.packets, bytes: before.bytes + last.bytes },
    last: now,
  }
}
