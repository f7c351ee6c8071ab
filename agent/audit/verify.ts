/** Checks a whole audit trail, or the export of one, with nothing but public keys; names the first difference. */
import { basename } from 'node:path'
import type { Envelope, KnownKey } from '../base/signing.ts'
import { verifyJson } from '../base/signing.ts'
import { FIRST_PREV, hashOf, type Line, parseLine } from './line.ts'
import { linesOf, segments } from './segment.ts'

export interface Verified {
  intact: boolean
  lines: number
  /** Last line that a signed checkpoint covers; what follows is only chained. */
  checkpointSeq: number
  head: string
  sentence: string
}

interface Walk {
  seq: number
  hash: string
  lines: number
  checkpointSeq: number
}

export function verifyChain(folder: string, known: ReadonlyMap<string, KnownKey>): Verified {
  const walk: Walk = { seq: 0, hash: FIRST_PREV, lines: 0, checkpointSeq: 0 }
  for (const path of segments(folder)) {
    let number = 0
    for (const { bytes, whole } of linesOf(path)) {
      number++
      const wrong = whole ? step(walk, bytes, known) : 'is not finished'
      if (wrong) return answer(walk, `Line ${number} of ${basename(path)} ${wrong}.`)
    }
  }
  return answer(walk)
}

/** Follows one line; what is wrong with it in words, or nothing. */
function step(walk: Walk, bytes: Buffer, known: ReadonlyMap<string, KnownKey>): string | undefined {
  const line = parseLine(bytes)
  if (!line) return 'is no line of an audit trail'
  if (line.seq !== walk.seq + 1)
    return `has sequence ${line.seq} where ${walk.seq + 1} belongs: lines are missing, repeated or moved`
  if (line.prev !== walk.hash)
    return `does not continue line ${walk.seq}: one of the two was changed`
  if (line.verb === 'audit.broken') return 'says that a line before it was changed'
  if (line.verb === 'checkpoint' && !isSigned(line, walk, known))
    return 'is a checkpoint whose signature does not cover the lines before it'
  if (line.verb === 'checkpoint') walk.checkpointSeq = walk.seq
  walk.seq = line.seq
  walk.hash = hashOf(bytes)
  walk.lines++
  return undefined
}

function isSigned(line: Line, walk: Walk, known: ReadonlyMap<string, KnownKey>): boolean {
  try {
    const body = verifyJson(line.envelope as Envelope, 'checkpoint', known, line.at)
    const { seq, hash } = body as { seq?: unknown; hash?: unknown }
    return seq === walk.seq && hash === walk.hash
  } catch {
    return false
  }
}

function answer(walk: Walk, difference?: string): Verified {
  const { lines, checkpointSeq, hash: head } = walk
  const after = walk.seq - checkpointSeq
  const sentence =
    difference ??
    `The audit trail is whole: ${lines} lines, signed up to line ${checkpointSeq}, ${after} after that.`
  return { intact: difference === undefined, lines, checkpointSeq, head, sentence }
}
