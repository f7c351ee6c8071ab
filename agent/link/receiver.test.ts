import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type BoxKeys,
  closeLogs,
  type FleetKeys,
  memberOf,
  openReceiver,
  privateKeyOf,
  signerOf,
  summaryAt,
  until,
} from '../../test/link/fleet.ts'
import { makeFleet } from '../../test/link/fleet-ca.ts'
import { type Envelope, signJson } from '../base/signing.ts'
import type { SiteFold } from '../summary/fold.ts'
import { seal } from '../summary/seal.ts'
import { asJson, type Summary } from '../summary/summary.ts'
import { bodyHash } from '../summary/verify.ts'
import { EPOCHS_MAX } from './limits.ts'
import { NO_HASH } from './outbox.ts'
import type { Receiver, ReceivingMember } from './receiver.ts'
import { KIND_FORK } from './record.ts'
import type { Topic, TopicKind } from './topics.ts'

let fleet: FleetKeys
let [cape, sydney] = [] as unknown as [BoxKeys, BoxKeys]
let folder = ''
beforeAll(async () => {
  fleet = (await makeFleet(['cape-town', 'sydney'])).keys
  ;[cape, sydney] = fleet.sites as [BoxKeys, BoxKeys]
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-receiver-'))
})

afterEach(closeLogs)

const topicOf = ({ tenant_uid, appliance_id }: BoxKeys, kind: TopicKind = 'sum'): Topic => ({
  ...{ fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind },
})
const textOf = ({ fleet_uid, tenant_uid, appliance_id, kind }: Topic) =>
  `p/v1/${fleet_uid}/${tenant_uid}/${appliance_id}/${kind}`

/** Sealed as the site does it, the chain whole when they are made in turn. */
function chainOf(site: BoxKeys, count: number, from = 1) {
  let previous = NO_HASH
  return Array.from({ length: count }, (_, i) => {
    const place = { epoch: 7, sequence: from + i, previous, outbox_from: 1 }
    const envelope = summaryAt(site, place, 1e15 + i)
    previous = bodyHash(envelope.body)
    return { envelope, payload: sealed(site, envelope) }
  })
}
function sealed(
  site: BoxKeys,
  envelope: Parameters<typeof seal>[0],
  topic = textOf(topicOf(site)),
) {
  return seal(envelope, { receiverKey: Buffer.from(fleet.sealKey, 'base64'), topic })
}
function signed(site: BoxKeys, change: Partial<Summary>, by = site) {
  const place = { epoch: 7, sequence: 1, previous: NO_HASH, outbox_from: 1 }
  const summary = JSON.parse(summaryAt(site, place, 1e15).body)
  return signJson(privateKeyOf(by.identity), 'summary', asJson({ ...summary, ...change }))
}
const heldOf = (receiver: Receiver, site: BoxKeys, epoch = 7) =>
  receiver.sites().get(site.tenant_uid)?.held(epoch, 256)

test('each wrong message is turned away with its word, and counted at the site it came for', async () => {
  const { receiver } = await openReceiver(folder, fleet)
  const good = chainOf(sydney, 1)[0]?.payload as Buffer
  const flipped = Buffer.from(good)
  flipped.writeUInt8(flipped.readUInt8(100) ^ 1, 100)
  const foreignTopic = { ...topicOf(sydney), appliance_id: cape.appliance_id }
  const cases: [string, Topic, Buffer][] = [
    ['not-sealed', topicOf(sydney), Buffer.from('hello')],
    ['not-sealed', topicOf(sydney), flipped],
    ['not-sealed', topicOf(cape), good],
    ['too-big', topicOf(sydney), Buffer.alloc((48 << 10) + 1)],
    ['forged', topicOf(sydney), sealed(sydney, signed(sydney, {}, cape))],
    ['foreign', topicOf(sydney), sealed(sydney, signed(sydney, { tenant_id: 'cape-town' }))],
    ['malformed', topicOf(sydney), sealed(sydney, signed(sydney, { sequence: -1 }))],
    ['foreign', foreignTopic, good],
    ['foreign', { ...topicOf(sydney), fleet_uid: '0'.repeat(32) }, good],
    ['forged', topicOf(sydney, 'lwt'), Buffer.from(JSON.stringify(signed(sydney, {}, cape)))],
    ['accepted', topicOf(sydney), good],
    ['replayed', topicOf(sydney), good],
  ]
  for (const [word, topic, payload] of cases)
    expect(await receiver.take(topic, payload), word).toBe(word)
  const { rejected } = receiver.sites().get(sydney.tenant_uid)?.fold ?? {}
  expect(rejected).toMatchObject({ 'not-sealed': 2, 'too-big': 1, forged: 2, malformed: 1 })
  expect(receiver.rejected).toEqual({ foreign: 2 })
  await receiver.close()
})

test('a revoked site is not believed from that sequence on', async () => {
  const revoked = { ...memberOf(sydney), revoked: { epoch: 7, sequence: 2 } }
  const { receiver } = await openReceiver(folder, fleet, { members: [revoked] })
  const [first, second] = chainOf(sydney, 2)
  expect(await receiver.take(topicOf(sydney), first?.payload as Buffer)).toBe('accepted')
  expect(await receiver.take(topicOf(sydney), second?.payload as Buffer)).toBe('revoked')
  await receiver.close()
})

test('more than a burst is dropped, counted, and taken when it comes again', async () => {
  const messages = { perSecond: 0.001, burst: 3 }
  const { receiver } = await openReceiver(folder, fleet, { messages })
  const verdicts = []
  for (const { payload } of chainOf(sydney, 5))
    verdicts.push(await receiver.take(topicOf(sydney), payload))
  expect(verdicts).toEqual(['accepted', 'accepted', 'accepted', 'flooding', 'flooding'])
  expect(heldOf(receiver, sydney)).toEqual({ whole: 3, also: [] })
  await receiver.close()
})

test('in any order; acknowledged together, once a second at most, again when it comes again', async () => {
  const acks: { whole_up_to: number; also: [number, number][]; at: number }[] = []
  const { receiver } = await openReceiver(folder, fleet, {
    publish: (_topic, payload) =>
      acks.push({ ...JSON.parse(JSON.parse(String(payload)).body), at: performance.now() }),
  })
  const chain = chainOf(sydney, 6)
  // On a busy machine one goes out before all four are taken: the next one tells of all.
  const told = (whole: number, also: [number, number][]) => {
    const last = acks.at(-1)
    return last?.whole_up_to === whole && JSON.stringify(last.also) === JSON.stringify(also)
  }
  for (const i of [5, 0, 1, 3]) await receiver.take(topicOf(sydney), chain[i]?.payload as Buffer)
  await until('an ack of the four', () => told(2, [[4, 4], [6, 6]])) // biome-ignore format: one line
  for (const i of [4, 2, 2]) await receiver.take(topicOf(sydney), chain[i]?.payload as Buffer)
  await until('an ack of all', () => told(6, []))
  const before = acks.length
  await receiver.take(topicOf(sydney), chain[0]?.payload as Buffer)
  await until('an ack for the replay', () => acks.length > before)
  const gaps = acks.slice(1).map(({ at }, i) => at - (acks[i]?.at ?? 0))
  expect(
    gaps.every((gap) => gap > 500),
    String(gaps),
  ).toBe(true)
  await receiver.close()
})

test('one sequence with two contents: both are kept, over a restart too', async () => {
  const { receiver, log } = await openReceiver(folder, fleet)
  const [one] = chainOf(sydney, 1)
  await receiver.take(topicOf(sydney), one?.payload as Buffer)
  const other = signed(sydney, { sentence: 'Sydney: another story.' })
  expect(await receiver.take(topicOf(sydney), sealed(sydney, other))).toBe('forked')
  expect([...log.read()].map(({ head }) => head.kind)).toEqual([1, KIND_FORK])
  const again = await openReceiver(folder, fleet)
  expect(again.receiver.sites().get(sydney.tenant_uid)?.fold.forks).toHaveLength(1)
  await again.receiver.close()
})

test('a site that claimed the last epochs there are is heard again once it joined anew, over restarts too', async () => {
  const clock = { nowUs: () => nowUs, steadyMs: () => performance.now() }
  let nowUs = 2e15
  const before = { ...memberOf(sydney), joinedAt: nowUs - 1e9 }
  const open = (member: ReceivingMember) =>
    openReceiver(folder, fleet, { clock, members: [member] })
  const first = await open(before)
  const take = async (envelope: Parameters<typeof seal>[0], { receiver } = first) => {
    nowUs += 1e6
    return receiver.take(topicOf(sydney), sealed(sydney, envelope))
  }
  const { anchors } = JSON.parse(signed(sydney, {}).body) as Summary
  const high = { ...anchors, audit_seq: 1e12, audit_head: 'a'.repeat(64) }
  const taken = Array.from({ length: EPOCHS_MAX + 1 }, (_, i) =>
    signed(sydney, { epoch: Number.MAX_SAFE_INTEGER - i, anchors: high }),
  )
  for (const envelope of taken) expect(await take(envelope)).toMatch(/accepted|replayed/)
  nowUs += 1e6
  const joined = { ...before, joinedAt: nowUs }
  first.receiver.setMembers([joined])
  for (const { envelope } of chainOf(sydney, 3)) expect(await take(envelope)).toBe('accepted')
  expect(await take(taken[0] as Envelope)).toBe('replayed')
  const seenBy = (receiver: Receiver) => {
    const fold = receiver.sites().get(sydney.tenant_uid)?.fold as SiteFold
    const { epoch, sequence } = fold.newest?.summary ?? {}
    const alarms = fold.alarms.filter(({ at }) => at >= joined.joinedAt)
    return { epoch, sequence, alarms, forks: fold.forks, held: heldOf(receiver, sydney)?.whole }
  }
  const fine = { epoch: 7, sequence: 3, alarms: [], forks: [], held: 3 }
  expect(seenBy(first.receiver)).toEqual(fine)
  const byLog = await open(joined)
  expect(seenBy(byLog.receiver)).toEqual(fine)
  await byLog.receiver.saveSnapshot()
  const bySnapshot = await open(joined)
  expect(seenBy(bySnapshot.receiver)).toEqual(fine)
  const [, , , fourth] = chainOf(sydney, 4)
  expect(await take(fourth?.envelope as Envelope, bySnapshot)).toBe('accepted')
  expect(seenBy(bySnapshot.receiver)).toEqual({ ...fine, sequence: 4, held: 4 })
})

test('a restart reads the snapshot and what came after; each site is sealed under its own key', async () => {
  const { receiver, log } = await openReceiver(folder, fleet, { segmentBytes: 10_000 })
  const chains = [chainOf(cape, 12), chainOf(sydney, 12)]
  for (let i = 0; i < 12; i++) {
    await receiver.take(topicOf(cape), chains[0]?.[i]?.payload as Buffer)
    await receiver.take(topicOf(sydney), chains[1]?.[i]?.payload as Buffer)
    if (i === 7) await receiver.saveSnapshot()
  }
  const from = log.position
  expect(from.segment).toBeGreaterThan(2)
  // As after a crash: the receiver is not closed. Then with another key for Cape Town: shredded.
  const again = await openReceiver(folder, fleet)
  for (const site of [cape, sydney])
    expect(heldOf(again.receiver, site)).toEqual({ whole: 12, also: [] })
  expect(again.receiver.damaged).toBe(0)
  const gone = { ...memberOf(cape), storeKey: Buffer.alloc(32).toString('base64') }
  const shredded = await openReceiver(folder, fleet, { members: [gone, memberOf(sydney)] })
  expect(heldOf(shredded.receiver, cape)).toEqual({ whole: 0, also: [] })
  expect(heldOf(shredded.receiver, sydney)).toEqual({ whole: 12, also: [] })
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (/\.(log|snapshot)$/.test(name))
      expect(readFileSync(join(folder, name)).includes('sydney'), name).toBe(false)
})

test('a damaged snapshot costs time, and nothing else', async () => {
  const { receiver } = await openReceiver(folder, fleet)
  for (const { payload } of chainOf(sydney, 4)) await receiver.take(topicOf(sydney), payload)
  await receiver.close()
  const path = join(folder, 'folds.snapshot')
  const bytes = readFileSync(path)
  for (const broken of [
    bytes.subarray(0, bytes.length - 5),
    bytes.map((byte, i) => (i === 300 ? byte ^ 1 : byte)),
    bytes.map((byte, i) => (i === 7 ? byte ^ 2 : byte)), // a later segment
    bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)), // a later place
    Buffer.concat([bytes.subarray(0, 12), bytes.subarray(-8)]), // no site at all
    Buffer.alloc(0),
  ]) {
    writeFileSync(path, broken)
    const again = await openReceiver(folder, fleet)
    expect(heldOf(again.receiver, sydney)).toEqual({ whole: 4, also: [] })
    expect(again.receiver.sites().get(sydney.tenant_uid)?.fold.epochs[0]?.wholeUpTo).toBe(4)
  }
})

test('a last will of the present connection makes a site gone, an older one does not', async () => {
  const { receiver } = await openReceiver(folder, fleet)
  const say = async (nonce: string, state: string) => {
    const { tenant_uid, appliance_id } = sydney
    const body = { version: 1, tenant_uid, appliance_id, nonce: nonce.repeat(32), state, at: 1e15 }
    const payload = Buffer.from(JSON.stringify(await signerOf(sydney)('lwt', body)))
    return receiver.take(topicOf(sydney, 'lwt'), payload)
  }
  const goneAt = () => receiver.sites().get(sydney.tenant_uid)?.fold.goneAt
  await say('a', 'here')
  await say('b', 'here')
  await say('a', 'gone')
  expect(goneAt()).toBeNull()
  await say('b', 'gone')
  expect(goneAt()).not.toBeNull()
  await receiver.close()
})
