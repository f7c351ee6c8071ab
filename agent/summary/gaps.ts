/**
 * Which sequences of one epoch were received, as its highest one and the holes below: pure. At the edges of each
 * hole stand the hashes that must meet when it closes (D20).
 */
import { RecentHashes } from './recent-hashes.ts'

/** A site with more separate holes than this must fill some before it may open another. */
export const GAPS_MAX = 256
/** A hole that the sender cannot fill any more is shown for as long as the trends go back. */
const LOST_SHOWN_US = 30 * 86_400e6
const ZERO_HASH = '0'.repeat(64)

export interface Hole {
  first: number
  last: number
  /** When the receiver first saw that these are missing. */
  since: number
  /** Hash of the summary before the hole, and what the one after it says of its predecessor. */
  before: string
  after: string
}

export interface ChainLink {
  sequence: number
  hash: string
  previous: string
}

/** `fits` is false where a hash of a neighbour is another than this link says, or the other way round. */
export type Placed =
  | { is: 'new'; fits: boolean; isHighest: boolean }
  | { is: 'seen' }
  | { is: 'other' }
  | { is: 'too-many' }

export interface EpochSnapshot {
  epoch: number
  joined: number
  highest: number
  highestHash: string
  holes: Hole[]
  outboxFrom: number
  givenUp: number
  recent: string
}

export class EpochChain {
  readonly epoch: number
  /** The membership in which it last went on: an epoch of an earlier one stands below, whatever its number. */
  joined: number
  highest = 0
  #highestHash = ZERO_HASH
  #holes: Hole[] = []
  /** The oldest sequence that the sender said it still has. */
  outboxFrom = 0
  /** Sequences that will never come: their hole was lost too long ago to be shown. */
  givenUp = 0
  #recent: RecentHashes

  constructor(epoch: number, { joined, remembered }: { joined: number; remembered: number }) {
    this.epoch = epoch
    this.joined = joined
    this.#recent = new RecentHashes(remembered)
  }

  get holes(): readonly Hole[] {
    return this.#holes
  }

  get wholeUpTo(): number {
    const [first] = this.#holes
    return first ? first.first - 1 : this.highest
  }

  /** The received ranges above `wholeUpTo`, oldest first: what an ack says besides. */
  rangesAbove(max: number): [number, number][] {
    return this.#holes
      .map(({ last }, i): [number, number] => [
        last + 1,
        (this.#holes[i + 1]?.first ?? this.highest + 1) - 1,
      ])
      .slice(0, max)
  }

  isHeld({ last }: Hole): boolean {
    return last >= this.outboxFrom
  }

  place(link: ChainLink, at: number): Placed {
    const { sequence, hash } = link
    if (sequence > this.highest) return this.#append(link, at)
    const index = this.#indexOf(sequence)
    if (index < 0) {
      const known = this.#recent.matches(sequence, hash)
      return { is: known === false ? 'other' : 'seen' }
    }
    return this.#fill(index, link)
  }

  #append({ sequence, hash, previous }: ChainLink, at: number): Placed {
    const next = this.highest + 1
    let fits = true
    if (sequence === next) fits = previous === this.#highestHash
    else {
      this.#forgetLost(at)
      if (this.#holes.length >= GAPS_MAX) return { is: 'too-many' }
      const before = this.#highestHash
      this.#holes.push({ first: next, last: sequence - 1, since: at, before, after: previous })
    }
    this.highest = sequence
    this.#highestHash = hash
    this.#recent.put(sequence, hash)
    return { is: 'new', fits, isHighest: true }
  }

  #fill(index: number, { sequence, hash, previous }: ChainLink): Placed {
    const hole = this.#holes[index] as Hole
    const left = { ...hole, last: sequence - 1, after: previous }
    const right = { ...hole, first: sequence + 1, before: hash }
    const rest = [left, right].filter(({ first, last }) => first <= last)
    if (rest.length === 2 && this.#holes.length >= GAPS_MAX) return { is: 'too-many' }
    const fits =
      (sequence > hole.first || previous === hole.before) &&
      (sequence < hole.last || hash === hole.after)
    this.#holes.splice(index, 1, ...rest)
    this.#recent.put(sequence, hash)
    return { is: 'new', fits, isHighest: false }
  }

  /** Index of the hole that holds this sequence, or -1: then it was received, or given up. */
  #indexOf(sequence: number): number {
    let [low, high] = [0, this.#holes.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const { first, last } = this.#holes[middle] as Hole
      if (sequence < first) high = middle - 1
      else if (sequence > last) low = middle + 1
      else return middle
    }
    return -1
  }

  /** Old losses are counted and no longer shown; at the bound the oldest loss goes first. */
  #forgetLost(now: number): void {
    const isOver = (hole: Hole) =>
      !this.isHeld(hole) && (now - hole.since > LOST_SHOWN_US || this.#holes.length >= GAPS_MAX)
    while (this.#holes[0] && isOver(this.#holes[0])) {
      const { first, last } = this.#holes.shift() as Hole
      this.givenUp += last - first + 1
    }
  }

  snapshot(): EpochSnapshot {
    return {
      epoch: this.epoch,
      joined: this.joined,
      highest: this.highest,
      highestHash: this.#highestHash,
      holes: this.#holes.map((hole) => ({ ...hole })),
      outboxFrom: this.outboxFrom,
      givenUp: this.givenUp,
      recent: this.#recent.snapshot(),
    }
  }

  static restore(from: EpochSnapshot, remembered: number): EpochChain {
    const chain = new EpochChain(from.epoch, { joined: from.joined, remembered })
    chain.highest = from.highest
    chain.#highestHash = from.highestHash
    chain.#holes = from.holes.map((hole) => ({ ...hole }))
    chain.outboxFrom = from.outboxFrom
    chain.givenUp = from.givenUp
    chain.#recent = RecentHashes.restore(from.recent, remembered)
    return chain
  }
}
