/**
 * One uplink: connects, says "here", sends the newest summary first and then fills back, and believes only
 * signed acknowledgements. Whatever was not acknowledged is sent again; the receiver knows what it has.
 */
import type { Json } from '../base/canonical.ts'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Envelope } from '../base/signing.ts'
import type { UplinkView } from '../summary/fleet-view.ts'
import { seal } from '../summary/seal.ts'
import type { Ack, LastWill } from '../summary/summary.ts'
import { verifyAck } from '../summary/verify.ts'
import { Bucket } from './bucket.ts'
import { AGAIN_MS, AGAIN_MS_MOST, BACK_OFF, IN_FLIGHT_MAX, MESSAGES } from './limits.ts'
import { MqttSession } from './mqtt-session.ts'
import type { Outbox, Place } from './outbox.ts'
import { keyOfSpki, readJson } from './statements.ts'
import { formatTopic, type Peer, type TopicKind } from './topics.ts'
import type { Credentials } from './transport.ts'

/** The part of an uplink that sending needs. */
export interface SenderUplink extends Credentials {
  uplink_id: string
  tenant_uid: string
  url: string
  certificateNotAfter: number
  fleet_uid: string
  receiver: Peer & { site: string; sealKey: string; spki: string }
}

export interface SenderOptions {
  appliance_id: string
  outbox: Outbox
  sign(type: 'lwt', body: Json): Promise<Envelope>
  clock: Clock
  log: Log
  messages?: { perSecond: number; burst: number }
  backOff?: { firstMs: number; mostMs: number }
}

export class Sender {
  #uplink: SenderUplink
  readonly #options: SenderOptions
  readonly #bucket: Bucket
  #session: MqttSession | undefined
  /** Sent over this connection and not acknowledged: when, and how long that may take. */
  readonly #sent = new Map<string, { at: number; waitMs: number }>()
  #wake = () => {}
  #nonce = newUid()
  #stopped = false
  #running: Promise<void> | undefined
  #connected = false
  #since: number
  #because: string | null = 'not connected yet'
  #lastAckAt: number | null = null
  /** Acks that were not signed by this receiver, not for us, or of what was never sent. */
  acksRefused = 0

  constructor(uplink: SenderUplink, options: SenderOptions) {
    this.#uplink = uplink
    this.#options = options
    this.#bucket = new Bucket(options.messages ?? MESSAGES, options.clock.steadyMs())
    this.#since = options.clock.nowUs()
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** There is a new summary. */
  wake(): void {
    this.#wake()
  }

  /** A new certificate or address: one new connection. What was not acknowledged is sent again over it. */
  change(uplink: SenderUplink): void {
    if (JSON.stringify(uplink) === JSON.stringify(this.#uplink)) return
    this.#uplink = uplink
    void this.#session?.end()
    this.#wake()
  }

  /** Says "gone" where it can. */
  async stop(): Promise<void> {
    this.#stopped = true
    const session = this.#session
    if (session && this.#connected) {
      await this.#say(session, 'gone').catch(() => {})
      await session.end()
    } else session?.destroy()
    this.#wake()
    await this.#running
  }

  view(): UplinkView {
    const { uplink_id, url, receiver, certificateNotAfter } = this.#uplink
    const { outbox } = this.#options
    return {
      uplink_id,
      url,
      receiver: receiver.site,
      connected: this.#connected,
      since: this.#since,
      lastAckAt: this.#lastAckAt,
      wholeUpTo: outbox.wholeUpTo(uplink_id),
      sequence: outbox.sequence,
      waiting: outbox.waiting(uplink_id),
      certificateNotAfter,
      because: this.#because,
    }
  }

  async #run(): Promise<void> {
    const { log, backOff = BACK_OFF } = this.#options
    let waitMs: number = backOff.firstMs
    while (!this.#stopped) {
      const acked = this.#lastAckAt
      const because = await this.#connection().catch((error: unknown) => {
        if (!(error instanceof Failure)) log.error({ error: String(error) }, 'uplink.failed')
        return error instanceof Failure ? error.message : 'it failed inside'
      })
      this.#turn(false, because)
      if (this.#stopped) return
      log.info({ uplink: this.#uplink.uplink_id, because }, 'uplink.down')
      // Only an ack proves that the other side works: a broker that accepts and hangs up is no reason to hurry.
      waitMs = this.#lastAckAt === acked ? Math.min(waitMs * 2, backOff.mostMs) : backOff.firstMs
      await this.#pause(waitMs * (0.5 + Math.random() / 2))
    }
  }

  /** From connecting to the end of the connection; answers why it ended. */
  async #connection(): Promise<string> {
    const { appliance_id } = this.#options
    const uplink = this.#uplink
    this.#nonce = newUid()
    const session = await MqttSession.open({
      ...uplink,
      clientId: appliance_id,
      server: uplink.receiver,
      will: { topic: this.#topic('lwt'), payload: await this.#statement('gone') },
      onMessage: async (topic, payload) => {
        if (topic === this.#topic('ack')) this.#acknowledged(payload)
      },
    })
    this.#session = session
    try {
      if (this.#stopped || uplink !== this.#uplink) return 'the uplink was changed'
      let open = true
      void session.ended.then(() => {
        open = false
        this.#wake()
      })
      await session.subscribe([this.#topic('ack'), this.#topic('ctl')])
      await this.#say(session, 'here')
      this.#turn(true, null)
      this.#sent.clear()
      while (open && !this.#stopped) await this.#sendOne(session)
      return await session.ended
    } finally {
      this.#session = undefined
      session.destroy()
    }
  }

  async #sendOne(session: MqttSession): Promise<void> {
    const { outbox, clock } = this.#options
    const now = clock.steadyMs()
    const place =
      this.#inFlight(now) < IN_FLIGHT_MAX
        ? outbox.next(this.#uplink.uplink_id, (each) => this.#isOnItsWay(each, now))
        : undefined
    if (!place) return this.#pause(this.#sent.size > 0 ? AGAIN_MS / 4 : AGAIN_MS)
    const tokenMs = this.#bucket.waitMs(now)
    if (tokenMs > 0) return this.#pause(tokenMs)
    const envelope = await outbox.read(place)
    if (!envelope) return
    this.#bucket.take(now)
    // A receiver that is behind must not be sent everything again each minute: it would never catch up.
    const before = this.#sent.get(keyOf(place))
    const waitMs = before ? Math.min(2 * before.waitMs, AGAIN_MS_MOST) : AGAIN_MS
    this.#sent.set(keyOf(place), { at: now, waitMs })
    const topic = this.#topic('sum')
    const receiverKey = Buffer.from(this.#uplink.receiver.sealKey, 'base64')
    session.publish(topic, seal(envelope, { receiverKey, topic }))
  }

  #isOnItsWay(place: Place, now: number): boolean {
    const sent = this.#sent.get(keyOf(place))
    return sent !== undefined && now - sent.at < sent.waitMs
  }

  #inFlight(now: number): number {
    let count = 0
    for (const { at, waitMs } of this.#sent.values()) if (now - at < waitMs) count++
    return count
  }

  #acknowledged(payload: Buffer): void {
    const { outbox, clock, appliance_id, log } = this.#options
    const { uplink_id, tenant_uid, receiver } = this.#uplink
    const known = keyOfSpki(receiver.spki, receiver.appliance_id)
    const ack = verifyAck(readJson(payload), {
      receiver: { ...receiver, known },
      sender: { tenant_uid, appliance_id },
    })
    const refused = typeof ack === 'string' ? ack : unheardOf(ack, outbox)
    if (typeof ack === 'string' || refused) {
      this.acksRefused++
      log.warn({ uplink: uplink_id, because: refused }, 'uplink.ack-refused')
      return
    }
    this.#lastAckAt = clock.nowUs()
    if (!outbox.acknowledge(uplink_id, ack.epoch, rangesOf(ack))) return
    for (const key of this.#sent.keys())
      if (outbox.isAcked(uplink_id, placeOf(key))) this.#sent.delete(key)
    this.#wake()
  }

  async #say(session: MqttSession, state: LastWill['state']): Promise<void> {
    session.publish(this.#topic('lwt'), await this.#statement(state), true)
  }

  async #statement(state: LastWill['state']): Promise<Buffer> {
    const { appliance_id, clock, sign } = this.#options
    const { tenant_uid } = this.#uplink
    const nonce = this.#nonce
    const body = { version: 1, tenant_uid, appliance_id, nonce, state, at: clock.nowUs() } as const
    return Buffer.from(JSON.stringify(await sign('lwt', body satisfies LastWill)))
  }

  #topic(kind: TopicKind): string {
    const { fleet_uid, tenant_uid } = this.#uplink
    return formatTopic({ fleet_uid, tenant_uid, appliance_id: this.#options.appliance_id, kind })
  }

  #turn(connected: boolean, because: string | null): void {
    if (this.#connected !== connected) this.#since = this.#options.clock.nowUs()
    this.#connected = connected
    this.#because = because
  }

  /** Until then, or until something happened. */
  #pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms)
      this.#wake = () => {
        clearTimeout(timer)
        done()
      }
    })
  }
}

function rangesOf({ also, whole_up_to }: Ack): [number, number][] {
  return whole_up_to > 0 ? [[1, whole_up_to], ...also] : also
}

/** Of what was never sent, nobody can have anything. */
function unheardOf(ack: Ack, outbox: Outbox): string | undefined {
  const known = rangesOf(ack).every(([, last]) => outbox.hasIssued(ack.epoch, last))
  return known ? undefined : 'never sent'
}

function keyOf({ epoch, sequence }: Place): string {
  return `${epoch}-${sequence}`
}

function placeOf(key: string): Place {
  const [epoch = 0, sequence = 0] = key.split('-').map(Number)
  return { epoch, sequence }
}
