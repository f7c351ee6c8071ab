/** A file as it goes by inside another protocol: its first bytes are kept, the rest is counted. */
import { endLoan } from '../decode/lent.ts'
import type { CarriedFile } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'

/** Kept of one file: what rules look at, and what is hashed. */
export const FILE_BYTES_MAX = 262_144
const NOTHING = new Uint8Array(0)

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

  /** It is at its end: `tell` is given the file, whose bytes are lent. Nothing is kept of it afterwards. */
  carry(id: number, name: string, whole: boolean, tell: (file: CarriedFile) => void): void {
    const file: CarriedFile = {
      id,
      name,
      toServer: this.toServer,
      data: this.#kept.plainView(),
      bytes: this.#bytes,
      whole: whole && !this.#gap,
      gap: this.#gap,
      waited: 0,
      giveBack: undefined,
    }
    tell(file)
    endLoan(file, () => {
      file.data = NOTHING
      this.#kept.clear()
    })
  }
}
