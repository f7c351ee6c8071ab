/**
 * What happened between two runs of the agent. Each second a run notes the interface counters and the
 * time; the next run compares them with what it finds, so a kill leaves a named gap: how long nobody
 * looked, and how many frames passed meanwhile.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import * as v from 'valibot'

const Note = v.object({
  bootId: v.string(),
  at: v.number(),
  blindSeconds: v.number(),
  missedFrames: v.number(),
  interfaces: v.record(v.string(), v.number()),
})
export type RunNote = v.InferOutput<typeof Note>

export interface Gap {
  /** Seconds nobody looked, all runs of this data folder together. */
  blindSeconds: number
  /** Frames the interfaces counted meanwhile; those whose counters were reset by a boot are not known. */
  missedFrames: number
  /** The gap before this run alone; undefined on the first run. */
  last: { seconds: number; frames: number } | undefined
}

/** Reads the note of the run before; a missing or torn note is a first run. */
export function gapSince(path: string, now: Pick<RunNote, 'bootId' | 'at' | 'interfaces'>): Gap {
  const note = readNote(path)
  if (!note) return { blindSeconds: 0, missedFrames: 0, last: undefined }
  const seconds = Math.max(0, (now.at - note.at) / 1e6)
  let frames = 0
  if (note.bootId === now.bootId)
    for (const [name, count] of Object.entries(now.interfaces)) {
      const before = note.interfaces[name]
      if (before !== undefined && count >= before) frames += count - before
    }
  return {
    blindSeconds: note.blindSeconds + seconds,
    missedFrames: note.missedFrames + frames,
    last: { seconds, frames },
  }
}

/** Replaces the note; not synced: after a power cut an older note only makes the gap longer, never shorter. */
export function noteRun(path: string, note: RunNote): void {
  writeFileSync(`${path}.part`, JSON.stringify(note), { mode: 0o600 })
  renameSync(`${path}.part`, path)
}

function readNote(path: string): RunNote | undefined {
  try {
    return v.parse(Note, JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}
