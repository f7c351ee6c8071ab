/** What the uplink needs of a broker, asked of the embedded one and of Mosquitto, with real certificates. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { Broker } from '../../agent/link/broker.ts'
import { ExternalBroker } from '../../agent/link/external-broker.ts'
import type { Receiver } from '../../agent/link/receiver.ts'
import { formatTopic, type TopicKind } from '../../agent/link/topics.ts'
import type { Take, Transport } from '../../agent/link/transport.ts'
import {
  type BoxKeys,
  type FleetKeys,
  makeSender,
  openOutbox,
  openReceiver,
  summaryAt,
  until,
  uplinkOf,
} from './fleet.ts'
import { FleetCa, makeFleet } from './fleet-ca.ts'
import { hasMosquitto, startMosquitto } from './mosquitto.ts'

type Fleet = FleetKeys
interface Started {
  port: number
  transport: Transport
  close(): Promise<void>
}
const DAY_MS = 86_400_000

async function embedded(fleet: Fleet, take: Take): Promise<Started> {
  const broker = await Broker.open({
    ...sides(fleet, take),
    host: '127.0.0.1',
    port: 0,
  })
  return { port: broker.port, transport: broker, close: () => broker.close() }
}

async function mosquitto(fleet: Fleet, take: Take): Promise<Started> {
  const program = await startMosquitto(fleet)
  const url = `mqtts://127.0.0.1:${program.port}`
  const { appliance_id } = fleet.primary
  const transport = new ExternalBroker({ ...sides(fleet, take), url, appliance_id })
  await until('the receiver listens at Mosquitto', () => transport.connected)
  const close = async () => {
    await transport.close()
    await program.close()
  }
  return { port: program.port, transport, close }
}

function sides({ ca, primary, fleet_uid }: Fleet, take: Take) {
  const { certificate, privateKey } = primary
  return { ca, certificate, privateKey, fleet_uid, take, log: silentLog }
}

if (!hasMosquitto)
  process.stderr.write('SKIPPED: Mosquitto is not installed; only the embedded broker is asked.\n')
const brokers = [
  { name: 'embedded', start: embedded, own: true },
  ...(hasMosquitto ? [{ name: 'Mosquitto', start: mosquitto, own: false }] : []),
]

class Lab {
  fleet!: Fleet
  ca!: FleetCa
  broker!: Started
  receiver!: Receiver
  readonly #heard: string[] = []
  readonly #clients: MqttClient[] = []

  async open(start: (fleet: Fleet, take: Take) => Promise<Started>): Promise<void> {
    const { keys, ca } = await makeFleet(['cape-town', 'sydney'])
    this.fleet = keys
    this.ca = ca
    const folder = mkdtempSync(join(tmpdir(), 'picket-conformance-'))
    const publish = (topic: string, payload: Buffer) =>
      this.broker.transport.publish(topic, payload)
    this.receiver = (await openReceiver(folder, this.fleet, { publish })).receiver
    this.broker = await start(this.fleet, async (topic, payload) => {
      this.#heard.push(formatTopic(topic))
      await this.receiver.take(topic, payload)
    })
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true)
    await this.broker.close()
    await this.receiver.close()
  }

  get cape(): BoxKeys {
    return this.fleet.sites[0] as BoxKeys
  }

  get sydney(): BoxKeys {
    return this.fleet.sites[1] as BoxKeys
  }

  topicOf({ tenant_uid, appliance_id }: BoxKeys, kind: TopicKind): string {
    return formatTopic({ fleet_uid: this.fleet.fleet_uid, tenant_uid, appliance_id, kind })
  }

  heardOn(topic: string): number {
    return this.#heard.filter((each) => each === topic).length
  }

  /** A client with that site's certificate; what it says and asks is up to the test. */
  client(site: BoxKeys | undefined, options: IClientOptions = {}): Promise<MqttClient> {
    const made = connect({
      ...{ protocol: 'mqtts', host: '127.0.0.1', port: this.broker.port, protocolVersion: 4 },
      ...{ ca: this.fleet.ca, clean: true, reconnectPeriod: 0, connectTimeout: 5000 },
      clientId: site?.appliance_id ?? 'nobody',
      ...(site ? { cert: site.certificate, key: site.privateKey } : {}),
      ...options,
    })
    this.#clients.push(made)
    return new Promise((done, fail) => {
      made.once('connect', () => done(made))
      made.on('error', fail) // and what comes of a broken connection later, which nobody waits for
      made.once('close', () => fail(new Error('closed')))
    })
  }

  /** What is tried has been decided, and a message that was sent after it has arrived: so would it have. */
  async neverArrives(topic: string, tryIt: () => Promise<unknown>): Promise<void> {
    const before = this.heardOn(topic)
    await tryIt().catch(() => {})
    await this.caughtUp(topic)
    expect(this.heardOn(topic)).toBe(before)
  }

  /** All that was sent up to now has arrived: a message on another topic came after it. */
  async caughtUp(topic: string): Promise<void> {
    const own = [this.sydney, this.cape].find((site) => this.topicOf(site, 'sum') !== topic) as BoxKeys // biome-ignore format: one line
    const last = this.topicOf(own, 'sum')
    const before = this.heardOn(last)
    const made = await this.client(own)
    await made.publishAsync(last, 'the last', { qos: 1 })
    await until('the last message arrives', () => this.heardOn(last) > before)
    await made.endAsync(true)
  }
}

describe.each(brokers)('$name', ({ start, own }) => {
  const lab = new Lab()
  beforeAll(() => lab.open(start))
  afterAll(() => lab.close())
  carries(lab)
  separates(lab)
  refuses(lab, own)
})

/** Until the broker has answered it, or hung up on it. */
function said(client: MqttClient, topic: string, payload: string | Buffer = 'x'): Promise<unknown> {
  const gone = new Promise((done) => client.once('close', () => done('closed')))
  return Promise.race([gone, client.publishAsync(topic, payload, { qos: 1 })])
}

function carries(lab: Lab): void {
  test('summaries arrive, are acknowledged and leave the outbox; a new certificate loses nothing', async () => {
    const { outbox } = await openOutbox(mkdtempSync(join(tmpdir(), 'picket-box-')), lab.cape)
    const uplink = uplinkOf(lab.fleet, lab.cape, `mqtts://127.0.0.1:${lab.broker.port}`)
    const sender = makeSender(uplink, lab.cape, outbox)
    sender.start()
    for (let i = 0; i < 10; i++) {
      await outbox.append(async (place) => summaryAt(lab.cape, place, 1e15))
      if (i === 5) sender.change({ ...uplink, ...(await lab.ca.issue(lab.cape)) })
      sender.wake()
    }
    await until('all are acknowledged', () => outbox.waiting(uplink.uplink_id) === 0)
    const site = lab.receiver.sites().get(lab.cape.tenant_uid)
    expect(site?.held(outbox.epoch, 9)).toEqual({ whole: 10, also: [] })
    expect(sender.view()).toMatchObject({ connected: true, waiting: 0, wholeUpTo: 10 })
    await sender.stop()
    await until('it said that it goes', () => site?.fold.goneAt !== null)
  })

  test('no certificate, or one of another fleet, is no client', async () => {
    await expect(lab.client(undefined)).rejects.toThrow()
    const other = await (await FleetCa.make()).box('other')
    await expect(lab.client(other)).rejects.toThrow()
  })
}

function separates(lab: Lab): void {
  test('nobody speaks for another site, whatever client id it gives itself', async () => {
    const topic = lab.topicOf(lab.cape, 'sum')
    for (const clientId of [lab.sydney.appliance_id, lab.cape.appliance_id])
      await lab.neverArrives(topic, async () => said(await lab.client(lab.sydney, { clientId }), topic)) // biome-ignore format: one line
  })

  test('nobody listens to another site, by name or by wildcard', async () => {
    const made = await lab.client(lab.sydney)
    let got = 0
    made.on('message', () => got++)
    for (const topic of [
      lab.topicOf(lab.cape, 'ack'),
      `p/v1/${lab.fleet.fleet_uid}/#`,
      '#',
      '$SYS/#',
    ])
      await made.subscribeAsync(topic, { qos: 1 }).catch(() => {})
    await made
      .subscribeAsync(`$share/all/${lab.topicOf(lab.cape, 'ack')}`, { qos: 1 })
      .catch(() => {})
    const own = lab.topicOf(lab.sydney, 'ack')
    await made.subscribeAsync(own, { qos: 1 })
    const listening = await lab.client(lab.cape)
    await listening.subscribeAsync(lab.topicOf(lab.cape, 'ack'), { qos: 1 })
    lab.broker.transport.publish(lab.topicOf(lab.cape, 'ack'), Buffer.from('for Cape Town'))
    lab.broker.transport.publish(own, Buffer.from('for Sydney'))
    await until('its own arrives', () => got > 0)
    await made.unsubscribeAsync(own) // answered after whatever was sent to it before
    expect(got).toBe(1)
    made.end(true)
    listening.end(true)
  })

  test('a last will speaks for its own site alone', async () => {
    const foreign = lab.topicOf(lab.cape, 'lwt')
    await lab.neverArrives(foreign, async () => {
      const will = { topic: foreign, payload: Buffer.from('gone'), qos: 1, retain: true } as const
      const made = await lab.client(lab.sydney, { will })
      made.stream.destroy()
    })
    const topic = lab.topicOf(lab.sydney, 'lwt')
    const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: true } as const
    const before = lab.heardOn(topic)
    const made = await lab.client(lab.sydney, { will })
    made.stream.destroy()
    await until('the will arrives', () => lab.heardOn(topic) === before + 1)
    const polite = await lab.client(lab.sydney, { will })
    await polite.endAsync()
    await lab.caughtUp(topic)
    expect(lab.heardOn(topic)).toBe(before + 1)
  })
}

function refuses(lab: Lab, own: boolean): void {
  test('nothing bigger than a sealed summary arrives', async () => {
    const topic = lab.topicOf(lab.sydney, 'sum')
    const fits = await lab.client(lab.sydney)
    const before = lab.heardOn(topic)
    fits.publish(topic, Buffer.alloc(48 << 10), { qos: 1 })
    await until('48 KiB arrive', () => lab.heardOn(topic) === before + 1)
    await lab.neverArrives(topic, () => said(fits, topic, Buffer.alloc((48 << 10) + 1)))
    fits.end(true)
  })

  if (own)
    test('what is refused is refused aloud', async () => {
      const made = await lab.client(lab.sydney)
      const granted = await made.subscribeAsync('#', { qos: 1 }).catch((error: Error) => error)
      expect(granted).toBeInstanceOf(Error)
      const closed = new Promise<void>((done) => made.once('close', () => done()))
      made.publish(lab.topicOf(lab.sydney, 'sum'), 'x', { qos: 1, retain: true })
      await closed
      const other = lab.client(lab.sydney, { clientId: lab.cape.appliance_id })
      await expect(other).rejects.toThrow(/Not authorized/)
    })

  if (own)
    test('a new certificate of the server is what the next client meets', async () => {
      const serial = (made: MqttClient) =>
        (made.stream as TLSSocket).getPeerCertificate().serialNumber
      const before = await lab.client(lab.sydney)
      const issued = await lab.ca.issue(lab.fleet.primary, { serves: true })
      lab.broker.transport.renew({ ca: lab.fleet.ca, ...issued })
      const after = await lab.client(lab.cape)
      expect(serial(after)).not.toBe(serial(before))
      expect(before.connected).toBe(true)
      await expect(lab.client(undefined)).rejects.toThrow() // still asks who they are
      for (const made of [before, after]) made.end(true)
    })

  if (own)
    test('a revoked site is cut off, and nothing of it stays', async () => {
      const topic = lab.topicOf(lab.sydney, 'lwt')
      const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: true } as const
      const earlier = lab.heardOn(topic)
      const made = await lab.client(lab.sydney, { clean: false, will })
      await made.publishAsync(topic, 'here', { qos: 1, retain: true })
      await until('it is heard', () => lab.heardOn(topic) > earlier)
      const before = lab.heardOn(topic)
      const closed = new Promise<void>((done) => made.once('close', () => done()))
      const all = { revoked: [], certificatesFrom: new Map() }
      await lab.broker.transport.admit({ ...all, revoked: [lab.sydney.appliance_id] })
      await closed
      await expect(lab.client(lab.sydney)).rejects.toThrow()
      expect(lab.heardOn(topic)).toBe(before)
      await lab.broker.transport.admit(all)
      await expect(lab.client(lab.sydney)).resolves.toBeDefined()
    })
  if (own)
    test('a certificate of before its site joined anew opens nothing, and what it had opened ends', async () => {
      const old = lab.sydney
      const begins = (box: BoxKeys) => Date.parse(new X509Certificate(box.certificate).validFrom)
      await until('another second', () => Date.now() > begins(old) + DAY_MS + 1000)
      const renewed = { ...old, ...(await lab.ca.issue(old)) }
      const made = await lab.client(old)
      const closed = new Promise<void>((done) => made.once('close', () => done()))
      const from = begins(renewed) * 1000
      expect(from).toBeGreaterThan(begins(old) * 1000)
      const certificatesFrom = new Map([[old.appliance_id, from]])
      await lab.broker.transport.admit({ revoked: [], certificatesFrom })
      await closed
      await expect(lab.client(old)).rejects.toThrow()
      const again = await lab.client(renewed)
      await lab.broker.transport.admit({ revoked: [], certificatesFrom })
      expect(again.connected).toBe(true)
      await expect(lab.client(lab.cape)).resolves.toBeDefined() // its neighbour
      await lab.broker.transport.admit({ revoked: [], certificatesFrom: new Map() })
    })
}
