/**
 * A segment opened before the floor of what was settled is taken for a copy. A box whose clock starts in the past
 * (no battery) would open all its segments there: so the floor stands beside them, and no segment is
 * opened before it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from '../base/disk.ts'

const NAME = 'opened-after'

/** Before the floor holds: a writer must never be behind it. */
export function keepOpenedAfter(
  { journal, disk }: { journal: string; disk: Disk },
  floorUs: number,
): void {
  disk.writeWhole(join(journal, NAME), String(floorUs))
}

/** The wall clock, or the floor where the clock is behind it. */
export function openedUs(journal: string, nowUs: number): number {
  let floor: number
  try {
    floor = Number(readFileSync(join(journal, NAME), 'utf8'))
  } catch {
    return nowUs // nothing was forgotten yet
  }
  return Number.isSafeInteger(floor) ? Math.max(nowUs, floor) : nowUs
}
