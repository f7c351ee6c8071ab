/** Data connections that a control connection has spoken of and that are still to be opened. */
import type { FtpData } from '../decode/records-it.ts'
import type { ExpectedData } from './app-parser.ts'

/** Waiting at one time; the oldest goes first. */
const EXPECTED_MAX = 4096

/** Where a flow's ends are: four words a row. */
export interface FlowEnds {
  readonly client?: Uint32Array
  readonly server?: Uint32Array
  readonly serverPort: Uint16Array
}

interface Waiting {
  control: number
  /** The listening end, as the control connection names it. */
  address: readonly number[]
  port: number
  about: FtpData
}

export class ExpectedConnections {
  /** Forgotten because EXPECTED_MAX was met. */
  dropped = 0
  readonly #flows: FlowEnds
  /** The oldest first. */
  readonly #waiting = new Set<Waiting>()

  constructor(flows: FlowEnds) {
    this.#flows = flows
  }

  get waiting(): number {
    return this.#waiting.size
  }

  add(control: number, { listener, port, about }: ExpectedData): void {
    if (this.#waiting.size >= EXPECTED_MAX) {
      for (const oldest of this.#waiting) {
        this.#waiting.delete(oldest)
        break
      }
      this.dropped++
    }
    const words = listener === 'client' ? this.#flows.client : this.#flows.server
    const address = words ? [...words.subarray(control * 4, control * 4 + 4)] : []
    this.#waiting.add({ control, address, port, about })
  }

  /** What the flow was opened for, once; undefined: nobody spoke of it. */
  take(flow: number): FtpData | undefined {
    const port = this.#flows.serverPort[flow]
    const { server } = this.#flows
    for (const each of this.#waiting) {
      if (each.port !== port || !each.address.every((word, i) => word === server?.[flow * 4 + i]))
        continue
      this.#waiting.delete(each)
      return each.about
    }
    return undefined
  }

  /** A control connection that is over opens no more. */
  ended(control: number): void {
    if (this.#waiting.size === 0) return
    for (const each of this.#waiting) if (each.control === control) this.#waiting.delete(each)
  }
}
