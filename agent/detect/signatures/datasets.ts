/**
 * Sets of values that rules fill and ask (`dataset`). A set stands as long as the rules that name it, within a shard; what a file
 * would hold is not read.
 */
import { createHash } from 'node:crypto'

const VALUES_MAX = 65_536

export type DatasetType = 'string' | 'md5' | 'sha256'

export class Dataset {
  readonly type: DatasetType
  /** Values that were not kept, at a bound: of all sets of this shard. */
  static dropped = 0
  readonly #values = new Set<string>()

  constructor(type: DatasetType) {
    this.type = type
  }

  has(bytes: Uint8Array): boolean {
    return this.#values.has(this.#key(bytes))
  }

  /** Whether it is new. */
  add(bytes: Uint8Array): boolean {
    const key = this.#key(bytes)
    if (this.#values.has(key)) return false
    if (this.#values.size >= VALUES_MAX) {
      Dataset.dropped++
      return false
    }
    this.#values.add(key)
    return true
  }

  /** Whether it was there. */
  remove(bytes: Uint8Array): boolean {
    return this.#values.delete(this.#key(bytes))
  }

  /** Long values are kept by their hash: a value costs the same whatever the wire brings. */
  #key(bytes: Uint8Array): string {
    if (this.type === 'string' && bytes.length <= 64) return Buffer.from(bytes).toString('latin1')
    const algorithm = this.type === 'md5' ? 'md5' : 'sha256'
    return createHash(algorithm).update(bytes).digest('base64')
  }
}

export type Datasets = Map<string, Dataset>
