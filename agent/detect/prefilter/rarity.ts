/** How likely bytes are to be seen in traffic, coarsely: half of it text of pages, scripts and headers, half of it noise. */

const TEXT_SHARE = 0.5

/** How often a character is seen in so much text. */
const OFTEN: readonly (readonly [characters: string, weight: number])[] = [
  [' ', 80],
  ['et', 60],
  ['aoinsr', 45],
  ['cdlmpuh', 25],
  ['bfgvwyk', 12],
  ['./"=-<>:;\n0', 15],
  ['\r1234,()_', 9],
  ['56789', 6],
  ["'{}", 6],
  ['jqxzACDESTPMR', 4],
  ['BFGHIJKLNOQUVWXYZ#%&?+!', 2],
  ['$*@[\\]^`|~\t', 1],
]
const TEXT_OF = OFTEN.reduce((all, [{ length }, weight]) => all + length * weight, 0)

export const LIKELY: Float64Array = Float64Array.from({ length: 256 }, (_, c) => {
  const weight = OFTEN.find(([characters]) => characters.includes(String.fromCharCode(c)))?.[1] ?? 0
  const noise = c === 0 ? 0.04 : c === 0xff ? 0.01 : 0.95 / 256
  return (TEXT_SHARE * weight) / TEXT_OF + (1 - TEXT_SHARE) * noise
})

const FOLDED = LIKELY.map((_, c) => (LIKELY[c | 0x20] as number) + (LIKELY[c & ~0x20] as number))

/** At how many of all places such bytes lie, in either case. */
export function likelyGram(bytes: Uint8Array, at: number, width: number): number {
  let likely = 1
  for (let i = at; i < at + width; i++) likely *= FOLDED[bytes[i] as number] as number
  return likely
}

export function likelyBytes(bytes: Uint8Array, nocase: boolean): number {
  const apart = bytes.reduce((all, c) => all * ((nocase ? FOLDED : LIKELY)[c] as number), 1)
  return apart + (bytes.every((c) => c === 0) ? ZEROS_LIKELY : 0)
}

/** At how many places there are zeros and more zeros: they come in rows. */
export const ZEROS_LIKELY = 0.01

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
