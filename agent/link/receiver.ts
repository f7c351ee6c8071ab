/**
 * What a primary does with each message, whoever carried it: open the seal, believe the signature or say why
 * not, write it down, fold it, and acknowledge what is on disk. The order is the promise: an
 * acknowledgement never tells of what a crash could still take away.
 */
import type { Json } from '../base/canonical.ts'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import type { Envelope } from '../base/signing.ts'
import { rememberedBy } from '../summary/recent-hashes.ts'
import { ephemeralOf, unseal } from '../summary/seal.ts'
import type { Ack, Rejection, VerifiedSummary } from '../summary/summary.ts'
import { bodyHash, type MemberIdentity, verifyLastWill, verifySummary } from '../summary/verify.ts'
import {
  ACK_MS_MIN,
  ACK_RANGES_MAX,
  FORKS_KEPT_MAX,
  PAYLOAD_BYTES_MAX,
  SNAPSHOT_MS,
} from './limits.ts'
import type { Position, ReceivedLog } from './received.ts'
import { encodeRecord, KIND_FORK, KIND_SUMMARY, openRecord, type StoredRecord } from './record.ts'
import { Site } from './sites.ts'
import { loadSnapshot, type SiteState, saveSnapshot } from './snapshot.ts'
import { readJson } from './statements.ts'
import { formatTopic, type Topic } from './topics.ts'

/** Microseconds. */
const ANCHOR_US = 1e6
const ACK_SOON_MS = 20

/** `held-back`: neither taken in nor refused; it will be sent again. */
export type Verdict = 'accepted' | 'held-back' | Rejection

export interface ReceivingMember extends MemberIdentity {
  /** When this membership began: what came before it, by this box's clock, was of an earlier one. */
  joinedAt: number
  /** base64 of 32 bytes. */
  storeKey: string
}

export interface ReceiverOptions {
  primary: { fleet_uid: string; tenant_uid: string; appliance_id: string }
  log: ReceivedLog
  snapshotPath: string
  /** By picket-keys: the secret that both ends of a seal share, and this receiver's own point; base64. */
  openSeal(seal: {
    ephemeral: string
    tenant_uid: string
  }): Promise<{ shared: string; receiverKey: string }>
  sign(type: 'ack', body: Json): Promise<Envelope>
  /** This box's own chain, for the acknowledgements. */
  anchors(): Promise<{ audit_seq: number; audit_head: string | null }>
  publish(topic: string, payload: Buffer): void
  /** Something about this site is new. */
  changed(tenant_id: string): void
  clock: Clock
  logger: Log
  messages?: { perSecond: number; burst: number }
}

export class Receiver {
  readonly #options: ReceiverOptions
  /** By tenant_uid: tenants of one box share its appliance_id. */
  readonly #sites = new Map<string, Site>()
  #anchors = { audit_seq: 0, audit_head: null as string | null, atUs: Number.NEGATIVE_INFINITY }
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<Position> | undefined
  #closed = false
  /** Messages of nobody that we know. */
  readonly rejected: Partial<Record<Rejection, number>> = {}
  /** Messages not taken in because the disk or picket-keys could not; they come again. */
  heldBack = 0
  /** Fields of later releases that were read over. */
  readOver = 0
  /** Records that did not open when the log was read. */
  damaged = 0

  private constructor(options: ReceiverOptions) {
    this.#options = options
  }

  /** Reads the snapshot and the end of the log. */
  static open(options: ReceiverOptions, members: readonly ReceivingMember[]): Receiver {
    const receiver = new Receiver(options)
    receiver.setMembers(members)
    receiver.#restore()
    receiver.#timer = setInterval(
      () => void receiver.saveSnapshot().catch((error) => receiver.#complain(error)),
      SNAPSHOT_MS,
    )
    return receiver
  }

  setMembers(members: readonly ReceivingMember[]): void {
    const { clock, messages } = this.#options
    const kept = new Set(members.map(({ tenant_uid }) => tenant_uid))
    const nowMs = clock.steadyMs()
    const remembered = rememberedBy(members.length)
    for (const [id, site] of this.#sites)
      if (!kept.has(id)) {
        site.close()
        this.#sites.delete(id)
      }
    for (const member of members) {
      const site = this.#sites.get(member.tenant_uid)
      if (site) site.change(member)
      else this.#sites.set(member.tenant_uid, new Site(member, { nowMs, remembered, messages }))
    }
  }

  sites(): ReadonlyMap<string, Site> {
    return this.#sites
  }

  /** Resolves once what it says is durable. Never rejects: a bad message is data. */
  async take(topic: Topic, payload: Buffer): Promise<Verdict> {
    const site = this.#siteOf(topic)
    if (!site) return this.#refuse(undefined, 'foreign')
    if (!site.mayTake(topic.kind, this.#options.clock.steadyMs()))
      return this.#refuse(site, 'flooding')
    if (payload.length > PAYLOAD_BYTES_MAX) return this.#refuse(site, 'too-big')
    try {
      if (topic.kind === 'lwt') return this.#hear(site, payload)
      return await this.#takeSummary(site, payload, formatTopic(topic))
    } catch (error) {
      this.#complain(error)
      this.heldBack++
      return 'held-back'
    }
  }

  #siteOf(topic: Topic): Site | undefined {
    const site = this.#sites.get(topic.tenant_uid)
    const ours = topic.fleet_uid === this.#options.primary.fleet_uid
    return ours && site?.member.appliance_id === topic.appliance_id ? site : undefined
  }

  #hear(site: Site, payload: Buffer): Verdict {
    const will = verifyLastWill(readJson(payload), site.speaker)
    if (typeof will === 'string') return this.#refuse(site, will)
    site.fold.hear(will, this.#options.clock.nowUs())
    this.#options.changed(site.member.tenant_id)
    return 'accepted'
  }

  async #takeSummary(site: Site, payload: Buffer, topic: string): Promise<Verdict> {
    const { log, openSeal } = this.#options
    const ephemeral = ephemeralOf(payload)
    if (!ephemeral) return this.#refuse(site, 'not-sealed')
    const { tenant_uid } = site.member
    const answer = await openSeal({ ephemeral: ephemeral.toString('base64'), tenant_uid }).catch(
      (error: unknown) => {
        if (Failure.kindOf(error) === 'refused') return undefined // a point that shares nothing
        throw error
      },
    )
    const opening = answer && {
      shared: Buffer.from(answer.shared, 'base64'),
      receiverKey: Buffer.from(answer.receiverKey, 'base64'),
    }
    const envelope = opening && unseal(payload, { ...opening, topic })
    if (!envelope) return this.#refuse(site, 'not-sealed')
    const verified = verifySummary(envelope, site.speaker)
    if (typeof verified === 'string') return this.#refuse(site, verified)
    this.readOver += verified.unread ?? 0
    if (!(await log.takes()) || this.#closed) {
      this.heldBack++
      return 'held-back'
    }
    const verdict = this.#settle(site, verified, payload.length)
    await log.flush()
    return verdict
  }

  /** Without an await: what the fold knows and what the log holds stay the same. */
  #settle(site: Site, verified: VerifiedSummary, bytes: number): Verdict {
    const { clock, log, changed } = this.#options
    const { epoch, sequence } = verified.summary
    const receivedAt = clock.nowUs()
    site.fold.joinedAt(site.member.joinedAt)
    const held = site.has(epoch, sequence)
    const outcome = site.fold.accept(verified, { at: receivedAt, bytes })
    const verdict: Verdict = outcome.accepted ? 'accepted' : outcome.because
    const isFork = verdict === 'forked' && site.forksKept++ < FORKS_KEPT_MAX
    // The fold forgets old epochs; whatever is not on disk yet goes there all the same.
    const isNew = !held && (verdict === 'accepted' || verdict === 'replayed')
    if (isNew || isFork) {
      const { tenant_uid, appliance_id } = site.member
      const kind = isFork ? KIND_FORK : KIND_SUMMARY
      const head = { kind, tenant_uid, appliance_id, epoch, sequence, receivedAt, bytes }
      log.append(encodeRecord({ ...head, envelope: verified.envelope }, site.storeKey), head)
    }
    if (isNew) site.add(epoch, sequence)
    if (isNew || isFork || verdict === 'replayed') this.#ackSoon(site, epoch)
    changed(site.member.tenant_id)
    return verdict
  }

  #refuse(site: Site | undefined, because: Rejection): Rejection {
    if (site) {
      site.fold.reject(because)
      this.#options.changed(site.member.tenant_id)
    } else this.rejected[because] = (this.rejected[because] ?? 0) + 1
    return because
  }

  #ackSoon(site: Site, epoch: number): void {
    const send = () => {
      site.ackTimer = undefined
      if (!this.#closed) this.#acknowledge(site).catch((error) => this.#complain(error))
    }
    site.acksDue.add(epoch)
    const waitMs = site.ackedAtMs + ACK_MS_MIN - this.#options.clock.steadyMs()
    site.ackTimer ??= setTimeout(send, Math.max(ACK_SOON_MS, waitMs))
  }

  async #acknowledge(site: Site): Promise<void> {
    const { primary, log, clock, sign, publish } = this.#options
    const epochs = [...site.acksDue]
    site.acksDue.clear()
    site.ackedAtMs = clock.steadyMs()
    const { tenant_uid, appliance_id } = site.member
    const anchors = await this.#chainHead()
    for (const epoch of epochs) {
      const { whole, also } = site.held(epoch, ACK_RANGES_MAX)
      await log.flush() // all that `held` tells of was appended before
      const body: Ack = {
        version: 1,
        tenant_uid,
        appliance_id,
        receiver_id: primary.appliance_id,
        epoch,
        whole_up_to: whole,
        also,
        at: clock.nowUs(),
        ...anchors,
      }
      const envelope = await sign('ack', body)
      const { fleet_uid } = primary
      const topic = formatTopic({ fleet_uid, tenant_uid, appliance_id, kind: 'ack' })
      publish(topic, Buffer.from(JSON.stringify(envelope)))
    }
  }

  async #chainHead(): Promise<{ audit_seq: number; audit_head: string | null }> {
    const nowUs = this.#options.clock.nowUs()
    if (Math.abs(nowUs - this.#anchors.atUs) > ANCHOR_US)
      this.#anchors = { ...(await this.#options.anchors()), atUs: nowUs }
    const { audit_seq, audit_head } = this.#anchors
    return { audit_seq, audit_head }
  }

  #restore(): void {
    const { log, snapshotPath, logger } = this.#options
    const snapshot = loadSnapshot(snapshotPath, ({ tenant_uid, appliance_id }) => {
      const site = this.#sites.get(tenant_uid)
      return site?.member.appliance_id === appliance_id ? site.storeKey : undefined
    })
    const whole = new Set<string>()
    for (const [id, state] of snapshot?.states ?? [])
      if (state && this.#sites.get(id)?.restore(state)) whole.add(id)
    const broken = [...(snapshot?.states.keys() ?? [])].some((id) => !whole.has(id))
    if (broken) logger.error({}, 'receiver.snapshot-damaged')
    const from: Position = snapshot && !broken ? snapshot.from : { segment: 0, offset: 0 }
    if (from.segment === 0) for (const record of log.keptForks()) this.#again(record)
    for (const record of log.read(from)) {
      const known = snapshot && whole.has(record.head.tenant_uid)
      if (!known || !isBefore(record.at, snapshot.from)) this.#again(record)
    }
  }

  /** From the log: verified when it came, and sealed since. */
  #again(record: StoredRecord): void {
    const { head } = record
    const site = this.#sites.get(head.tenant_uid)
    if (site?.member.appliance_id !== head.appliance_id) return
    if (head.kind === KIND_SUMMARY && site.has(head.epoch, head.sequence)) return
    const envelope = openRecord(record, site.storeKey)
    if (!envelope) {
      this.damaged++
      return
    }
    const summary = JSON.parse(envelope.body)
    const verified = { summary, envelope, hash: bodyHash(envelope.body) }
    if (head.receivedAt >= site.member.joinedAt) site.fold.joinedAt(site.member.joinedAt)
    site.fold.accept(verified, { at: head.receivedAt, bytes: head.bytes })
    if (head.kind === KIND_SUMMARY) site.add(head.epoch, head.sequence)
    else site.forksKept++
  }

  /** Returns from where the log must be kept. One at a time: they write the same file. */
  saveSnapshot(): Promise<Position> {
    this.#saving ??= this.#saveSnapshot().finally(() => {
      this.#saving = undefined
    })
    return this.#saving
  }

  async #saveSnapshot(): Promise<Position> {
    const { log, snapshotPath } = this.#options
    const from = log.position
    await saveSnapshot(snapshotPath, {
      from,
      sites: this.#states(),
      settled: () => log.flush(),
    })
    return from
  }

  /** One after the other: a message that comes in between is in the log after `from`, and known by its place. */
  *#states(): Generator<SiteState> {
    for (const site of this.#sites.values()) yield site.snapshot()
  }

  #complain(error: unknown): void {
    this.#options.logger.error(
      { error: String((error as Error)?.stack ?? error) },
      'receiver.failed',
    )
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#closed) return
    this.#closed = true
    for (const site of this.#sites.values()) site.close()
    await this.saveSnapshot().catch((error) => this.#complain(error))
  }
}

function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}
