/** Everything the flow stage counts, and every bound it met, in one object. */
import { FAULTS, type Fault } from '../base/fault.ts'

const FAULT_INDEX: Readonly<Record<string, number>> = Object.fromEntries(
  FAULTS.map((fault, i) => [fault, i]),
)

/** Plain numbers: `{ ...counters }` or `snapshot()` is what health and the command line show. */
export class FlowCounters {
  frames = 0
  /** Frames that decoded without a fault. */
  decoded = 0
  flows = 0
  flowsLive = 0
  flowsEvicted = 0
  flowsTimedOut = 0
  flowsMidstream = 0
  /** Flows on which a bound was met, so that not every byte of them was inspected. */
  flowsIncomplete = 0
  retransmissions = 0
  segmentsOutOfOrder = 0
  segmentsOutOfWindow = 0
  /** Segments that a full buffer turned into a gap. */
  segmentsRefused = 0
  streamOverlaps = 0
  gaps = 0
  gapBytes = 0.5
  resetsIgnored = 0
  checksumsBad = 0
  fragments = 0
  datagramsReassembled = 0
  /** Datagrams that a tunnel carried. */
  tunnelled = 0
  fragmentOverlaps = 0
  fragmentTimeouts = 0
  /** Half-built datagrams given up for newer ones. */
  fragmentsEvicted = 0
  assetsRefused = 0
  readonly #faults = new Float64Array(FAULTS.length)
  /** The one counted last, and its place: mostly the next is the same, and a place by name has to be searched for. */
  #last: Fault | undefined
  #lastAt = 0

  constructor() {
    this.gapBytes = 0 // it was no small integer, and so may become none without all code being made again
  }

  fault(fault: Fault): void {
    if (fault !== this.#last) {
      this.#last = fault
      this.#lastAt = FAULT_INDEX[fault] as number
    }
    this.#faults[this.#lastAt] = (this.#faults[this.#lastAt] as number) + 1
  }

  /** Faults that occurred, by word. */
  faults(): Record<string, number> {
    const counted: Record<string, number> = {}
    FAULTS.forEach((fault, i) => {
      const count = this.#faults[i] as number
      if (count > 0) counted[fault] = count
    })
    return counted
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(Object.entries(this))
  }
}
