/** One connection to a broker: mutual TLS with keys from memory, MQTT 3.1.1. It ends once; reconnecting is the caller's. */
import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { Failure } from '../base/failure.ts'
import { CONNECT_MS_MAX, KEEPALIVE_S, PAYLOAD_BYTES_MAX } from './limits.ts'
import { type Peer, peerOfSan } from './topics.ts'
import type { Credentials } from './transport.ts'

const END_MS_MAX = 3_000

export interface SessionOptions extends Credentials {
  /** mqtts://host:port */
  url: string
  clientId: string
  /** The appliance that must answer; another broker than an appliance's is known by its host name. */
  server?: Peer
  will?: { topic: string; payload: Buffer }
  /** Never rejects. */
  onMessage(topic: string, payload: Buffer): Promise<void>
  /** So many messages may be worked on at once: one less gets its PUBACK before its work is done. Usually 1. */
  atOnceMax?: number
}

export class MqttSession {
  readonly #client: MqttClient
  /** Settles once, with why it ended. */
  readonly ended: Promise<string>

  private constructor(client: MqttClient, ended: Promise<string>) {
    this.#client = client
    this.ended = ended
  }

  /** Connected and accepted, or a Failure that says why not. */
  static open(options: SessionOptions): Promise<MqttSession> {
    const { hostname, port } = new URL(options.url)
    const host = hostname.replace(/^\[|\]$/g, '')
    const settings: IClientOptions & Pick<ConnectionOptions, 'minVersion' | 'checkServerIdentity'> =
      {
        protocol: 'mqtts',
        host,
        port: Number(port || 8883),
        ...(isIP(host) ? {} : { servername: host }),
        ca: options.ca,
        cert: options.certificate,
        key: options.privateKey,
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        checkServerIdentity: identityCheck(options.server),
        protocolVersion: 4,
        clientId: options.clientId,
        clean: false,
        keepalive: KEEPALIVE_S,
        reconnectPeriod: 0,
        connectTimeout: CONNECT_MS_MAX,
        queueQoSZero: false,
        ...(options.will ? { will: { ...options.will, qos: 1, retain: true } } : {}),
      }
    const client = connect(settings)
    // Not dealt with, so not confirmed: it comes again.
    client.handleMessage = inTurn(options, () => client.end(true))
    return settle(client, options.url, (ended) => new MqttSession(client, ended))
  }

  /** Rejects when the broker grants less than all of them. */
  async subscribe(topics: readonly string[]): Promise<void> {
    const granted = await this.#client.subscribeAsync([...topics], { qos: 1 })
    if (granted.length < topics.length || granted.some(({ qos }) => qos > 2))
      throw new Failure('refused', 'The broker does not let this box listen for acknowledgements.')
  }

  /** Handed to the connection; whether it arrived, only a signed ack tells. */
  publish(topic: string, payload: Buffer, retain = false): void {
    this.#client.publish(topic, payload, { qos: 1, retain }, () => {})
  }

  /** With a DISCONNECT: no last will. What was handed over is waited for, but not for long: it may never be answered. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), END_MS_MAX)
    await Promise.race([this.#client.endAsync(false).catch(() => {}), this.ended])
    clearTimeout(timer)
  }

  /** At once. */
  destroy(): void {
    this.#client.end(true)
  }
}

/** The client hands over the next message once `done` was called: here, while fewer are worked on than may be. */
function inTurn(
  { onMessage, atOnceMax = 1 }: SessionOptions,
  failed: () => void,
): MqttClient['handleMessage'] {
  let working = 0
  let next: (() => void) | undefined
  return ({ topic, payload: bytes }, done) => {
    const payload = Buffer.from(bytes)
    if (payload.length > PAYLOAD_BYTES_MAX) return done()
    working++
    void onMessage(topic, payload).then(() => {
      working--
      const go = next
      next = undefined // `go` may bring the next message at once
      go?.()
    }, failed)
    if (working < atOnceMax) done()
    else next = () => done()
  }
}

function settle(
  client: MqttClient,
  url: string,
  make: (ended: Promise<string>) => MqttSession,
): Promise<MqttSession> {
  let because = 'the connection was closed'
  const ended = new Promise<string>((done) => {
    client.on('error', (error) => {
      because = error.message || (error as NodeJS.ErrnoException).code || because
    })
    client.once('close', () => done(because))
  })
  return new Promise((done, fail) => {
    client.once('connect', () => done(make(ended)))
    void ended.then((why) => {
      client.end(true)
      fail(new Failure('unavailable', `No connection to ${url}: ${why}.`, { url }))
    })
  })
}

/**
 * The chain to the fleet's CA is checked before this. An appliance is known by its id, whatever its address is
 * today; a branch's certificate cannot serve, it is for clients only.
 */
function identityCheck(server: Peer | undefined) {
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const peer = peerOfSan(certificate.subjectaltname)
    if (!peer) return checkServerIdentity(host, certificate)
    const isIt = peer.appliance_id === server?.appliance_id && peer.tenant_uid === server.tenant_uid
    return isIt || !server ? undefined : new Error('another appliance answers there')
  }
}
