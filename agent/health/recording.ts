/** Whether what is seen is also kept: the journal's own word, as a clause for the site's sentence. */
import { firstSentence, plural, span } from './sentence.ts'

/** Rows are synced in a few milliseconds on the disks that we ship. */
const SLOW_MS = 2000

export interface RecordingFacts {
  /** Why rows cannot be written now. */
  fault?: string | undefined
  /** Of this run: refused by a full queue, or written and not synced. */
  rowsLost: number
  /** The longest that rows waited for the disk in the last minute or two. */
  slowestMs: number
}

export function recordingClause(facts: RecordingFacts): string | undefined {
  const { fault, rowsLost, slowestMs } = facts
  if (fault !== undefined) {
    const so = rowsLost > 0 ? `${plural(rowsLost, 'row')} lost so far` : 'rows wait in memory'
    return `not recording: ${firstSentence(fault)}, ${so}`
  }
  return slowestMs > SLOW_MS
    ? `recording late: the disk took ${span(slowestMs / 1000)} to keep a row`
    : undefined
}

/** For the basis: what is gone stays said after the disk is well again. */
export function lostLine({ rowsLost }: RecordingFacts): string | undefined {
  return rowsLost > 0 ? `${plural(rowsLost, 'row')} of this run not recorded` : undefined
}
