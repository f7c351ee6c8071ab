/**
 * How a stream rule looks on when more bytes come, so that what was looked at in vain is not looked at again. It may where
 * the answer to its first conditions depends on a bounded stretch of bytes, or where its expression tells from where to go on.
 */
import type { Condition, Content, Operand, Pcre } from './condition.ts'
import type { Signature } from './rule.ts'

export interface Lead {
  /** Conditions that belong together, from the first. While none beyond has been asked, they have failed everywhere. */
  count: number
  /** Bytes from where the first is found to the last that any of them depends on; undefined: the expression tells. */
  reach: number | undefined
}

/** Undefined: it begins with something that may look anywhere. */
export function leadOf(conditions: readonly Condition[]): Lead | undefined {
  const [first, ...more] = conditions
  if (first?.type === 'pcre') return goesOn(first) ? { count: 1, reach: undefined } : undefined
  if (first?.type !== 'content' || first.negated || isRelative(first)) return undefined
  let end = first.bytes.length
  let reach = end
  let count = 1
  for (const condition of more) {
    const furthest = furthestOf(condition, end)
    if (furthest === undefined) break
    reach = Math.max(reach, furthest)
    if (condition.type === 'content' && !condition.negated) end = furthest
    count++
  }
  return { count, reach }
}

/** Where nothing counts from its match, one that it has is all that matters. */
function goesOn(pcre: Pcre): boolean {
  pcre.goesOn = !pcre.negated && !pcre.relative && !pcre.followed && pcre.regex.canGoOn
  return pcre.goesOn
}

const isRelative = ({ distance, within }: Content) => distance !== undefined || within !== undefined

const fixed = (operand: Operand | undefined) =>
  operand === undefined ? 0 : operand.slot < 0 ? operand.value : undefined

/** The last byte that a relative condition may depend on, if all before ended before `end`; undefined: it may be any. */
function furthestOf(condition: Condition, end: number): number | undefined {
  if (condition.type === 'isdataat') {
    const at = fixed(condition.at)
    return condition.relative && at !== undefined ? end + Math.max(0, at) + 1 : undefined
  }
  if (condition.type !== 'content' || condition.within === undefined) return undefined
  if (condition.endsWith || condition.offset !== undefined || condition.depth !== undefined)
    return undefined
  const distance = fixed(condition.distance)
  const within = fixed(condition.within)
  if (distance === undefined || within === undefined) return undefined
  return end + Math.max(0, distance) + Math.max(0, within)
}

/**
 * A rule that asks one expression of a stream and nothing else is judged with every piece, and its answer depends on nothing
 * that comes and goes: where it looks on is the same for all such rules.
 */
export function isPlain(signature: Signature): boolean {
  const { payload, lead, tcpStream, tcpPacket, bitTests, stateTests, fast, led } = signature
  if (fast !== undefined || led || payload.length !== 1 || lead?.reach !== undefined) return false
  return lead !== undefined && tcpStream && !tcpPacket && bitTests.length + stateTests.length === 0
}
