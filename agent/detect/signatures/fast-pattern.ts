/** Which literal of a rule is looked for first: the author's choice, else the one that is rarest. */

import { likelihood, single } from './byte-set.ts'
import type { Condition, Content } from './condition.ts'
import type { DraftList } from './draft.ts'
import { isPacketPart } from './packet-parts.ts'
import { literalsOf } from './regex-literals.ts'
import { SHAPE_BYTES, type Shape, shapeOf } from './regex-shape.ts'
import type { BufferPart, FastPattern } from './rule.ts'

/** Buffers whose few values are in nearly every message: a literal there tells little. */
const DULL: ReadonlySet<string> = new Set([
  'http.method',
  'http.stat_code',
  'http.stat_msg',
  'http.protocol',
  'http.request_line',
  'http.header_names',
])

/**
 * `lists` as drafted, the payload among them; `buffers` are the named ones in the same order. A rule over
 * transactions is found by a buffer; its payload is judged afterwards.
 */
export function chooseFast(
  lists: readonly DraftList[],
  buffers: readonly BufferPart[],
  transaction: boolean,
): FastPattern | undefined {
  const namedLists = lists.filter(({ name }) => name !== undefined && !isPacketPart(name))
  let best: FastPattern | undefined
  let bestWorth = 0
  for (const list of lists) {
    const view = buffers[namedLists.indexOf(list)]?.view
    if (view === undefined && (transaction || list.name !== undefined)) continue
    // What may be absent cannot be what the rule is found by.
    if (list.conditions.some(({ type }) => type === 'absent')) continue
    if (list.fast) {
      const { content, from, to } = list.fast
      return { bytes: content.bytes.subarray(from, to), nocase: content.nocase, view }
    }
    for (const condition of list.conditions) {
      if (condition.type !== 'content' || condition.negated) continue
      const dull = list.name !== undefined && DULL.has(list.name)
      const worth = dull ? 1 : worthOf(condition)
      if (worth <= bestWorth) continue
      bestWorth = worth
      best = { bytes: condition.bytes, nocase: condition.nocase, view }
    }
  }
  return best
}

/** The literal by which the plain contents of a rule over transactions are found in the stream; undefined: by none. */
export function payloadFast(payload: readonly Condition[]): FastPattern | undefined {
  let best: Content | undefined
  for (const condition of payload)
    if (condition.type === 'content' && !condition.negated)
      if (!best || worthOf(condition) > worthOf(best)) best = condition
  return best && { bytes: best.bytes, nocase: best.nocase, view: undefined }
}

/** Literals of which one is in what the rule's expression matches; undefined: none, or the rule has a better one. */
export function leadsOf(
  payload: readonly Condition[],
  fast: FastPattern | undefined,
): FastPattern[] | undefined {
  if (fast && (fast.view !== undefined || fast.bytes.length > 1)) return undefined
  for (const condition of payload) {
    if (condition.type !== 'pcre' || condition.negated) continue
    const literals = literalsOf(condition.regex)
    if (!literals) continue
    const { texts, nocase } = literals
    return texts.map((text) => ({ bytes: Buffer.from(text, 'latin1'), nocase, view: undefined }))
  }
  return undefined
}

/** Bytes of a literal that is in any traffic. */
const POOR_BYTES = 2
/** A shape must be so many times rarer to be looked for instead. */
const RARER = 2

/** The shape of the rule's expression, where it is seen much less than what the rule is found by in a stream. */
export function shapeLead(
  payload: readonly Condition[],
  fast: FastPattern | undefined,
  leads: readonly FastPattern[] | undefined,
): Shape | undefined {
  if (fast && (fast.view !== undefined || fast.bytes.length > POOR_BYTES)) return undefined
  let best: Shape | undefined
  for (const condition of payload) {
    if (condition.type !== 'pcre' || condition.negated) continue
    const shape = shapeOf(condition.regex)
    if (shape && (!best || shape.likelihood < best.likelihood)) best = shape
  }
  const found = leads ?? (fast ? [fast] : [])
  const often = found.length === 0 ? 1 : found.reduce((all, each) => all + commonness(each), 0)
  return best && best.likelihood * RARER < often ? best : undefined
}

/** How likely random traffic is to have it at one place. */
export function commonness({ bytes, nocase }: FastPattern): number {
  return likelihood([...bytes.subarray(0, SHAPE_BYTES)].map((c) => single(c, nocase)))
}

/** Different bytes say more than repeated ones; zeros and spaces are everywhere. */
function worthOf({ bytes }: Content): number {
  const different = new Set(bytes)
  let worth = bytes.length + different.size
  if (different.size === 1) worth = 2
  for (const c of bytes) if (c === 0 || c === 0x20 || c === 0xff) worth -= 0.5
  return Math.max(1.5, worth)
}
