/** In which order signatures are judged, and which are when there are too many. */
import type { RuleAction, Signature } from './rule.ts'

export const ACTIONS: readonly RuleAction[] = ['pass', 'drop', 'reject', 'alert']
const SEVERITIES = ['critical', 'high', 'medium', 'low']
const PRIORITY_MAX = 255
const SIDS = 2 ** 32

/**
 * Pass first, then what sets flow bits before what asks for them, then the worst. Where more match than are judged,
 * those that Picket ships are judged first, however many others match everything and however bad they say they are.
 */
export function* order(
  signatures: readonly Signature[],
  actions: readonly RuleAction[],
  shipped: ReadonlySet<Signature>,
): Generator<void, Signature[]> {
  const sorted = inOrder(signatures, (each) => actions.indexOf(each.action) * 3 + setter(each))
  yield
  for (const [index, signature] of sorted.entries()) signature.index = index
  yield
  const ranked = inOrder(
    sorted,
    (each) => Number(!shipped.has(each)) * 2 + Number(each.action !== 'pass'),
  )
  yield
  for (const [rank, signature] of ranked.entries()) signature.rank = rank
  return sorted
}

function setter({ bitChanges, bitTests }: Signature): number {
  if (bitChanges.length > 0) return bitTests.length > 0 ? 1 : 0
  return bitTests.length > 0 ? 2 : 0
}

/** By what `first` says, then the worst, then the lowest sid. One number a signature: thousands are sorted while packets wait. */
function inOrder(
  signatures: readonly Signature[],
  first: (signature: Signature) => number,
): Signature[] {
  const keys = Float64Array.from(signatures, (signature) => {
    const { severity, priority, sid } = signature.hit
    const worst = first(signature) * SEVERITIES.length + SEVERITIES.indexOf(severity)
    return (worst * (PRIORITY_MAX + 1) + Math.min(priority, PRIORITY_MAX)) * SIDS + sid
  })
  const places = Uint32Array.from(keys, (_, i) => i)
  places.sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b)
  return Array.from(places, (place) => signatures[place] as Signature)
}
