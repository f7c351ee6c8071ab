/** The files of the trail: `chain-<first seq, 12 digits>.jsonl`, each at most 16 MiB, never rewritten. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const SEGMENT_BYTES_MAX = 16 << 20
const NAME = /^chain-(\d{12})\.jsonl$/

export function segmentPath(folder: string, firstSeq: number): string {
  return join(folder, `chain-${String(firstSeq).padStart(12, '0')}.jsonl`)
}

/** Oldest first. */
export function segments(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => join(folder, name))
}

export interface Piece {
  bytes: Buffer
  /** False for bytes behind the last line end: a crash cut them. */
  whole: boolean
}

/** The lines of one file, without their ends. */
export function* linesOf(path: string): Generator<Piece> {
  const all = readFileSync(path)
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(0x0a, at)
    yield { bytes: all.subarray(at, end < 0 ? all.length : end), whole: end >= 0 }
    at = end < 0 ? all.length : end + 1
  }
}
