/** What the drives of this box last said of themselves, as `control/read-disks.ts` wrote it down; nothing where nobody does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { DriveHealth } from './nvme-smart.ts'

const DRIVES_MAX = 16
/** Written hourly: what is older is no present. */
const AGE_MS_MAX = 3 * 3_600_000

const Notes = v.strictObject({
  /** Milliseconds since 1970. */
  atMs: v.number(),
  drives: v.pipe(v.array(DriveHealth), v.maxLength(DRIVES_MAX)),
})
export type DriveNotes = v.InferOutput<typeof Notes>

export const driveNotesFile = (data: string) => join(data, 'disks', 'smart.json')

export function driveNotes(data: string, nowMs = Date.now()): readonly DriveHealth[] {
  return lastDriveNotes(data, nowMs)?.drives ?? []
}

/** With the time at which they were asked. */
export function lastDriveNotes(data: string, nowMs = Date.now()): DriveNotes | undefined {
  try {
    const notes = v.parse(Notes, JSON.parse(readFileSync(driveNotesFile(data), 'utf8')))
    return Math.abs(nowMs - notes.atMs) > AGE_MS_MAX ? undefined : notes
  } catch {
    return undefined
  }
}

/** The worst of all drives, for a summary: what a fleet wants to know of a box. */
export function worstOf(drives: readonly DriveHealth[]) {
  if (drives.length === 0) return undefined
  const most = (of: (drive: DriveHealth) => number) => Math.max(...drives.map(of))
  return {
    used_percent: most(({ usedPercent }) => usedPercent),
    spare_percent: Math.min(...drives.map(({ sparePercent }) => sparePercent)),
    celsius: most(({ celsius }) => celsius),
    throttled: most(({ throttled }) => throttled),
    media_errors: most(({ mediaErrors }) => mediaErrors),
    warnings: [...new Set(drives.flatMap(({ warnings }) => warnings))].sort(),
  }
}
