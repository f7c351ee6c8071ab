/** A file as it goes by inside another protocol: its first bytes are kept, the rest is counted. */
import type { CarriedFile } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'

/** Kept of one file: what rules look at, and what is hashed. */
export const FILE_BYTES_MAX = 262_144

export class FileBytes {
  readonly toServer: boolean
  readonly #kept = new KeptBytes(FILE_BYTES_MAX)
  #bytes = 0
  #gap = false

  constructor(toServer: boolean) {
    this.toServer = toServer
  }

  get held(): number {
    return this.#kept.held
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Nothing more of it is kept. */
  get full(): boolean {
    return this.#kept.full || this.#gap
  }

  /** `count`: how many there are, where not all of them were handed on. */
  add(bytes: Buffer, count = bytes.length): void {
    if (!this.#gap && this.#kept.length === this.#bytes) this.#kept.append(bytes)
    this.#bytes += count
  }

  /** What follows stands elsewhere in the file. */
  missed(count: number): void {
    this.#bytes += count
    this.#gap = true
  }

  /** The file with its bytes, copied: it is at its end, and nothing is kept of it here any more. */
  carried(id: number, name: string, whole: boolean): CarriedFile {
    const data = new Uint8Array(this.#kept.view())
    this.#kept.clear()
    return {
      id,
      name,
      toServer: this.toServer,
      data,
      bytes: this.#bytes,
      whole: whole && !this.#gap,
      gap: this.#gap,
    }
  }
}
