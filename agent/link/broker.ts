/**
 * The embedded MQTT broker (aedes): mutual TLS, and D18's rules about who may say what where. A client is
 * the appliance that its certificate names; it speaks on its own two topics, listens on its own two.
 */
import { constants } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import {
  Aedes,
  type AedesOptions,
  type AuthenticateError,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type Subscription,
} from 'aedes'
import type { Log } from '../base/log.ts'
import { Admission, type Caps } from './admission.ts'
import {
  CONNECT_MS_MAX,
  CONNECTIONS_MAX,
  CONNECTIONS_PER_SOURCE_MAX,
  HANDSHAKE_MS_MAX,
  KEEPALIVE_S_MAX,
  PAYLOAD_BYTES_MAX,
} from './limits.ts'
import { PacketGate } from './packet-gate.ts'
import { type Peer, parseTopic, peerOfSan, type Topic } from './topics.ts'
import { TopicsSeen } from './topics-seen.ts'
import type { Credentials, Memberships, Take, Transport } from './transport.ts'

const NOT_AUTHORIZED = 5 // MQTT 3.1.1 §3.2.2.3

export interface BrokerOptions extends Credentials {
  fleet_uid: string
  host: string
  port: number
  memberships?: Memberships
  take: Take
  log: Log
  caps?: Caps
}

/** Who connected, by which certificate. */
interface Connected extends Peer {
  /** When it begins, microseconds. */
  from: number
}

/** What aedes has and does not say in its types. */
interface Persistence {
  cleanSubscriptions(client: { id: string }): Promise<unknown>
  storeRetained(packet: object): Promise<unknown>
  createRetainedStream(pattern: string): AsyncIterable<{ topic: string }>
  outgoingStream(client: { id: string }): AsyncIterable<{ messageId?: number }>
  outgoingClearMessageId(client: { id: string }, packet: object): Promise<unknown>
}

export class Broker implements Transport {
  readonly #options: BrokerOptions
  readonly #aedes: Aedes
  readonly #server: Server
  readonly #peers = new WeakMap<object, Connected>()
  readonly #verdicts = new WeakMap<Client, string>()
  readonly #admission: Admission
  #revoked: ReadonlySet<string> = new Set()
  #certificatesFrom: Memberships['certificatesFrom'] = new Map()
  /** Connections and messages refused, by reason. */
  readonly refused: Record<string, number> = {}
  readonly topics = new TopicsSeen()

  private constructor(options: BrokerOptions) {
    this.#options = options
    if (options.memberships) this.#know(options.memberships)
    this.#aedes = new Aedes(this.#rules())
    this.#server = createServer({
      ...contextOf(options),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS_MAX,
    })
    this.#admission = new Admission(
      options.caps ?? { total: CONNECTIONS_MAX, perSource: CONNECTIONS_PER_SOURCE_MAX },
    )
    this.#admission.guard(this.#server)
    this.#server.on('secureConnection', (socket) => this.#welcome(socket))
    this.#server.on('tlsClientError', (_error, socket) => {
      this.#count('handshake')
      socket.destroy()
    })
    this.#aedes.on('clientError', (_client, error) => this.#note(error))
    this.#aedes.on('connectionError', (_client, error) => this.#note(error))
  }

  static async open(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    await broker.#aedes.listen()
    await new Promise<void>((done, fail) => {
      broker.#server.once('error', fail)
      broker.#server.listen(options.port, options.host, () => {
        broker.#server.off('error', fail)
        done()
      })
    })
    return broker
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): { open: number; refused: Admission['refused'] } {
    return { open: this.#admission.open, refused: this.#admission.refused }
  }

  publish(topic: string, payload: Buffer): void {
    const appliance_id = parseTopic(topic)?.appliance_id ?? ''
    if (!this.#clients[appliance_id]) return
    const packet = { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false } as const
    this.#aedes.publish(packet, (error) => error && this.#count('unsent'))
  }

  async admit(memberships: Memberships): Promise<void> {
    const added = memberships.revoked.filter((id) => !this.#revoked.has(id))
    this.#know(memberships)
    for (const id of added) await this.#purge(id)
    // Revoked and joined anew between two looks: what is connected by the old certificate ends all the same.
    for (const client of Object.values(this.#clients)) {
      const peer = client && this.#peers.get(client.conn)
      if (peer && this.#notAdmitted(peer)) await this.#purge(peer.appliance_id)
    }
  }

  #know({ revoked, certificatesFrom }: Memberships): void {
    this.#revoked = new Set(revoked)
    this.#certificatesFrom = certificatesFrom
  }

  #notAdmitted({ appliance_id, from }: Connected): string | undefined {
    if (this.#revoked.has(appliance_id)) return 'revoked'
    return from < (this.#certificatesFrom.get(appliance_id) ?? 0) ? 'old-certificate' : undefined
  }

  renew(credentials: Credentials): void {
    this.#server.setSecureContext(contextOf(credentials))
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()))
    for (const client of Object.values(this.#clients)) forgetWill(client)
    await new Promise<void>((done) => this.#aedes.close(done))
    this.#admission.end()
    await closed
  }

  get #clients(): Record<string, Client | undefined> {
    return (this.#aedes as unknown as { clients: Record<string, Client> }).clients
  }

  #rules(): AedesOptions {
    return {
      connectTimeout: CONNECT_MS_MAX,
      keepaliveLimit: KEEPALIVE_S_MAX,
      maxInflightInbound: 1, // nobody of ours speaks QoS 2
      preConnect: (client, packet, done) => {
        const because = this.#refusal(client, packet)
        if (because) this.#verdicts.set(client, because)
        done(null, true)
      },
      authenticate: (client, _username, _password, done) => {
        const because = this.#verdicts.get(client)
        if (!because) return done(null, true)
        this.#count(because)
        this.#options.log.warn({ because, client: client.id }, 'broker.refused')
        const error = new Error(because) as AuthenticateError
        done(Object.assign(error, { returnCode: NOT_AUTHORIZED }), false)
      },
      authorizePublish: (client, packet, done) => {
        const because = client ? this.#publishRefusal(client, packet) : undefined
        if (because) this.#count(because)
        done(because ? new Error(because) : null)
      },
      authorizeSubscribe: (client, subscription, done) => {
        if (this.#maySubscribe(client, subscription)) {
          this.topics.look(subscription.topic)
          return done(null, subscription)
        }
        this.#count('subscription')
        done(null, null) // SUBACK 0x80
      },
      published: (packet, client, done) => {
        this.topics.look(packet.topic)
        const topic = client ? parseTopic(packet.topic) : undefined
        if (!topic) return done()
        // Nothing more is read of this client until its message is dealt with.
        void this.#options.take(topic, Buffer.from(packet.payload)).then(() => done())
      },
    }
  }

  #welcome(socket: TLSSocket): void {
    const { subjectaltname, valid_from } = socket.getPeerCertificate()
    const named = peerOfSan(subjectaltname)
    const peer = named && { ...named, from: Date.parse(valid_from) * 1000 }
    const because = peer ? this.#notAdmitted(peer) : 'no-appliance'
    if (!peer || because) {
      this.#count(because ?? 'no-appliance')
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const gate = new PacketGate(socket, (because) => this.#count(because))
    this.#peers.set(gate, peer)
    this.#aedes.handle(gate)
  }

  #refusal(client: Client, packet: ConnectPacket): string | undefined {
    const peer = this.#peers.get(client.conn)
    if (!peer || packet.clientId !== peer.appliance_id) return 'other-client-id'
    const because = this.#notAdmitted(peer)
    if (because) return because
    const { will } = packet
    if (!will) return undefined
    if (will.qos === 2) return 'will'
    return this.#isOwn(peer, will.topic, ['lwt']) ? undefined : 'will'
  }

  #publishRefusal(client: Client, packet: PublishPacket): string | undefined {
    const peer = this.#peers.get(client.conn)
    if (!peer || !this.#isOwn(peer, packet.topic, ['sum', 'lwt'])) return 'topic'
    if (packet.payload.length > PAYLOAD_BYTES_MAX) return 'too-big'
    if (packet.qos === 2) return 'qos'
    if (packet.retain && !packet.topic.endsWith('/lwt')) return 'retain'
    return undefined
  }

  #maySubscribe(client: Client, { topic }: Subscription): boolean {
    const peer = this.#peers.get(client.conn)
    return peer !== undefined && this.#isOwn(peer, topic, ['ack', 'ctl'])
  }

  #isOwn(peer: Peer, text: string, kinds: Topic['kind'][]): boolean {
    const topic = parseTopic(text)
    return (
      topic?.fleet_uid === this.#options.fleet_uid &&
      topic.tenant_uid === peer.tenant_uid &&
      topic.appliance_id === peer.appliance_id &&
      kinds.includes(topic.kind)
    )
  }

  /** Its session ends without its last will; what the broker kept for it or of it goes. */
  async #purge(appliance_id: string): Promise<void> {
    const client = this.#clients[appliance_id]
    if (client) {
      forgetWill(client)
      await new Promise<void>((done) => client.close(done))
    }
    const { persistence } = this.#aedes as unknown as { persistence: Persistence }
    const of = { id: appliance_id }
    await persistence.cleanSubscriptions(of)
    for await (const packet of persistence.outgoingStream(of))
      await persistence.outgoingClearMessageId(of, packet)
    const own = `p/v1/${this.#options.fleet_uid}/+/${appliance_id}/+`
    for await (const { topic } of persistence.createRetainedStream(own))
      await persistence.storeRetained({ topic, payload: Buffer.alloc(0) })
    this.#options.log.info({ appliance_id, connected: client !== undefined }, 'broker.revoked')
  }

  #count(because: string): void {
    this.refused[because] = (this.refused[because] ?? 0) + 1
  }

  #note(error: Error): void {
    this.#options.log.debug({ error: error.message }, 'broker.client')
  }
}

function forgetWill(client: Client | undefined): void {
  if (client) (client as unknown as { will: null }).will = null
}

function contextOf({ ca, certificate, privateKey }: Credentials) {
  return {
    ca,
    cert: certificate,
    key: privateKey,
    minVersion: 'TLSv1.2' as const,
    // A resumed session would skip the look at the certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
