/** A small Bloom filter: whether a file may hold a host, address or rule. Never says no wrongly. */

const BITS_PER_VALUE = 10 // about 1 % false answers with 7 probes
const PROBES = 7
const BYTES_MIN = 32
const BYTES_MAX = 8192

/** No filter (`undefined`) when there are too many values for one to be worth its bytes. */
export function buildBloom(values: readonly string[]): Buffer | undefined {
  const bytes = Math.max(BYTES_MIN, Math.ceil((values.length * BITS_PER_VALUE) / 8))
  if (bytes > BYTES_MAX) return undefined
  const filter = Buffer.alloc(bytes)
  for (const value of values)
    for (const bit of bits(value, bytes * 8)) {
      const at = bit >>> 3
      filter[at] = (filter[at] as number) | (1 << (bit & 7))
    }
  return filter
}

export function mayHold(filter: Buffer | undefined, value: string): boolean {
  if (!filter) return true
  return bits(value, filter.length * 8).every(
    (bit) => ((filter[bit >>> 3] as number) >>> (bit & 7)) & 1,
  )
}

function bits(value: string, size: number): number[] {
  const bytes = Buffer.from(value)
  const first = fnv(bytes, 0x811c9dc5)
  const second = fnv(bytes, 0x01234567) | 1
  return Array.from({ length: PROBES }, (_, i) => ((first + Math.imul(i, second)) >>> 0) % size)
}

function fnv(bytes: Buffer, seed: number): number {
  let hash = seed
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
