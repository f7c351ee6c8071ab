/** Attempts on the layer `mqtt`: each against the real broker, then against one of the same parts without the rule. */
import { mkdtempSync } from 'node:fs'
import { type Socket, connect as tcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tls } from 'node:tls'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { signJson } from '../../agent/base/signing.ts'
import { Broker } from '../../agent/link/broker.ts'
import { MESSAGES } from '../../agent/link/limits.ts'
import { MqttSession } from '../../agent/link/mqtt-session.ts'
import { formatTopic, type Topic, type TopicKind } from '../../agent/link/topics.ts'
import { seal } from '../../agent/summary/seal.ts'
import { asJson, type Summary } from '../../agent/summary/summary.ts'
import {
  type BoxKeys,
  closeLogs,
  type FleetKeys,
  makeSender,
  memberOf,
  openOutbox,
  openReceiver,
  privateKeyOf,
  summaryAt,
  uplinkOf,
} from '../link/fleet.ts'
import { type FleetCa, makeFleet } from '../link/fleet-ca.ts'
import { hasMosquitto, startMosquitto } from '../link/mosquitto.ts'
import { calmSummary, NOON_US } from '../traffic/summary-source.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary, canaryOf } from './canary.ts'
import { connectPacket, looseBroker } from './loose-broker.ts'

const ZEROS = '0'.repeat(64)
const SOON_MS = 20_000
const BIG_BYTES = 24 << 20
const FLOOD = 300
const HALF_OPEN = 40
const PER_SOURCE = 20

let fleet: FleetKeys
let ca: FleetCa
const alfa = () => fleet.sites[0] as BoxKeys
const zulu = () => fleet.sites[1] as BoxKeys
const folder = mkdtempSync(join(tmpdir(), 'picket-mqtt-'))
beforeAll(async () => {
  const made = await makeFleet(['alfa', 'zulu'])
  fleet = made.keys
  ca = made.ca
})
const open: { close(): Promise<void> }[] = []
const clients: MqttClient[] = []
afterAll(closeLogs)
const undo = async () => {
  for (const client of clients.splice(0)) client.end(true)
  for (const each of open.splice(0)) await each.close()
}

interface Heard {
  topic: Topic
  payload: Buffer
}

/** The real broker, or the loose one where a rule is off. */
async function started(
  loose: false | { verifies?: boolean; gated?: boolean; trusts?: string[] },
  options: { revoked?: string[]; from?: number; perSource?: number } = {},
) {
  // biome-ignore format: one line
  const heard: Heard[] = []
  const take = async (topic: Topic, payload: Buffer) => void heard.push({ topic, payload })
  if (loose) {
    const broker = await looseBroker(fleet, { take, ...loose })
    open.push(broker)
    return { broker, heard, refused: () => ({}), inside: () => 0 }
  }
  const { revoked = [], from = 0, perSource = 200 } = options
  const certificatesFrom = new Map([[zulu().appliance_id, from]])
  const { certificate, privateKey } = fleet.primary
  const broker = await Broker.open({
    ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
    memberships: { revoked, certificatesFrom },
    ...{ host: '127.0.0.1', port: 0, log: silentLog, take, caps: { total: 1e6, perSource } },
  })
  open.push(broker)
  const refused = () => ({ ...broker.refused, ...broker.connections.refused })
  return { broker, heard, refused, inside: () => broker.connections.open }
}

const topicOf = ({ tenant_uid, appliance_id }: BoxKeys, kind: TopicKind) => formatTopic({ fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind }) // biome-ignore format: one line

function client(port: number, site: BoxKeys, options: IClientOptions = {}): Promise<MqttClient> {
  const made = connect({
    ...{ protocol: 'mqtts', host: '127.0.0.1', port, protocolVersion: 4, reconnectPeriod: 0 },
    ...{ ca: fleet.ca, clean: true, connectTimeout: SOON_MS, clientId: site.appliance_id },
    ...{ cert: site.certificate, key: site.privateKey, ...options },
  })
  clients.push(made)
  return new Promise((done, fail) => {
    made.once('connect', () => done(made))
    made.on('error', fail)
    made.once('close', () => fail(new Error('the connection was closed')))
  })
}

const soon = (what: () => unknown) => expect.poll(what, { timeout: SOON_MS }).toBeTruthy()

/** Somebody who listens to one of its own topics. */
async function listener(port: number, site: BoxKeys, kind: TopicKind): Promise<Buffer[]> {
  const made = await client(port, site)
  const got: Buffer[] = []
  made.on('message', (_topic, payload) => got.push(Buffer.from(payload)))
  await made.subscribeAsync(topicOf(site, kind), { qos: 1 })
  return got
}

/** Whatever was sent to a client before this is there when it has got back a message of its own session. */
async function settled(port: number, site: BoxKeys): Promise<void> {
  const made = await client(port, site)
  await made.publishAsync(topicOf(site, 'sum'), 'well', { qos: 1 })
  await made.endAsync()
}

const lie = canary('a forged message')
const secret = canary('the host in a summary')
const summaryOf = ({ tenant_id, tenant_uid, appliance_id }: BoxKeys): Summary => ({
  ...calmSummary(NOON_US),
  ...{ tenant_id, tenant_uid, appliance_id, sequence: 1, previous: ZEROS },
  top_hosts: [{ host: secret.text, count: 1 }],
})
const sealedFor = (topic: string, by: BoxKeys, summary: Summary) => seal(signJson(privateKeyOf(by.identity), 'summary', asJson(summary)), { receiverKey: Buffer.from(fleet.sealKey, 'base64'), topic }) // biome-ignore format: one line

const TOPICS: Layer = { name: 'the topics of a client', shows: /"topic":1/ }
const KEY: Layer = { name: 'the key of whom the topic names', shows: /the receiver: forged/ }
attempt('mqtt-01', {
  layers: [TOPICS, KEY],
  undo,
  try: async (run) => {
    const { broker, heard, refused } = await started(run.without(TOPICS) && {})
    const members = [fleet.primary, alfa(), zulu()].map(memberOf)
    // A receiver that has the attacker's key for that site too.
    const loose = members.map((each) => each.tenant_id === 'zulu' ? { ...each, ...keyOf(members, 'alfa') } : each) // biome-ignore format: one line
    const { receiver } = await openReceiver(mkdtempSync(join(folder, 'r-')), fleet, { members: run.without(KEY) ? loose : members }) // biome-ignore format: one line
    open.push(receiver)
    const topic = topicOf(zulu(), 'sum')
    const attacker = await client(broker.port, alfa())
    const gone = new Promise((done) =>
      attacker.once('close', () => done('the connection was closed')),
    )
    const sent = attacker.publishAsync(topic, sealedFor(topic, alfa(), summaryOf(zulu())), {
      qos: 1,
    })
    await run.does('the publish', Promise.race([sent.then(() => 'sent'), gone])) // biome-ignore format: one line
    run.saw('the broker', refused())
    for (const { topic: to, payload } of heard) run.saw('the receiver', await receiver.take(to, payload)) // biome-ignore format: one line
    const { newest } = receiver.sites().get(zulu().tenant_uid)?.fold ?? {}
    if (newest) run.harm('zulu said what alfa signed')
  },
})
function keyOf(members: ReturnType<typeof memberOf>[], tenant_id: string) {
  const found = members.find((each) => each.tenant_id === tenant_id)
  return { spki: found?.spki ?? '', key_id: found?.key_id ?? '' }
}

const GRANTS: Layer = {
  name: 'the topics a client may hear',
  shows: /granted: (\[[^\]]*128|.*Subscribe error)/,
}
const SEALED: Layer = { name: 'the seal of a summary', shows: /heard: PKS1/ }
for (const wanted of ['#', 'p/v1/+/+/+/sum', '+/v1/#'])
  attempt('mqtt-02', {
    by: wanted,
    layers: [GRANTS, SEALED],
    secrets: () => [secret],
    undo,
    try: async (run) => {
      const { broker } = await started(run.without(GRANTS) && {})
      const attacker = await client(broker.port, alfa())
      const got: Buffer[] = []
      attacker.on('message', (_topic, payload) => got.push(Buffer.from(payload)))
      await run.does('granted', attacker.subscribeAsync(wanted, { qos: 1 }).then((all) => all.map(({ qos }) => qos))) // biome-ignore format: one line
      const topic = topicOf(zulu(), 'sum')
      const clear = Buffer.from(JSON.stringify(summaryOf(zulu())))
      const neighbour = await client(broker.port, zulu())
      await neighbour.publishAsync(topic, run.without(SEALED) ? clear : sealedFor(topic, zulu(), summaryOf(zulu())), { qos: 1 }) // biome-ignore format: one line
      if (run.without(GRANTS)) await soon(() => got.length)
      run.saw('heard', ...got)
    },
  })

const WILL: Layer = { name: 'the topics of a last will', shows: /the will: .*Not authorized/ }
/** Hangs up without a word, so that its will is said; whether the neighbour hears it. */
async function wills(run: Run, port: number, ctl = topicOf(zulu(), 'ctl')): Promise<void> {
  const got = await listener(port, zulu(), 'ctl')
  const will = { topic: ctl, payload: Buffer.from(lie.text), qos: 1, retain: false } as const
  const attacker = await run.does('the will', () => client(port, alfa(), { will }).then((made) => made)) // biome-ignore format: one line
  attacker?.stream.destroy()
  await settled(port, alfa())
  if (run.off.size > 0) await soon(() => got.length)
  run.saw('the neighbour', got.length, ...got)
}
attempt('mqtt-03', {
  layers: [WILL],
  secrets: () => [lie],
  undo,
  try: async (run) => wills(run, (await started(run.without(WILL) && {})).broker.port),
})

const ACL: Layer = { name: 'the list of who may do what', shows: /the neighbour: 0/ }
attempt('mqtt-03', {
  by: 'Mosquitto, set up as we say',
  missing: hasMosquitto ? undefined : 'This machine has no Mosquitto.',
  layers: [ACL],
  secrets: () => [lie],
  undo,
  try: async (run) => {
    const broker = await startMosquitto(fleet, { may: run.without(ACL) ? ['pattern readwrite #'] : [] }) // biome-ignore format: one line
    open.push(broker)
    await wills(run, broker.port)
  },
})

const IDS: Layer = {
  name: 'the id that a certificate names',
  shows: /the connection: .*Not authorized/,
}
attempt('mqtt-04', {
  layers: [IDS],
  undo,
  try: async (run) => {
    const { broker } = await started(run.without(IDS) && {})
    const victim = await client(broker.port, zulu())
    await run.does('the connection', () => client(broker.port, alfa(), { clientId: zulu().appliance_id }).then(() => 'open')) // biome-ignore format: one line
    if (run.without(IDS)) await soon(() => !victim.connected)
    if (!victim.connected) run.harm('the neighbour was put out')
  },
})

/** Connects as zulu with that certificate, and speaks for it. */
async function speaks(
  run: Run,
  { heard, broker, refused }: Awaited<ReturnType<typeof started>>,
  certificate: { certificate: string; privateKey: string },
) {
  // biome-ignore format: one line
  await run.does('the connection', async () => {
    const made = await client(broker.port, { ...zulu(), ...certificate })
    await made.publishAsync(topicOf(zulu(), 'sum'), lie.text, { qos: 1 })
  })
  run.saw('the broker', refused())
  run.saw('heard', ...heard.map(({ payload }) => payload))
}
const CHAIN: Layer = { name: 'the chain to the fleet’s authority', shows: /"handshake":1/ }
const EXPIRY: Layer = { name: 'the time of a certificate', shows: /"handshake":1/ }
const REVOKED: Layer = { name: 'the revoked appliances', shows: /"revoked":1/ }
const EARLIER: Layer = { name: 'when the present membership began', shows: /"old-certificate":1/ }
const SAN: Layer = { name: 'the name in the SAN', shows: /"no-appliance":1/ }
attempt('mqtt-05', {
  by: 'of another authority',
  layers: [CHAIN],
  secrets: () => [lie],
  undo,
  try: async (run) => {
    const other = await makeFleet([])
    await speaks(run, await started(run.without(CHAIN) && { trusts: [other.ca.pem] }), await other.ca.issue(zulu())) // biome-ignore format: one line
  },
})
attempt('mqtt-05', {
  by: 'over',
  layers: [EXPIRY],
  secrets: () => [lie],
  undo,
  try: async (run) => {
    const old = await ca.issue(zulu(), { daysAgo: 200 })
    await speaks(run, await started(run.without(EXPIRY) && { verifies: false }), old)
  },
})
attempt('mqtt-05', {
  by: 'revoked',
  layers: [REVOKED],
  secrets: () => [lie],
  undo,
  try: async (run) => {
    const revoked = run.without(REVOKED) ? [] : [zulu().appliance_id]
    await speaks(run, await started(false, { revoked }), zulu())
  },
})
attempt('mqtt-05', {
  by: 'of an earlier membership',
  layers: [EARLIER],
  secrets: () => [lie],
  undo,
  try: async (run) => {
    const from = run.without(EARLIER) ? 0 : Date.now() * 1000
    await speaks(run, await started(false, { from }), zulu())
  },
})
attempt('mqtt-05', {
  by: 'with the name in its subject only',
  layers: [SAN],
  secrets: () => [lie],
  undo,
  try: async (run) => speaks(run, await started(run.without(SAN) && {}), await ca.issue(zulu(), { named: false })), // biome-ignore format: one line
})

attempt('mqtt-06', {
  layers: [{ ...SEALED, shows: /what the broker carried: PKS1/ }],
  secrets: () => [secret, canaryOf('the title of a rule', 'Set-point written by a stranger')],
  undo,
  try: async (run) => {
    const { broker, heard } = await started(false)
    const topic = topicOf(zulu(), 'sum')
    const summary = { ...summaryOf(zulu()), top_rules: [{ rule_id: 'ot:1', title: 'Set-point written by a stranger', count: 1 }] } // biome-ignore format: one line
    const clear = Buffer.from(JSON.stringify(summary))
    const site = await client(broker.port, zulu())
    await site.publishAsync(topic, run.without(SEALED) ? clear : sealedFor(topic, zulu(), summary), { qos: 1 }) // biome-ignore format: one line
    run.saw('what the broker carried', ...heard.map(({ payload }) => payload))
    run.saw(
      'the topics',
      heard.map((each) => each.topic),
    )
  },
  holds: (run) => expect(run.text).not.toMatch(/"zulu"|quiet|Cape Town/),
})

const GATE: Layer = { name: 'the gate of packets', shows: /"too-big":1/ }
attempt('mqtt-07', {
  by: 'one packet of 24 MB',
  layers: [GATE],
  undo,
  try: async (run) => {
    const { broker, refused } = await started(run.without(GATE) && { gated: false })
    const { certificate: cert, privateKey: key } = alfa()
    const socket = tls({ host: '127.0.0.1', port: broker.port, ca: fleet.ca, cert, key, checkServerIdentity: () => undefined }) // biome-ignore format: one line
    socket.on('error', () => {})
    socket.write(connectPacket(alfa().appliance_id))
    await new Promise((done) => socket.once('data', done))
    const ended = new Promise((done) => socket.once('close', () => done('put out')))
    const head = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x0c]) // PUBLISH of 24 MB
    const sent = new Promise((done) => socket.write(Buffer.concat([head, Buffer.alloc(BIG_BYTES - 1)]), (error) => done(error ? 'put out' : 'sent'))) // biome-ignore format: one line
    const came = await Promise.race([ended, sent])
    run.saw('the packet', came)
    run.saw('the broker', refused())
    if (came === 'sent') run.harm(`${BIG_BYTES} bytes of one packet were read`)
    socket.destroy()
  },
})

const BUCKET: Layer = { name: 'the messages of a site', shows: /"flooding":[1-9]/ }
attempt('mqtt-07', {
  by: 'a flood of messages',
  layers: [BUCKET],
  undo,
  try: async (run) => {
    const messages = run.without(BUCKET) ? { perSecond: 1e6, burst: 1e6 } : MESSAGES
    const { receiver } = await openReceiver(mkdtempSync(join(folder, 'r-')), fleet, { messages })
    open.push(receiver)
    const { fleet_uid } = fleet
    const { tenant_uid, appliance_id } = alfa()
    const topic: Topic = { fleet_uid, tenant_uid, appliance_id, kind: 'sum' }
    const payload = sealedFor(formatTopic(topic), alfa(), summaryOf(alfa()))
    const verdicts: Record<string, number> = {}
    for (const verdict of await Promise.all(Array.from({ length: FLOOD }, () => receiver.take(topic, payload)))) // biome-ignore format: one line
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    run.saw('the verdicts', verdicts)
    const worked = FLOOD - (verdicts.flooding ?? 0)
    if (worked > MESSAGES.burst + 60)
      run.harm(`${worked} messages were opened and verified at once`)
    const own = sealedFor(formatTopic({ ...topic, ...idsOf(zulu()) }), zulu(), summaryOf(zulu()))
    if ((await receiver.take({ ...topic, ...idsOf(zulu()) }, own)) !== 'accepted') run.harm('the neighbour is not heard') // biome-ignore format: one line
  },
})
const idsOf = ({ tenant_uid, appliance_id }: BoxKeys) => ({ tenant_uid, appliance_id })

const CAPS: Layer = { name: 'the connections of one address', shows: /"perSource":[1-9]/ }
attempt('mqtt-07', {
  by: 'half-open connections',
  layers: [CAPS],
  undo,
  try: async (run) => {
    const perSource = run.without(CAPS) ? 1e6 : PER_SOURCE
    const { broker, refused, inside } = await started(false, { perSource })
    let gone = 0
    const sockets: Socket[] = Array.from({ length: HALF_OPEN }, () => {
      const socket = tcp({ host: '127.0.0.1', port: broker.port })
      socket.on('error', () => {})
      socket.once('close', () => gone++)
      return socket.resume()
    })
    await soon(() => inside() + gone >= HALF_OPEN)
    run.saw('the broker', refused())
    if (inside() > PER_SOURCE) run.harm(`${inside()} places are taken by one address`)
    for (const socket of sockets) socket.destroy()
  },
})

const ACKED: Layer = { name: 'the receiver’s signature on an acknowledgement', shows: /refused: [1-9]/ } // biome-ignore format: one line
attempt('mqtt-08', {
  layers: [ACKED],
  undo,
  try: async (run) => {
    const { broker } = await started(false)
    const { outbox } = await openOutbox(mkdtempSync(join(folder, 'o-')), alfa())
    for (let i = 0; i < 3; i++) await outbox.append(async (place) => summaryAt(alfa(), place, NOON_US)) // biome-ignore format: one line
    const body = {
      ...{ version: 1, ...idsOf(alfa()), receiver_id: fleet.primary.appliance_id },
      ...{ epoch: outbox.epoch, whole_up_to: 3, also: [], at: NOON_US, audit_seq: 1, audit_head: null }, // biome-ignore format: one line
    }
    const forged = Buffer.from(JSON.stringify(signJson(privateKeyOf(zulu().identity), 'ack', body)))
    const sender = makeSender(uplinkOf(fleet, alfa(), `mqtts://127.0.0.1:${broker.port}`), alfa(), outbox) // biome-ignore format: one line
    open.push({ close: () => sender.stop() })
    if (run.without(ACKED)) {
      // A sender that takes the word of whoever answers on its topic.
      const made = await client(broker.port, alfa())
      await made.subscribeAsync(topicOf(alfa(), 'ack'), { qos: 1 })
      made.on('message', (_topic, payload) => {
        const { epoch, whole_up_to } = JSON.parse(JSON.parse(payload.toString()).body)
        outbox.acknowledge('up-london', epoch, [[1, whole_up_to]])
      })
    } else {
      sender.start()
      await soon(() => sender.view().connected)
    }
    broker.publish(topicOf(alfa(), 'ack'), forged)
    await soon(() => sender.acksRefused > 0 || outbox.waiting('up-london') === 0)
    run.saw('acknowledgements refused', sender.acksRefused)
    if (outbox.waiting('up-london') < 3)
      run.harm('summaries that nobody stored are gone from the outbox')
  },
})

const ANSWERS: Layer = {
  name: 'the appliance that must answer',
  shows: /another appliance answers there/,
}
attempt('own-mqtt-01', {
  layers: [ANSWERS],
  undo,
  try: async (run) => {
    // A member that was taken over and got a certificate for servers, where the primary should be.
    const { certificate, privateKey } = await ca.issue(alfa(), { serves: true })
    const heard: Buffer[] = []
    const take = async (_topic: Topic, payload: Buffer) => void heard.push(payload)
    const primary = { ...fleet.primary, certificate, privateKey }
    const broker = await looseBroker({ ...fleet, primary }, { take })
    open.push(broker)
    const session = await run.does('the connection', () =>
      MqttSession.open({
        ...{ ca: fleet.ca, certificate: zulu().certificate, privateKey: zulu().privateKey },
        ...{ url: `mqtts://127.0.0.1:${broker.port}`, clientId: zulu().appliance_id },
        ...(run.without(ANSWERS) ? {} : { server: idsOf(fleet.primary) }),
        onMessage: async () => {},
      }),
    )
    session?.publish(topicOf(zulu(), 'lwt'), Buffer.from('here'))
    if (session) await soon(() => heard.length)
    if (heard.length > 0) run.harm('it speaks to a neighbour that it takes for its primary')
    session?.destroy()
  },
})
