/**
 * The hashes of the latest sequences of an epoch, 16 bytes each, to tell a replay from a fork: a ring that starts
 * small. An older sequence never takes the place of a newer one; what has no place here is in the received log.
 */
const SLOTS_MIN = 64
/** Three and a half days of summaries at one per 300 s: longer than the 72 hours a line may be cut. */
export const SLOTS_MAX = 1024
const SLOT_BYTES = 16
const HASH_HEX = 24 // 96 bits of SHA-256

export class RecentHashes {
  #slots = Buffer.alloc(SLOTS_MIN * SLOT_BYTES)

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
    if (this.#slots.length >= SLOTS_MAX * SLOT_BYTES) return false
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

  static restore(text: string): RecentHashes {
    const hashes = new RecentHashes()
    hashes.#slots = Buffer.from(text, 'base64')
    return hashes
  }
}
