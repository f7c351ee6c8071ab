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
  /** Not while traffic of our own is looked at (warm-up.ts): nothing of it is to be found later. */
  static keeps = true
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
    if (!Dataset.keeps) return true
    if (this.#values.size >= VALUES_MAX) {
      Dataset.dropped++
      return false
    }
    this.#values.add(key)
    return true
  }

  /** Whether it was there. */
  remove(bytes: Uint8Array): boolean {
    const key = this.#key(bytes)
    return Dataset.keeps ? this.#values.delete(key) : this.#values.has(key)
  }

  /** Long values are kept by their hash: a value costs the same whatever the wire brings. */
  #key(bytes: Uint8Array): string {
    if (this.type === 'string' && bytes.length <= 64) return Buffer.from(bytes).toString('latin1')
    const algorithm = this.type === 'md5' ? 'md5' : 'sha256'
    return createHash(algorithm).update(bytes).digest('base64')
  }
}

/** The sets that the rules of one load name. What rules of the load before have gathered stays, where it is of one kind. */
export class Datasets {
  readonly #before: ReadonlyMap<string, Dataset>
  readonly #sets = new Map<string, Dataset>()

  constructor(before?: Datasets) {
    this.#before = before ? before.#sets : new Map()
  }

  /** That of this name: of `type`, unless a rule before has said another. */
  named(name: string, type: DatasetType): Dataset {
    const known = this.#sets.get(name)
    if (known) return known
    const old = this.#before.get(name)
    const set = old?.type === type ? old : new Dataset(type)
    this.#sets.set(name, set)
    return set
  }
}
