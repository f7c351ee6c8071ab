/** How likely bytes are to be seen in traffic, coarsely: text and zeros lead. */

const COST: Uint8Array = Uint8Array.from({ length: 256 }, (_, c) => {
  const low = c | 0x20
  if (c === 0 || c === 0x20) return 8
  if (low === 0x65 || low === 0x74 || low === 0x61 || low === 0x6f) return 6
  if (low >= 0x61 && low <= 0x7a) return 4
  if (c >= 0x21 && c <= 0x7e) return 3
  return c === 0xff || c === 0x0d || c === 0x0a ? 5 : 2
})

export function costOf(bytes: Uint8Array, at: number, count: number): number {
  let cost = 0
  for (let i = at; i < at + count; i++) cost += COST[bytes[i] as number] as number
  return cost
}

/** The place in [first, last] that costs least. */
export function rarestFrom(first: number, last: number, cost: (at: number) => number): number {
  let best = first
  let bestCost = Number.POSITIVE_INFINITY
  for (let at = first; at <= last; at++) {
    const own = cost(at)
    if (own >= bestCost) continue
    bestCost = own
    best = at
  }
  return best
}
