/** Raw bytes against the embedded broker, by who has a good certificate and by who has none; the neighbour must not notice. */
import { type Socket, connect as tcp } from 'node:net'
import { type TLSSocket, connect as tls } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { Broker } from '../../agent/link/broker.ts'
import { formatTopic, type TopicKind } from '../../agent/link/topics.ts'
import { type BoxKeys, type FleetKeys, until } from '../link/fleet.ts'
import { makeFleet } from '../link/fleet-ca.ts'

/** Fewer than the kernel queues at once: more would be its refusal, not ours. */
const HALF_OPEN = 450
/** Less than a connection has that says nothing. */
const SOON_MS = 8_000
const CAPS = { total: 400, perSource: 200 }
let fleet: FleetKeys
let broker: Broker
const heard: { topic: string; bytes: number }[] = []
const [cape, sydney] = [() => fleet.sites[0] as BoxKeys, () => fleet.sites[1] as BoxKeys]
const clients: MqttClient[] = []

beforeAll(async () => {
  fleet = (await makeFleet(['cape-town', 'sydney'])).keys
  const { ca, primary, fleet_uid } = fleet
  const { certificate, privateKey } = primary
  broker = await Broker.open({
    ...{ ca, certificate, privateKey, fleet_uid, host: '127.0.0.1', port: 0 },
    ...{ log: silentLog, caps: CAPS },
    take: async (topic, payload) =>
      void heard.push({ topic: formatTopic(topic), bytes: payload.length }),
  })
})
afterAll(async () => {
  for (const client of clients) client.end(true)
  await broker.close()
})

const topic = ({ tenant_uid, appliance_id }: BoxKeys, kind: TopicKind) =>
  formatTopic({ fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind })

function client(site: BoxKeys, options: IClientOptions = {}): Promise<MqttClient> {
  const made = connect({
    ...{ protocol: 'mqtts', host: '127.0.0.1', port: broker.port, protocolVersion: 4 },
    ...{ ca: fleet.ca, clean: true, reconnectPeriod: 0, connectTimeout: 5000 },
    ...{ clientId: site.appliance_id, cert: site.certificate, key: site.privateKey },
    ...options,
  })
  clients.push(made)
  return new Promise((done, fail) => {
    made.once('connect', () => done(made))
    made.on('error', fail) // and what comes of a broken connection later, which nobody waits for
    made.once('close', () => fail(new Error('closed')))
  })
}

/** A TLS connection with that site's certificate, before any MQTT. */
function raw(site: BoxKeys, local?: string): Promise<TLSSocket> {
  const socket = tls({
    ...{ host: '127.0.0.1', port: broker.port, ca: fleet.ca, checkServerIdentity: () => undefined },
    ...{ cert: site.certificate, key: site.privateKey, ...(local ? { localAddress: local } : {}) },
  })
  return new Promise((done, fail) => {
    socket.once('secureConnect', () => done(socket))
    socket.once('error', fail)
  })
}

const closed = (socket: Socket) =>
  new Promise<void>((done) => {
    socket.on('error', () => {})
    if (socket.destroyed) done()
    else socket.once('close', () => done())
    socket.resume()
  })

const text = (value: string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}
/** CONNECT of MQTT 3.1.1 (level 4) or another level. */
function connectPacket(id: string, { level = 4, flags = 2, rest = Buffer.alloc(0) } = {}): Buffer {
  const body = Buffer.concat([text('MQTT'), Buffer.from([level, flags, 0, 30]), text(id), rest])
  return packet(0x10, body)
}
function packet(head: number, body: Buffer): Buffer {
  const length: number[] = []
  for (let left = body.length; ; left >>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left)
    if (left <= 127) break
  }
  return Buffer.concat([Buffer.from([head, ...length]), body])
}

async function neighbourIsWell(): Promise<void> {
  const made = await client(sydney())
  const before = heard.length
  await made.publishAsync(topic(sydney(), 'sum'), 'well', { qos: 1 })
  await until('the neighbour is heard', () => heard.length > before)
  await made.endAsync(true)
}

test('mqtt-04 another’s id with one’s own certificate is refused, and its holder stays', async () => {
  const victim = await client(sydney())
  for (const id of [
    sydney().appliance_id,
    '',
    'x',
    `${cape().appliance_id} `,
    '#',
    'a'.repeat(3000),
  ])
    await expect(client(cape(), { clientId: id }), id).rejects.toThrow()
  expect(victim.connected).toBe(true)
  await victim.endAsync(true)
})

test('mqtt-03 a will on another’s topic, on one of ours that is no lwt, with a wildcard: no CONNECT', async () => {
  for (const where of [
    topic(sydney(), 'lwt'),
    topic(sydney(), 'ctl'),
    topic(cape(), 'sum'),
    topic(cape(), 'ack'),
    '$SYS/x',
    '#',
    `${topic(cape(), 'lwt')}/x`,
    topic(cape(), 'lwt').toUpperCase(),
  ]) {
    const will = { topic: where, payload: Buffer.from('x'), qos: 1, retain: true } as const
    await expect(client(cape(), { will }), where).rejects.toThrow()
  }
})

test('mqtt-02 no wildcard, no $SYS, no shared subscription, no neighbour, no NUL, no long level', async () => {
  const made = await client(cape())
  const f = fleet.fleet_uid
  for (const wanted of [
    '#',
    '+',
    '+/#',
    'p/v1/+/+/+/ack',
    `p/v1/${f}/+/${cape().appliance_id}/ack`,
    '$SYS/#',
    `$share/g/${topic(cape(), 'ack')}`,
    `$share/g/#`,
    `$queue/${topic(cape(), 'ack')}`,
    topic(sydney(), 'ack'),
    topic(cape(), 'sum'),
    `${topic(cape(), 'ack')}/`,
    `/${topic(cape(), 'ack')}`,
    'x'.repeat(60_000).slice(0, 20_000),
  ]) {
    const granted = await made.subscribeAsync(wanted, { qos: 1 }).catch(() => [{ qos: 128 }])
    expect(granted[0]?.qos, wanted.slice(0, 60)).toBe(128)
  }
  expect((await made.subscribeAsync(topic(cape(), 'ack'), { qos: 1 }))[0]?.qos).toBe(1) // control
  await made.endAsync(true)
})

test('mqtt-02 a NUL in a topic, protocol levels of others, and packets out of order end the connection', async () => {
  const id = cape().appliance_id
  const subscribe = (name: string) =>
    packet(0x82, Buffer.concat([Buffer.from([0, 1]), text(name), Buffer.from([1])]))
  const publish = (name: string) => packet(0x30, Buffer.concat([text(name), Buffer.from('x')]))
  const attempts: Buffer[][] = [
    [subscribe('#')], // before CONNECT
    [Buffer.from([0x00, 0x00])],
    [connectPacket(id), connectPacket(id)],
    [connectPacket(id), Buffer.from([0xf0, 0x00])],
    [connectPacket(id), Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])], // says 256 MB
    [connectPacket(id), Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
    [Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    [connectPacket('x'.repeat(8000))],
    [connectPacket(id, { level: 9 })],
    [connectPacket(id), publish(`${topic(sydney(), 'sum')}`)],
    [connectPacket(id), publish('p/v1/\0/x')],
    [connectPacket(id), publish('#')],
    [
      connectPacket(id),
      packet(0x33, Buffer.concat([text(topic(cape(), 'sum')), Buffer.from([0, 1])])),
    ],
    [
      connectPacket(id),
      packet(0x35, Buffer.concat([text(topic(cape(), 'sum')), Buffer.from([0, 1])])),
    ],
  ]
  const before = heard.length
  for (const [i, parts] of attempts.entries()) {
    const socket = await raw(cape())
    const gone = closed(socket)
    for (const part of parts) socket.write(part)
    const late = new Promise((done) => setTimeout(done, SOON_MS, 'open').unref())
    expect(await Promise.race([gone.then(() => 'closed'), late]), `attempt ${i}`).toBe('closed')
  }
  expect(heard.length).toBe(before)
  await neighbourIsWell()
})

test('mqtt-02 retained messages: only the last will, only one’s own, and the neighbour gets none', async () => {
  const made = await client(cape())
  made.on('error', () => {})
  const before = heard.length
  const gone = new Promise<void>((done) => made.once('close', () => done()))
  made.publish(topic(cape(), 'sum'), 'kept', { qos: 1, retain: true }, () => {})
  await gone
  expect(heard.length).toBe(before)
  const again = await client(cape())
  await again.publishAsync(topic(cape(), 'lwt'), 'here', { qos: 1, retain: true }) // control
  const other = await client(sydney())
  const got: string[] = []
  other.on('message', (name) => got.push(name))
  await other.subscribeAsync([topic(sydney(), 'ack'), topic(sydney(), 'ctl')], { qos: 1 })
  await other.publishAsync(topic(sydney(), 'sum'), 'x', { qos: 1 })
  expect(got).toEqual([])
  for (const each of [again, other]) await each.endAsync(true)
})

test('mqtt-07 half-open connections are bounded per address; others get in, and memory stays', async () => {
  const before = process.memoryUsage().rss
  const sockets: Socket[] = []
  let refused = 0
  for (let i = 0; i < HALF_OPEN; i++) {
    const socket = tcp({ host: '127.0.0.1', port: broker.port })
    socket.on('error', () => {})
    socket.once('close', () => refused++)
    socket.resume()
    sockets.push(socket)
  }
  await until('the rest is turned away', () => refused >= HALF_OPEN - CAPS.perSource)
  expect(broker.connections.open).toBeLessThanOrEqual(CAPS.perSource)
  const socket = await raw(sydney(), '127.0.0.2') // another address
  socket.write(connectPacket(sydney().appliance_id))
  const answer = await new Promise<Buffer>((done) => socket.once('data', done))
  expect([...answer]).toEqual([0x20, 2, 0, 0]) // CONNACK, accepted
  socket.destroy()
  // Who never says hello is put out, and leaves its place to others.
  await until('all are gone', () => broker.connections.open === 0, 20_000)
  await until('each of them has heard so', () => refused === HALF_OPEN)
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20)
  await neighbourIsWell()
})

test('mqtt-07 a broker that closes waits for no handshake', async () => {
  const { ca, primary, fleet_uid } = fleet
  const { certificate, privateKey } = primary
  const other = await Broker.open({
    ...{ ca, certificate, privateKey, fleet_uid, host: '127.0.0.1', port: 0 },
    ...{ log: silentLog, take: async () => {} },
  })
  const socket = tcp({ host: '127.0.0.1', port: other.port })
  socket.on('error', () => {})
  await until('it is in', () => other.connections.open === 1)
  const start = performance.now()
  await other.close()
  expect(performance.now() - start).toBeLessThan(2000)
})

test('mqtt-07 crumbs of a byte, pings without end and a flood of tiny packets cost the sender its place only', async () => {
  const socket = await raw(cape())
  socket.on('error', () => {})
  const bytes = connectPacket(cape().appliance_id)
  for (const byte of bytes) socket.write(Buffer.from([byte]))
  await new Promise<void>((done) => socket.once('data', () => done()))
  const pings = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0xc0, 0])))
  socket.resume()
  socket.write(pings)
  const start = performance.now()
  await neighbourIsWell()
  expect(performance.now() - start).toBeLessThan(5000)
  socket.destroy()
})
