/** Another MQTT 3.1.1 broker by URL: the primary is a client there that listens to all sites of its fleet. */
import type { Log } from '../base/log.ts'
import { AT_ONCE_MAX, BACK_OFF } from './limits.ts'
import { MqttSession } from './mqtt-session.ts'
import { parseTopic } from './topics.ts'
import { TopicsSeen } from './topics-seen.ts'
import type { Credentials, Take, Transport } from './transport.ts'

export interface ExternalOptions extends Credentials {
  /** mqtts://host:port */
  url: string
  fleet_uid: string
  /** Of this primary: the broker knows it by its certificate. */
  appliance_id: string
  take: Take
  log: Log
}

export class ExternalBroker implements Transport {
  readonly #options: ExternalOptions
  #credentials: Credentials
  #session: MqttSession | undefined
  #closed = false
  #wake = () => {}
  readonly #running: Promise<void>
  /** Acks that nobody could carry. */
  unsent = 0
  readonly topics = new TopicsSeen()

  constructor(options: ExternalOptions) {
    this.#options = options
    this.#credentials = options
    this.#running = this.#run()
  }

  get connected(): boolean {
    return this.#session !== undefined
  }

  publish(topic: string, payload: Buffer): void {
    if (this.#session) this.#session.publish(topic, payload)
    else this.unsent++
  }

  /** Its own revocation list is the other broker's business; the receiver refuses what comes all the same. */
  async admit(): Promise<void> {}

  renew(credentials: Credentials): void {
    this.#credentials = credentials
    void this.#session?.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#session?.end()
    await this.#running
  }

  async #run(): Promise<void> {
    const { log, url } = this.#options
    let waitMs: number = BACK_OFF.firstMs
    while (!this.#closed) {
      try {
        const because = await this.#listen()
        waitMs = BACK_OFF.firstMs
        log.warn({ url, because }, 'broker.lost')
      } catch (error) {
        waitMs = Math.min(waitMs * 2, BACK_OFF.mostMs)
        log.warn({ url, because: (error as Error).message }, 'broker.unreachable')
      }
      if (!this.#closed) await this.#pause(waitMs * (0.5 + Math.random() / 2))
    }
  }

  async #listen(): Promise<string> {
    const { url, fleet_uid, appliance_id, take } = this.#options
    const session = await MqttSession.open({
      url,
      ...this.#credentials,
      // Its own summaries go over a connection of their own, and one client id is one connection.
      clientId: `${appliance_id}-receiver`,
      // All sites come by this one connection; each alone would wait for a sync of the disk of its own. What a crash
      // takes away was not acknowledged by us, and comes again.
      atOnceMax: AT_ONCE_MAX,
      onMessage: async (text, payload) => {
        this.topics.look(text)
        const topic = parseTopic(text)
        if (topic?.kind === 'sum' || topic?.kind === 'lwt') await take(topic, payload)
      },
    })
    try {
      if (this.#closed) return 'it was closed'
      await session.subscribe([`p/v1/${fleet_uid}/+/+/sum`, `p/v1/${fleet_uid}/+/+/lwt`])
      this.#session = session
      return await session.ended
    } finally {
      this.#session = undefined
      session.destroy()
    }
  }

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
