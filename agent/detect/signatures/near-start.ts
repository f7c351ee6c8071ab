/** How far from the beginning of what a rule looks at its literals may lie: what lies behind need not be looked through for them. */
import type { Condition, Content, Operand } from './condition.ts'
import type { FastPattern, Signature } from './rule.ts'

export interface Bounded {
  content: Content
  /** Where it ends at the latest, counted from the beginning. */
  end: number
}

/** The contents of a list that must be there and whose place has a bound. */
export function boundedOf(conditions: readonly Condition[]): Bounded[] {
  const found: Bounded[] = []
  /** Where the match before ends at the latest; undefined: anywhere. */
  let before: number | undefined
  for (const condition of conditions)
    switch (condition.type) {
      case 'content':
        if (condition.negated) break
        before = endOf(condition, before)
        if (before !== undefined) found.push({ content: condition, end: before })
        break
      case 'pcre':
        if (!condition.negated) before = undefined
        break
      case 'byte_jump':
      case 'byte_extract':
      case 'byte_math':
      case 'base64':
        before = undefined
    }
  return found
}

/** As `lead.ts` counts it: distance and within add up. */
function endOf(content: Content, before: number | undefined): number | undefined {
  const { bytes, startsWith, distance, within, offset, depth } = content
  if (distance === undefined && within === undefined) {
    if (startsWith) return bytes.length
    return offset === undefined || offset.slot < 0 ? fixed(depth) : undefined
  }
  const reach = fixed(within)
  const away = distance === undefined ? 0 : fixed(distance)
  if (before === undefined || reach === undefined || away === undefined) return undefined
  return before + Math.max(0, away) + Math.max(0, reach)
}

const fixed = (operand: Operand | undefined) =>
  operand === undefined || operand.slot >= 0 ? undefined : operand.value

/** Within how many bytes from the beginning something is that the rule cannot do without; undefined: it may lie anywhere. */
export function mustBeWithin({ payload }: Pick<Signature, 'payload'>): number | undefined {
  const ends = boundedOf(payload).map(({ end }) => end)
  return ends.length > 0 ? Math.min(...ends) : undefined
}

/** A literal of the rule and where it ends at the latest: the one it is found by, if that has a bound, else the longest that has. */
export function nearStart(
  { payload, fast }: Pick<Signature, 'payload' | 'fast'>,
  within: number,
): { pattern: FastPattern; end: number } | undefined {
  if (fast === undefined) return undefined
  const near = boundedOf(payload).filter(({ end }) => end <= within)
  const own = near.filter(({ content }) => holds(content, fast))
  const [first] = own.sort((a, b) => a.end - b.end)
  if (first) return { pattern: fast, end: first.end }
  const [longest] = near.sort((a, b) => b.content.bytes.length - a.content.bytes.length)
  if (!longest) return undefined
  const { bytes, nocase } = longest.content
  return { pattern: { bytes, nocase, view: undefined }, end: longest.end }
}

function holds({ bytes, nocase }: Content, fast: FastPattern): boolean {
  return nocase === fast.nocase && Buffer.from(bytes).includes(fast.bytes)
}
