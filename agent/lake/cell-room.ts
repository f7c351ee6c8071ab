/** What memory a cell may have: more on a machine with more, since columns that fit are opened once and not by the engine at each question. */
import { totalmem } from 'node:os'

const MIB = 2 ** 20
const ROOM_MIN = 512 * MIB
const ROOM_MAX = 1536 * MIB
/** Of the machine for one cell; four may wait with keys (`cell-pool.ts`). */
const PART = 16
/** The engine's own limit, and code. */
const REST = 384 * MIB

export interface CellRoom {
  /** Of the whole process; past it, it is ended. */
  rssBytes: number
  /** For columns in clear. */
  clearBytes: number
}

export function cellRoom(machineBytes = totalmem()): CellRoom {
  const part = Math.floor(machineBytes / PART / MIB) * MIB
  const rssBytes = Math.min(ROOM_MAX, Math.max(ROOM_MIN, part))
  return { rssBytes, clearBytes: rssBytes - REST }
}
