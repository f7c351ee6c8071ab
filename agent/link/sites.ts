/** One site as its receiver holds it: who may speak for it, what of it is on disk, the fold, what it is owed. */
import * as v from 'valibot'
import type { Json } from '../base/canonical.ts'
import { SiteFold, type SiteSnapshot } from '../summary/fold.ts'
import { type Speaker, speaker } from '../summary/verify.ts'
import { Bucket } from './bucket.ts'
import { EPOCHS_MAX, MESSAGES } from './limits.ts'
import { Ranges } from './ranges.ts'
import type { ReceivingMember } from './receiver.ts'
import type { SiteState } from './snapshot.ts'
import type { TopicKind } from './topics.ts'

const Held = v.looseObject({
  held: v.array(v.tuple([v.number(), v.number(), v.array(v.tuple([v.number(), v.number()]))])),
})

interface HeldEpoch {
  epoch: number
  /** The membership in which it was last added to. */
  joined: number
  ranges: Ranges
}

export interface SiteOptions {
  nowMs: number
  /** Hashes of an epoch. */
  remembered: number
  messages?: { perSecond: number; burst: number } | undefined
}

export class Site {
  member: ReceivingMember
  speaker: Speaker
  storeKey: Buffer
  fold: SiteFold
  readonly #remembered: number
  /** Sequences on disk, or appended and on their way there, by epoch. */
  readonly #held = new Map<number, HeldEpoch>()
  readonly #buckets: Record<'sum' | 'lwt', Bucket>
  forksKept = 0
  /** Epochs that something came of since the last acknowledgement. */
  readonly acksDue = new Set<number>()
  ackedAtMs = Number.NEGATIVE_INFINITY
  ackTimer: NodeJS.Timeout | undefined

  constructor(member: ReceivingMember, { nowMs, remembered, messages = MESSAGES }: SiteOptions) {
    this.member = member
    this.#remembered = remembered
    this.fold = new SiteFold(remembered)
    this.speaker = speaker(member)
    this.storeKey = Buffer.from(member.storeKey, 'base64')
    this.#buckets = { sum: new Bucket(messages, nowMs), lwt: new Bucket(messages, nowMs) }
  }

  /** Revoked, joined anew, another name: the same site. What another appliance said of it says nothing of this one. */
  change(member: ReceivingMember): void {
    if (member.appliance_id !== this.member.appliance_id) {
      this.fold = new SiteFold(this.#remembered)
      this.#held.clear()
    }
    this.member = member
    this.speaker = speaker(member)
    this.storeKey = Buffer.from(member.storeKey, 'base64')
  }

  mayTake(kind: TopicKind, nowMs: number): boolean {
    return this.#buckets[kind === 'lwt' ? 'lwt' : 'sum'].take(nowMs)
  }

  has(epoch: number, sequence: number): boolean {
    return this.#held.get(epoch)?.ranges.has(sequence) ?? false
  }

  add(epoch: number, sequence: number): void {
    const { joined } = this.fold
    const held = this.#held.get(epoch) ?? { epoch, joined, ranges: new Ranges() }
    held.joined = joined
    held.ranges.add(sequence)
    this.#held.set(epoch, held)
    if (this.#held.size <= EPOCHS_MAX) return
    const isBefore = (a: HeldEpoch, b: HeldEpoch) =>
      a.joined < b.joined || (a.joined === b.joined && a.epoch < b.epoch)
    const oldest = [...this.#held.values()].reduce((a, b) => (isBefore(b, a) ? b : a))
    this.#held.delete(oldest.epoch)
  }

  held(epoch: number, rangesMax: number): { whole: number; also: [number, number][] } {
    const { ranges = new Ranges() } = this.#held.get(epoch) ?? {}
    return { whole: ranges.whole, also: ranges.above(rangesMax) }
  }

  snapshot(): SiteState {
    const { tenant_uid, appliance_id } = this.member
    const held = [...this.#held.values()].map(
      ({ epoch, joined, ranges }): Json => [epoch, joined, ranges.list()],
    )
    const fold = this.fold.snapshot() as unknown as Json
    return { tenant_uid, appliance_id, storeKey: this.storeKey, state: { held, fold } }
  }

  /** False where another version wrote it. */
  restore(state: Json): boolean {
    const saved = v.safeParse(Held, state)
    const of = (state as unknown as { fold: SiteSnapshot }).fold
    const fold = SiteFold.restore(of, this.#remembered)
    if (!saved.success || !fold) return false
    this.fold = fold
    for (const [epoch, joined, ranges] of saved.output.held)
      this.#held.set(epoch, { epoch, joined, ranges: new Ranges(ranges) })
    return true
  }

  close(): void {
    clearTimeout(this.ackTimer)
    this.ackTimer = undefined
  }
}
