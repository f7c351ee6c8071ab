/**
 * The hashes of the latest sequences of an epoch, 16 bytes each, to tell a replay from a fork: a ring that starts
 * small. An older sequence never takes the place of a newer one; what has no place here is in the received log.
 */
const SLOTS_MIN = 64
/** Three and a half days of summaries at one per 300 s: longer than the 72 hours a line may be cut. */
export const REMEMBERED_LEAST = 1024
/** A month of them. */
const REMEMBERED_MOST = 8192
/** Of all sites together, 16 bytes each; where there are many sites, each has its least. */
const REMEMBERED_ALL = 1 << 20
const SLOT_BYTES = 16
const HASH_HEX = 24 // 96 bits of SHA-256

/** How many hashes of an epoch each of so many sites may keep: a power of two, as the ring doubles. */
export function rememberedBy(sites: number): number {
  const share = 2 ** Math.floor(Math.log2(REMEMBERED_ALL / Math.max(1, sites)))
  return Math.min(REMEMBERED_MOST, Math.max(REMEMBERED_LEAST, share))
}

export class RecentHashes {
  readonly #slotsMax: number
  #slots = Buffer.alloc(SLOTS_MIN * SLOT_BYTES)

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax
  }

  put(sequence: number, hash: string): void {
    for (;;) {
      const at = this.#at(sequence)
      const held = this.#slots.readUInt32BE(at)
      if (held !== 0 && held !== sequence && this.#grow()) continue
      if (held > sequence) return
      this.#slots.writeUInt32BE(sequence, at)
      this.#slots.write(hash.slice(0, HASH_HEX), at + 4, 'hex')
      return
    }
  }

  /** Undefined when this sequence is not remembered. */
  matches(sequence: number, hash: string): boolean | undefined {
    const at = this.#at(sequence)
    if (this.#slots.readUInt32BE(at) !== sequence) return undefined
    return this.#slots.toString('hex', at + 4, at + SLOT_BYTES) === hash.slice(0, HASH_HEX)
  }

  #at(sequence: number): number {
    return (sequence % (this.#slots.length / SLOT_BYTES)) * SLOT_BYTES
  }

  #grow(): boolean {
    if (this.#slots.length >= this.#slotsMax * SLOT_BYTES) return false
    const old = this.#slots
    this.#slots = Buffer.alloc(old.length * 2)
    for (let at = 0; at < old.length; at += SLOT_BYTES) {
      const sequence = old.readUInt32BE(at)
      if (sequence !== 0) old.copy(this.#slots, this.#at(sequence), at, at + SLOT_BYTES)
    }
    return true
  }

  snapshot(): string {
    return this.#slots.toString('base64')
  }

  static restore(text: string, slotsMax: number): RecentHashes {
    const hashes = new RecentHashes(slotsMax)
    hashes.#slots = Buffer.from(text, 'base64')
    return hashes
  }
}
