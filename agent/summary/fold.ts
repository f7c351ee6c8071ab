/**
 * What a receiver knows of one site: the fold of its verified summaries, in any order, each once. Pure: the only time
 * is when a message was received, which the caller says. What a site claims stands beside when it came.
 */
import { type AnchorsSnapshot, AnchorWatch } from './anchors.ts'
import { EpochChain, type EpochSnapshot } from './gaps.ts'
import { REMEMBERED_LEAST } from './recent-hashes.ts'
import { Strip, type StripSnapshot } from './strip.ts'
import type { LastWill, Rejection, Summary, VerifiedSummary } from './summary.ts'

const EPOCHS_MAX = 4
const FORKS_MAX = 16
const SEQUENCE_MAX = 2 ** 32 - 1

export interface Fork {
  epoch: number
  sequence: number
  /** The hash that was taken in first, where it is the sequence that came twice. */
  hash: string
  /** Whether one sequence has two contents, or a link of the chain does not hold. */
  why: 'twice' | 'broken'
  at: number
}

export interface Newest {
  summary: Summary
  hash: string
  receivedAt: number
  /** When the membership began in which it came. */
  joined: number
}

export type Outcome =
  /** Taken in; `forked` when its neighbours name other hashes than there are. */
  | { accepted: true; isNewest: boolean; forked: boolean }
  /** `forked`: keep it as evidence beside the one that is there. */
  | { accepted: false; because: Rejection }

export interface Receipt {
  at: number
  /** Of the sealed payload. */
  bytes: number
}

export interface SiteSnapshot {
  version: 2
  joined: number
  newest: Newest | null
  epochs: EpochSnapshot[]
  forks: Fork[]
  forksMore: number
  strip: StripSnapshot
  anchors: AnchorsSnapshot
  failingSince: [string, number][]
  rejected: Partial<Record<Rejection, number>>
  will: Will | null
}

interface Will {
  state: LastWill['state']
  nonce: string
  at: number
}

export class SiteFold {
  readonly #remembered: number
  #joined = 0
  #newest: Newest | null = null
  /** Oldest first, by membership, then by number. */
  #epochs: EpochChain[] = []
  #forks: Fork[] = []
  /** Forks that were not kept. */
  #forksMore = 0
  #strip = new Strip()
  #anchors = new AnchorWatch()
  /** Since when, by the site's windows, each control that fails now was seen to fail. */
  #failingSince = new Map<string, number>()
  #rejected: Partial<Record<Rejection, number>> = {}
  #will: Will | null = null
  /** Goes up with each change: what was made of this fold can be kept until then. */
  revision = 0

  /** `remembered`: hashes of each epoch that are kept, to tell a fork from a replay. */
  constructor(remembered = REMEMBERED_LEAST) {
    this.#remembered = remembered
  }

  /**
   * What comes from now on is of the membership that began then. A site that was somebody else's for a while may have
   * claimed any epoch and any anchor: nothing of before stands above what it says once it has joined anew.
   */
  joinedAt(at: number): void {
    this.#joined = Math.max(this.#joined, at)
  }

  get joined(): number {
    return this.#joined
  }

  accept(verified: VerifiedSummary, receipt: Receipt): Outcome {
    const { summary, hash } = verified
    const { epoch, sequence, previous } = summary
    if (sequence > SEQUENCE_MAX) return this.#refuse('malformed')
    const known = this.#epochs.find((each) => each.epoch === epoch)
    const of = { joined: this.#joined, remembered: this.#remembered }
    const chain = known ?? new EpochChain(epoch, of)
    if (!known && this.#isForgotten(epoch)) return this.#refuse('replayed')
    const placed = chain.place({ sequence, hash, previous }, receipt.at)
    if (placed.is === 'seen') return this.#refuse('replayed')
    if (placed.is === 'too-many') return this.#refuse('flooding')
    if (placed.is === 'other') {
      this.#fork({ epoch, sequence, hash, why: 'twice', at: receipt.at })
      return this.#refuse('forked')
    }
    if (placed.isHighest) this.#goesOn(chain)
    if (!placed.fits) this.#fork({ epoch, sequence, hash, why: 'broken', at: receipt.at })
    const isNewest = placed.isHighest && this.#epochs.at(-1) === chain
    this.#takeIn(verified, { receipt, isNewest })
    chain.outboxFrom = Math.max(chain.outboxFrom, Math.min(summary.outbox_from, sequence))
    return { accepted: true, isNewest, forked: !placed.fits }
  }

  #takeIn(
    { summary, hash }: VerifiedSummary,
    { receipt, isNewest }: { receipt: Receipt; isNewest: boolean },
  ): void {
    this.revision++
    this.#strip.add(summary, receipt)
    const isSameMember = this.#newest?.joined === this.#joined
    const before = isSameMember ? this.#newest?.summary : undefined
    if (!isNewest) {
      if (before) this.#anchors.insert(summary.anchors, before.anchors, receipt.at)
      return
    }
    if (before) this.#anchors.follow(before.anchors, summary.anchors, receipt.at)
    this.#noteFailing(summary)
    this.#newest = { summary, hash, receivedAt: receipt.at, joined: this.#joined }
  }

  #noteFailing({ compliance, window }: Summary): void {
    const before = this.#failingSince
    const ids = compliance.failing.map(({ id }) => id)
    this.#failingSince = new Map(ids.map((id) => [id, before.get(id) ?? window.to]))
  }

  #isForgotten(epoch: number): boolean {
    const [oldest] = this.#epochs
    if (this.#epochs.length < EPOCHS_MAX || !oldest) return false
    return oldest.joined === this.#joined && epoch < oldest.epoch
  }

  #goesOn(chain: EpochChain): void {
    chain.joined = this.#joined
    if (!this.#epochs.includes(chain)) this.#epochs.push(chain)
    this.#epochs.sort((a, b) => a.joined - b.joined || a.epoch - b.epoch)
    if (this.#epochs.length > EPOCHS_MAX) this.#epochs.shift()
  }

  #refuse(because: Rejection): Outcome {
    this.reject(because)
    return { accepted: false, because }
  }

  /** The same evidence again is counted as a message, not as another fork. */
  #fork(fork: Fork): void {
    const isSame = (each: Fork) =>
      each.epoch === fork.epoch && each.sequence === fork.sequence && each.hash === fork.hash
    if (this.#forks.some(isSame)) return
    this.#forks.push(fork)
    if (this.#forks.length <= FORKS_MAX) return
    this.#forks.splice(1, 1) // the first one says when it began
    this.#forksMore++
  }

  /** A message of this site that was not taken in. */
  reject(because: Rejection): void {
    this.#rejected[because] = (this.#rejected[because] ?? 0) + 1
    this.revision++
  }

  /** D19: a hint. `gone` counts only for the connection that said it was here, so an old one cannot be replayed. */
  hear(will: LastWill, at: number): void {
    const isStale = will.state === 'gone' && this.#will !== null && this.#will.nonce !== will.nonce
    if (isStale) this.reject('replayed')
    else this.#will = { state: will.state, nonce: will.nonce, at }
    this.revision++
  }

  get newest(): Newest | null {
    return this.#newest
  }

  /** When the line went by its last will, where nothing newer was heard since. */
  get goneAt(): number | null {
    const will = this.#will
    return will?.state === 'gone' && will.at > (this.#newest?.receivedAt ?? 0) ? will.at : null
  }

  /** Newest epoch last. */
  get epochs(): readonly EpochChain[] {
    return this.#epochs
  }

  get strip(): Strip {
    return this.#strip
  }

  get rejected(): Readonly<Partial<Record<Rejection, number>>> {
    return this.#rejected
  }

  get failingSince(): ReadonlyMap<string, number> {
    return this.#failingSince
  }

  get alarms(): { at: number; sentence: string }[] {
    return this.#anchors.sentences()
  }

  get forks(): readonly Fork[] {
    return this.#forks
  }

  /** How many since then: a site that joined anew starts clean. */
  forksSince(at: number): number {
    const since = this.#forks.filter((fork) => fork.at >= at).length
    return since > 0 ? since + this.#forksMore : 0
  }

  snapshot(): SiteSnapshot {
    return {
      version: 2,
      joined: this.#joined,
      newest: this.#newest,
      epochs: this.#epochs.map((chain) => chain.snapshot()),
      forks: this.#forks.map((fork) => ({ ...fork })),
      forksMore: this.#forksMore,
      strip: this.#strip.snapshot(),
      anchors: this.#anchors.snapshot(),
      failingSince: [...this.#failingSince],
      rejected: { ...this.#rejected },
      will: this.#will && { ...this.#will },
    }
  }

  /** From the receiver's own sealed snapshot: trusted, but for its version. */
  static restore(from: SiteSnapshot, remembered?: number): SiteFold | undefined {
    if (from.version !== 2) return undefined
    const fold = new SiteFold(remembered)
    fold.#joined = from.joined
    fold.#newest = from.newest
    fold.#epochs = from.epochs.map((epoch) => EpochChain.restore(epoch, fold.#remembered))
    fold.#forks = from.forks.map((fork) => ({ ...fork }))
    fold.#forksMore = from.forksMore
    fold.#strip = Strip.restore(from.strip)
    fold.#anchors = AnchorWatch.restore(from.anchors)
    fold.#failingSince = new Map(from.failingSince)
    fold.#rejected = { ...from.rejected }
    fold.#will = from.will && { ...from.will }
    return fold
  }
}
