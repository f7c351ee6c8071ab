import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { parseAddress } from '../../base/address.ts'
import { TRANSACTION_PROTOS } from '../../decode/records.ts'
import type { Observation } from './observation.ts'
import { type FlowEnds, OBSERVATIONS_MAX, ObservationBatch } from './observation-batch.ts'
import { givenOn, readObservations } from './observation-reader.ts'

const [TCP, UDP] = [6, 17]
const NOW_US = 1_764_270_000_123_456

interface Flow {
  client: string
  server: string
  port: number
  protocol?: number
}

/** Rows of a flow table. */
function ends(...flows: Flow[]): FlowEnds {
  const words = (texts: string[]) =>
    Uint32Array.from(texts.flatMap((text) => [...(parseAddress(text) as Uint32Array)]))
  return {
    client: words(flows.map(({ client }) => client)),
    server: words(flows.map(({ server }) => server)),
    serverPort: Uint16Array.from(flows, ({ port }) => port),
    protocol: Uint8Array.from(flows, ({ protocol = TCP }) => protocol),
  }
}

const never = () => expect.unreachable('it is not full')

/** As a message takes it to another thread: what was there is there no more. */
function sent(batch: ObservationBatch): Observation[] {
  const taken = batch.take()
  const message = structuredClone(taken, { transfer: [taken.words.buffer] })
  expect(taken.words.length + taken.numbers.length).toBe(0)
  const all: Observation[] = []
  readObservations(message, (seen) => void all.push(seen))
  return all
}

test('every kind arrives as it was made, in order', () => {
  const batch = new ObservationBatch(never)
  const flows = ends(
    { client: '10.0.0.5', server: '192.0.2.255', port: 443 },
    { client: '2001:db8::1', server: 'fe80::ffff:ffff:ffff:ffff', port: 65_535, protocol: UDP },
    { client: '0.0.0.0', server: '255.255.255.255', port: 0 },
  )
  batch.flowNew(flows, 0, NOW_US, true)
  batch.flowNew(flows, 1, NOW_US + 1, false)
  batch.flowEstablished(flows, 2, 0)
  batch.flowRefused(flows, 0, 2 ** 32)
  batch.sshAttempt(flows, 2, 2 ** 53)
  batch.modbusWrite(flows, 0, NOW_US, { function: 255, unit: 255 })
  const write = { timeUs: NOW_US, protocol: 'DNP3', operation: 'cold restart' }
  batch.otWrite(flows, 1, { ...write, attackIds: ['T0816', 'T0855'], toServer: false })
  batch.otWrite(flows, 0, { ...write, attackIds: [], toServer: true })
  batch.dnsQuery(flows, 1, NOW_US, 'www.example.com')
  const v4 = { src: '10.0.0.5', dest: '192.0.2.255', port: 443, proto: 'TCP' as const }
  const v6 = { src: '2001:db8::1', dest: 'fe80::ffff:ffff:ffff:ffff', port: 65_535, proto: 'UDP' as const } // biome-ignore format: one flow
  const [none, all] = ['0.0.0.0', '255.255.255.255']
  expect(sent(batch)).toEqual([
    { what: 'flow-new', ...v4, timeUs: NOW_US, syn: true },
    { what: 'flow-new', ...v6, timeUs: NOW_US + 1, syn: false },
    { what: 'flow-established', src: none, dest: all, port: 0, proto: 'TCP', timeUs: 0 },
    { what: 'flow-refused', ...v4, timeUs: 2 ** 32 },
    { what: 'ssh-attempt', client: none, server: all, port: 0, timeUs: 2 ** 53 },
    { what: 'modbus-write', station: v4.src, dest: v4.dest, port: 443, timeUs: NOW_US, function: 255, unit: 255 },
    { what: 'ot-write', ...write, attackIds: ['T0816', 'T0855'], station: v6.dest, dest: v6.src, port: 65_535, proto: 'UDP' },
    { what: 'ot-write', ...write, attackIds: [], station: v4.src, dest: v4.dest, port: 443, proto: 'TCP' },
    { what: 'dns-query', client: v6.src, server: v6.dest, name: 'www.example.com', timeUs: NOW_US },
  ] satisfies Observation[]) // biome-ignore format: one line each
  expect(sent(batch)).toEqual([])
})

test('the end of a flow keeps its numbers whole, and every protocol', () => {
  const batch = new ObservationBatch(never)
  const flows = ends(
    { client: '10.0.0.5', server: '10.0.0.6', port: 65_535 },
    { client: '::', server: '::1', port: 53, protocol: UDP },
  )
  const numbers = [
    { bytes: Number.MAX_SAFE_INTEGER, packets: 2 ** 40, durationMs: 0.001 },
    { bytes: 0, packets: 0, durationMs: -12_345.678 },
  ]
  const protos = ['unknown', 'failed', ...TRANSACTION_PROTOS] as const
  const ended = protos.flatMap((app_proto, i) =>
    numbers.map((each) => ({ ...each, app_proto, timeUs: NOW_US + i, established: i % 2 === 0 })),
  )
  for (const [i, each] of ended.entries()) batch.flowClosed(flows, i % 2, each)
  const owners = [
    { src: '10.0.0.5', dest: '10.0.0.6', port: 65_535, proto: 'TCP' },
    { src: '::', dest: '::1', port: 53, proto: 'UDP' },
  ]
  expect(sent(batch)).toEqual(
    ended.map((each, i) => ({ what: 'flow-closed', ...each, ...owners[i % 2] })),
  )
})

test('names arrive letter by letter, however odd', () => {
  const names = ['', '.', 'a'.repeat(255), '\0\x01\x7f\xff', '\ud800 alone', '日本 🙂', '__proto__', '\\"\n,;'] // biome-ignore format: one list
  const batch = new ObservationBatch(never)
  const flows = ends({ client: '10.0.0.5', server: '10.0.0.53', port: 53, protocol: UDP })
  for (const name of names) {
    batch.flowNew(flows, 0, NOW_US, false)
    batch.dnsQuery(flows, 0, NOW_US, name)
  }
  expect(sent(batch).flatMap((seen) => (seen.what === 'dns-query' ? [seen.name] : []))).toEqual(
    names,
  )
})

test('a batch that is full is taken at once: none is lost, and none comes before another', () => {
  const taken: number[] = []
  const sizes: number[] = []
  const batch = new ObservationBatch((full) => {
    sizes.push(full.count)
    for (const { timeUs } of sent(full)) taken.push(timeUs)
  })
  const flows = ends({ client: '10.0.0.5', server: '10.0.0.6', port: 80 })
  const count = OBSERVATIONS_MAX * 2 + 10
  for (let i = 0; i < count; i++)
    if (i % 3 === 0) batch.dnsQuery(flows, 0, i, `${i}`)
    else batch.flowRefused(flows, 0, i)
  expect(sizes).toEqual([OBSERVATIONS_MAX, OBSERVATIONS_MAX])
  for (const { timeUs } of sent(batch)) taken.push(timeUs)
  expect(taken).toEqual(Array.from({ length: count }, (_, i) => i))
})

test('where no thread lies between each is given on when it is made', () => {
  const seen: Observation[] = []
  const batch = givenOn((one) => void seen.push(one))
  const flows = ends({ client: '10.0.0.5', server: '10.0.0.6', port: 80 })
  for (let i = 0; i < 3; i++) {
    batch.dnsQuery(flows, 0, i, `name ${i}`)
    expect(seen).toHaveLength(i + 1)
    expect(seen[i]).toMatchObject({ name: `name ${i}`, timeUs: i })
  }
})

test('memory of which nothing is true is read to its end', () => {
  const seed = randomInt(2 ** 31)
  const chance = new Chance(seed)
  const next = () => chance.int(0, 2 ** 32 - 1)
  for (let turn = 0; turn < 200; turn++) {
    const words = Uint32Array.from({ length: 18 * 20 }, next)
    for (let i = 0; i < 20; i++) words[i * 18] = (next() & 0xffff_ff00) | chance.int(0, 9)
    const numbers = new Float64Array(words.buffer)
    let read = 0
    readObservations({ count: 20, words, numbers, texts: ['a', 'b'] }, () => void read++)
    expect(read, `seed ${seed}`).toBeLessThanOrEqual(20)
  }
})
