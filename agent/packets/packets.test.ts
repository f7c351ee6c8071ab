import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { ethernet, icmpEcho, ipv4Header, tcpConversation, udp } from '../../test/traffic/frames.ts'
import {
  ALL_TIME,
  batchOf,
  cutRing,
  openRecorder,
  RING_TENANT,
  RingKeys,
  type WireFrame,
} from '../../test/traffic/frames-in-ring.ts'
import { canUnshare } from '../../test/traffic/three-networks.ts'
import { parseAddress } from '../base/address.ts'
import { RING_BYTES_MIN } from '../base/config.ts'
import { openFile } from '../capture/file.ts'
import { communityId } from '../flow/community-id.ts'
import { SEGMENT_OF } from '../lake/segment.ts'
import { FrameCut } from './cut.ts'
import { clearRing, listSegments, type SegmentFile } from './folder.ts'
import { Handover } from './handover.ts'
import { readHeader, readSegmentChunks } from './read.ts'
import { Recorder } from './recorder.ts'

const root = mkdtempSync(join(tmpdir(), 'picket-packets-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const newFolder = () => join(root, `${++made}`)

const START_US = 1_700_000_000_123_456
const FLOW = { src: '10.0.0.5', dest: '10.0.0.9', srcPort: 40_000, destPort: 53 }
const OTHER = { ...FLOW, srcPort: 40_001 }
const wire = (bytes: Uint8Array, i: number): WireFrame => ({ bytes, timeUs: START_US + i * 1000 })

function idOf({ src, dest, srcPort = 0, destPort = 0 }: typeof FLOW, protocol = 17): string {
  const words = (address: string) => parseAddress(address) as Uint32Array
  return communityId({ protocol, src: words(src), dest: words(dest), srcPort, destPort })
}

/** As the project's own reader, and anybody else's, sees the file. */
async function framesOf(pcapng: Uint8Array): Promise<WireFrame[]> {
  const path = join(root, `${++made}.pcapng`)
  writeFileSync(path, pcapng)
  const found: WireFrame[] = []
  for await (const batch of openFile(path))
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i] as number
      const bytes = Buffer.from(batch.bytes.subarray(start, start + (batch.captured[i] as number)))
      found.push({ bytes, timeUs: batch.timeUs[i] as number, restNs: batch.restNs[i] as number, wire: batch.wire[i] as number }) // biome-ignore format: one line
    }
  return found
}

async function kept(frames: readonly WireFrame[], wanted: object = {}) {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf(frames))
  await recorder.close()
  const cut = cutRing(folder, keys, { ...ALL_TIME, ...wanted })
  expect(cut.ends).toEqual(['whole'])
  return { ...cut, read: await framesOf(cut.pcapng) }
}

test('frames come back byte by byte, with nanoseconds and the length on the wire', async () => {
  const frames: WireFrame[] = [
    { bytes: udp(FLOW, 'one'), timeUs: START_US, restNs: 789, wire: 1500 },
    { bytes: udp(FLOW, 'a longer one'), timeUs: START_US, restNs: 790, wire: 54 },
    { bytes: Buffer.from([1, 2, 3]), timeUs: 1, restNs: 0, wire: 3 },
  ]
  const { read } = await kept(frames)
  expect(read).toEqual([frames[2], frames[0], frames[1]])
})

test('a tag that the kernel took off is in the frame again, of either type', async () => {
  const tagged = (type: number) => {
    const bytes = Buffer.from(udp(FLOW, 'tagged', [7]))
    bytes.writeUInt16BE(type, 12)
    return bytes
  }
  const bare = udp(FLOW, 'tagged')
  const { read } = await kept([
    { bytes: bare, timeUs: START_US, vlan: 7 },
    { bytes: bare, timeUs: START_US + 1, vlan: 7, vlanType: 0x88a8 },
  ])
  expect(read.map(({ bytes }) => bytes)).toEqual([tagged(0x8100), tagged(0x88a8)])
  expect(read.map((each) => each.wire)).toEqual([bare.length + 4, bare.length + 4])
})

test('a cut by Community ID is the frames of that flow and no others', async () => {
  // The same ports under another protocol are another flow.
  const talk = tcpConversation(FLOW, [{ from: 'client', data: 'no' }])
  const answer = { src: FLOW.dest, dest: FLOW.src, srcPort: 53, destPort: 40_000 }
  const frames = [udp(FLOW, 'q1'), udp(OTHER, 'no'), ...talk, udp(answer, 'a1'), icmpEcho(FLOW, 1, 1)] // biome-ignore format: one line
  const { read } = await kept(frames.map(wire), { community_id: idOf(FLOW) })
  expect(read.map(({ bytes }) => bytes)).toEqual([frames[0], frames.at(-2)])
})

test('fragments belong to the flow of their first, before or behind it', async () => {
  const payload = udp(FLOW, 'x'.repeat(3000)).subarray(34)
  const part = (from: number, to: number, id: number) =>
    ethernet(
      0x0800,
      Buffer.concat([
        ipv4Header(FLOW, 17, to - from, {
          ...{ id, fragmentOffset: from },
          moreFragments: to < payload.length,
        }),
        payload.subarray(from, to),
      ]),
    )
  const [first, second, third] = [part(0, 1480, 9), part(1480, 2960, 9), part(2960, payload.length, 9)] // biome-ignore format: one line
  const strange = part(1480, 2960, 10)
  const frames = [third, strange, first, second] as Buffer[]
  const { read } = await kept(frames.map(wire), { community_id: idOf(FLOW) })
  expect(read.map(({ bytes }) => bytes)).toEqual([third, first, second])
})

test('a flow inside a tunnel is found by its own name and by the tunnel’s', async () => {
  const outer = { src: '192.168.0.1', dest: '192.168.0.2' }
  const inner = udp(FLOW, 'inside').subarray(14)
  const frame = ethernet(0x0800, Buffer.concat([ipv4Header(outer, 4, inner.length), inner]))
  const frames = [frame, udp(OTHER, 'no')].map(wire)
  expect((await kept(frames, { community_id: idOf(FLOW) })).frames).toBe(1)
  expect((await kept(frames, { hosts: [outer.src, outer.dest] })).frames).toBe(1)
  expect((await kept(frames, { hosts: [FLOW.src] })).frames).toBe(2)
  expect((await kept(frames, { hosts: ['10.9.9.9'] })).frames).toBe(0)
  // What is no address asks for nothing, never for everything.
  expect((await kept(frames, { hosts: ['plc-1'] })).frames).toBe(0)
  expect((await kept(frames, { hosts: [FLOW.src, 'plc-1'] })).frames).toBe(0)
})

test('a cut keeps to its time and to its bound, and says so', async () => {
  const frames = Array.from({ length: 100 }, (_, i) => wire(udp(FLOW, `${i}`.repeat(500)), i))
  const { read } = await kept(frames, { fromUs: START_US + 10_000, toUs: START_US + 19_999 })
  expect(read.map(({ timeUs }) => timeUs)).toEqual(frames.slice(10, 20).map(({ timeUs }) => timeUs))
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf(frames))
  await recorder.close()
  const cut = cutRing(folder, keys, ALL_TIME, 64_000)
  expect(cut.truncated).toBe(true)
  expect(cut.pcapng.length).toBeLessThanOrEqual(64_000)
  expect((await framesOf(cut.pcapng)).length).toBe(cut.frames)
})

test('interfaces and link types keep their names, in a section that any reader takes', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'a'), 0)]))
  await recorder.record('eth2', batchOf([wire(udp(FLOW, 'b'), 1)]))
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'c').subarray(14), 2)], 101))
  await recorder.close()
  const { pcapng } = cutRing(folder, keys, ALL_TIME)
  expect(pcapng.toString('latin1').match(/eth[12]/g)).toEqual(['eth1', 'eth2', 'eth1'])
  expect((await framesOf(pcapng)).length).toBe(3)
})

test('the quota holds at every moment; the oldest leave first, and are counted', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys, RING_BYTES_MIN)
  const frames = Array.from({ length: 1000 }, (_, i) => wire(udp(FLOW, Buffer.alloc(1400, i)), i))
  for (let round = 0; round < 30; round++) {
    await recorder.record('eth1', batchOf(frames.map((each) => ({ ...each, timeUs: each.timeUs + round * 1e6 })))) // biome-ignore format: one line
    const held = listSegments(folder).reduce((sum, { bytes }) => sum + bytes, 0)
    expect(held).toBeLessThanOrEqual(RING_BYTES_MIN)
  }
  await recorder.close()
  const { segmentsRetired, framesKept, framesLost, oldestUs } = recorder.status
  expect([framesKept, framesLost]).toEqual([30_000, 0])
  expect(segmentsRetired).toBeGreaterThan(10)
  const { pcapng, ends } = cutRing(folder, keys, ALL_TIME)
  expect(new Set(ends)).toEqual(new Set(['whole']))
  const read = await framesOf(pcapng)
  // What is left is the newest, without a hole.
  expect(read.at(-1)?.timeUs).toBe(START_US + 999_000 + 29e6)
  expect(read[0]?.timeUs).toBe(oldestUs)
  expect(read.length).toBe((START_US + 29e6 + 999_000 - (oldestUs as number)) / 1000 + 1)
})

test('a smaller quota is kept to from the start; no quota leaves nothing', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const first = openRecorder(folder, keys)
  const frames = Array.from({ length: 1000 }, (_, i) => wire(udp(FLOW, Buffer.alloc(1400, i)), i))
  for (let i = 0; i < 20; i++) await first.record('eth1', batchOf(frames))
  await first.close()
  expect(first.status.bytes).toBeGreaterThan(RING_BYTES_MIN)
  const second = openRecorder(folder, keys, RING_BYTES_MIN)
  expect(second.status.bytes).toBeLessThanOrEqual(RING_BYTES_MIN)
  expect(() => openRecorder(folder, keys)).toThrow('Another process writes this packet ring.')
  await second.close()
  expect(clearRing(folder)).toBeGreaterThan(0)
  expect(readdirSync(folder)).toEqual(['lock'])
})

test('a writer that died leaves all it had handed over; a torn tail is no more than that', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'first'), 0)]))
  recorder.flush()
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'second'), 1)]))
  recorder.flush()
  expect(cutRing(folder, keys, ALL_TIME)).toMatchObject({ frames: 2, ends: ['open'] })
  const [segment] = listSegments(folder)
  const { path, bytes } = segment as { path: string; bytes: number }
  truncateSync(path, bytes - 5)
  expect(cutRing(folder, keys, ALL_TIME)).toMatchObject({ frames: 1, ends: ['open'] })
  await recorder.close()
})

test('a changed byte, another key, another tenant or the journal’s own segment: nothing comes out', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'secret words'), 0)]))
  await recorder.close()
  const [{ path, segment_uid }] = listSegments(folder) as [SegmentFile]
  const good = readFileSync(path)
  expect(good.includes('secret words')).toBe(false)
  const read = (tenant_uid: string, key: Buffer) => {
    const cut = new FrameCut(ALL_TIME, 1 << 20)
    const end = readSegmentChunks(path, { tenant_uid, key }, (chunk) => cut.chunk(chunk))
    return { end, frames: cut.result().frames }
  }
  const nothing = { end: 'broken', frames: 0 }
  expect(read(RING_TENANT, Buffer.alloc(32))).toEqual(nothing)
  expect(read('c3'.repeat(16), keys.of(segment_uid))).toEqual(nothing)
  for (const at of [4, 45, 120, good.length - 60]) {
    const bad = Buffer.from(good)
    bad.writeUInt8(bad.readUInt8(at) ^ 1, at)
    writeFileSync(path, bad)
    expect(read(RING_TENANT, keys.of(segment_uid)).end, `byte ${at}`).toBe('broken')
  }
  const journal = Buffer.from(good)
  journal.write(SEGMENT_OF.journal, 0)
  writeFileSync(path, journal)
  expect(read(RING_TENANT, keys.of(segment_uid))).toEqual(nothing)
})

test('a shard never waits: what finds no slot is counted, the rest comes over whole', () => {
  const shard = new Handover()
  const recorder = new Handover(shard.buffer)
  const frames = [udp(FLOW, 'one'), udp(OTHER, 'two')].map(wire)
  const taken: boolean[] = []
  for (let i = 0; i < 34; i++) taken.push(shard.offer(batchOf(frames)))
  expect(taken).toEqual([...Array(32).fill(true), false, false])
  expect(recorder.lost).toBe(4)
  const batch = recorder.take()
  expect(batch?.count).toBe(2)
  const start = batch?.start[1] as number
  expect(Buffer.from(batch?.bytes.subarray(start, start + (batch.captured[1] as number)) ?? [])).toEqual(frames[1]?.bytes) // biome-ignore format: one line
  recorder.release()
  expect(shard.offer(batchOf(frames))).toBe(true)
  expect(shard.offer(batchOf([]))).toBe(false)
  for (let i = 0; i < 32; i++) {
    expect(recorder.take()?.count).toBe(2)
    recorder.release()
  }
  expect(recorder.take()).toBeUndefined()
})

test('picket-keys away: frames wait for its answer, and a closed recorder loses them with a count', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  let asked = 0
  const recorder = Recorder.open({
    folder,
    tenant_uid: RING_TENANT,
    appliance_uid: 'b2'.repeat(16),
    quotaBytes: RING_BYTES_MIN,
    openSegment: () => (++asked < 3 ? Promise.reject(new Error('keys are away')) : keys.openSegment()), // biome-ignore format: one line
  })
  const recorded = recorder.record('eth1', batchOf([wire(udp(FLOW, 'waits'), 0)]))
  await Promise.resolve()
  expect(recorder.status.fault).toBe('keys are away')
  await recorded
  expect(recorder.status.fault).toBeUndefined()
  await recorder.close()
  expect(cutRing(folder, keys, ALL_TIME).frames).toBe(1)
})

test('what is missing of an answer is said in the file, which goes from hand to hand', async () => {
  const [folder, keys] = [newFolder(), new RingKeys()]
  const recorder = openRecorder(folder, keys)
  const frames = Array.from({ length: 30 }, (_, i) => wire(udp(FLOW, 'x'.repeat(900)), i))
  await recorder.record('eth1', batchOf(frames))
  await recorder.close()
  const cut = (bytesMax: number) => {
    const made = new FrameCut(ALL_TIME, bytesMax)
    for (const { path, segment_uid } of listSegments(folder))
      readSegmentChunks(path, { tenant_uid: RING_TENANT, key: keys.of(segment_uid) }, (chunk) => made.chunk(chunk)) // biome-ignore format: one line
    return made
  }
  const short = cut(32 << 10).result({ broken: 2 })
  expect(short.frames).toBeGreaterThan(5)
  expect(await framesOf(short.pcapng)).toHaveLength(short.frames)
  const words = short.pcapng.toString('latin1')
  expect(words).toContain('later frames are not in it')
  expect(words).toContain('2 segments of the packet ring do not verify')
  expect(
    cut(32 << 20)
      .result()
      .pcapng.toString('latin1'),
  ).not.toContain('not in it')
})

test('a pipe, a link, a folder and a file without end in the place of a segment are no segment, and nobody waits', async () => {
  const { folder, keys } = { folder: newFolder(), keys: new RingKeys() }
  const recorder = openRecorder(folder, keys)
  await recorder.record('eth1', batchOf([wire(udp(FLOW, 'true'), 0)]))
  await recorder.close()
  const path = (n: number) => join(folder, `${String(n).padStart(10, '0')}-${'c'.repeat(32)}.open`)
  const elsewhere = join(root, 'elsewhere')
  writeFileSync(elsewhere, 'what its writer may not read')
  execFileSync('mkfifo', [path(7)])
  symlinkSync(elsewhere, path(8))
  mkdirSync(path(9))
  writeFileSync(path(10), '')
  truncateSync(path(10), 3 << 30)
  expect(listSegments(folder).map(({ seq }) => seq)).toEqual([1, 10])
  const key = Buffer.alloc(32)
  for (let n = 7; n <= 10; n++) {
    expect(readHeader(path(n), RING_TENANT)).toBeUndefined()
    const end = readSegmentChunks(path(n), { tenant_uid: RING_TENANT, key }, () => true)
    expect(end).toBe('broken')
  }
  expect(cutRing(folder, keys, ALL_TIME)).toMatchObject({ frames: 1, ends: ['whole', 'broken'] })
})

test.skipIf(!canUnshare())(
  'on a disk that others fill the ring gives way, counts, and comes back',
  () => {
    const disk = newFolder()
    mkdirSync(disk)
    const program = fileURLToPath(
      new URL('../../test/traffic/ring-on-full-disk.ts', import.meta.url),
    )
    const said = execFileSync('unshare', ['-rm', process.execPath, program, disk]).toString()
    const { before, crowded, after, frames, broken } = JSON.parse(said)
    expect(before.framesLost).toBe(0)
    expect(before.bytes).toBeGreaterThan(16 << 20)
    expect(crowded.bytes).toBeLessThanOrEqual(before.bytes)
    // A chunk or two met the full disk, then the oldest made room. Each frame is kept or counted.
    expect(crowded.framesLost).toBeLessThan(4 * 750)
    expect(crowded.segmentsRetired).toBeGreaterThan(0)
    expect(crowded.framesKept + crowded.framesLost).toBeGreaterThanOrEqual(50 * 750 - 1500)
    expect(after.framesKept).toBeGreaterThan(crowded.framesKept)
    expect(after.framesKept + after.framesLost).toBe(60 * 750)
    expect(after.fault).toBeUndefined()
    expect([frames > 0, broken]).toEqual([true, 0])
  },
)
