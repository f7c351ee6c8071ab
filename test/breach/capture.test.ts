/** Attempts on the layer `capture/decoder`: the same bytes past each bound and past none, and faults that nobody hears. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib'
import { afterAll, expect } from 'vitest'
import type { EventDraft } from '../../agent/base/event.ts'
import { CaptureCounters } from '../../agent/capture/counters.ts'
import { openFile } from '../../agent/capture/file.ts'
import { decodeFrame, decodeInside } from '../../agent/decode/frame.ts'
import { inflateBody } from '../../agent/decode/http-inflate.ts'
import { bareModbus, decodeModbus } from '../../agent/decode/modbus.ts'
import { Packet } from '../../agent/decode/packet.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { FlowCounters } from '../../agent/flow/counters.ts'
import { Fragments } from '../../agent/flow/fragments.ts'
import { SELF_TEST_PREFIX, selfTestFrame } from '../../agent/health/self-test.ts'
import { Inspector } from '../../agent/inspector.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { batchOf, FlowRecorder } from '../traffic/flow-recorder.ts'
import {
  ethernet,
  ipv4Header,
  pcapFile,
  tcp,
  tcpConversation,
  timed,
  udp,
} from '../traffic/frames.ts'
import { Pcapng } from '../traffic/pcapng.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary } from './canary.ts'

const FLOWS_MAX = 256
const FLOOD = 4000
const SLOTS = 64
const DEEP = 50
const BOMB_BYTES = 64 << 20
const HELD_BYTES = 24 << 20
const SMALL_BYTES = 16 << 20
const IP_IN_IP = 4
const UDP = 17
const [SYN, ACK] = [0x02, 0x10]
const ENDS = { src: '10.0.0.5', dest: '10.0.1.10', srcPort: 40_000, destPort: 80 }

const folder = mkdtempSync(join(tmpdir(), 'picket-breach-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TOLD: Layer = { name: 'the fault of an overlap, that is told', shows: /stream-overlap|fragment-overlap/ } // biome-ignore format: one line
/** A listener that looks at streams and hears no fault. */
class Deaf extends FlowRecorder {
  override fault(): void {}
}
const recorder = (run: Run) => (run.without(TOLD) ? new Deaf() : new FlowRecorder())
function evaded(run: Run, { faults, streams }: FlowRecorder): void {
  run.saw('the streams', [...streams.values()])
  run.saw('the faults', faults)
  if (!faults.some((fault) => fault.endsWith('-overlap'))) run.harm('two readings of one place, and nobody is told') // biome-ignore format: one line
}
attempt('capture-01', {
  layers: [TOLD],
  try: async (run) => {
    const seen = recorder(run)
    const reply = { src: ENDS.dest, dest: ENDS.src, srcPort: 80, destPort: 40_000 }
    seen.send([
      tcp(ENDS, { seq: 100, flags: SYN }),
      tcp(reply, { seq: 500, ack: 101, flags: SYN | ACK }),
      tcp(ENDS, { seq: 101, ack: 501, flags: ACK }),
      tcp(ENDS, { seq: 105, ack: 501, flags: ACK, payload: '/good' }), // early, so it waits
      tcp(ENDS, { seq: 105, ack: 501, flags: ACK, payload: '/evil' }),
      tcp(ENDS, { seq: 101, ack: 501, flags: ACK, payload: 'GET ' }),
    ])
    evaded(run, seen.end())
  },
  holds: (run) => expect(run.text).toContain('GET /good'),
})

/** One datagram in pieces, in Ethernet. */
const piece = (id: number, fragmentOffset: number, payload: Uint8Array, moreFragments = true) =>
  ethernet(0x0800, Buffer.concat([ipv4Header(ENDS, UDP, payload.length, { id, fragmentOffset, moreFragments }), payload])) // biome-ignore format: one line
attempt('capture-03', {
  by: 'teardrop',
  layers: [TOLD],
  try: async (run) => {
    const seen = recorder(run)
    seen.send([
      piece(7, 0, Buffer.alloc(24, 'a')),
      piece(7, 8, Buffer.alloc(24, 'b')),
      piece(7, 32, Buffer.alloc(8, 'c'), false),
      piece(8, 0, Buffer.alloc(0)),
      piece(9, 65_528, Buffer.alloc(64, 'd'), false),
    ])
    evaded(run, seen.end())
    expect(seen.path.processed).toBe(5)
  },
})

const DATAGRAMS: Layer = {
  name: 'half-built datagrams at a time',
  shows: /"fragmentsEvicted":[1-9]/,
}
attempt('capture-03', {
  by: 'a flood of first pieces',
  layers: [DATAGRAMS],
  try: async (run) => {
    const counters = new FlowCounters()
    const fragments = new Fragments(counters, run.without(DATAGRAMS) ? FLOOD : SLOTS)
    const packet = new Packet()
    for (let id = 0; id < FLOOD / 4; id++) {
      const frame = piece(id + 1, 0, Buffer.alloc(8))
      Object.assign(packet, { bytes: frame, start: 0, end: frame.length, wireBytes: frame.length, timeUs: id }) // biome-ignore format: one line
      decodeFrame(packet, 1, -1)
      fragments.add(packet)
    }
    run.saw('the counters', counters.snapshot())
    if (fragments.live > SLOTS) run.harm(`${fragments.live} half-built datagrams are held`)
  },
})

const ROWS: Layer = { name: 'the rows of the flow table', shows: /"flowsEvicted":[1-9]/ }
const said = canary('what an old talk says after the flood')
attempt('capture-02', {
  layers: [ROWS],
  try: async (run) => {
    const seen = new FlowRecorder({ flowsMax: run.without(ROWS) ? 2 * FLOOD : FLOWS_MAX })
    const talk = tcpConversation(ENDS, [
      { from: 'client', data: 'hello\r\n' },
      { from: 'client', data: said.text },
    ])
    const cut = talk.findIndex((frame) => frame.includes(said.text))
    seen.send(talk.slice(0, cut))
    const syns = Array.from({ length: FLOOD }, (_, n) => tcp({ src: `10.9.${n >> 8}.${n & 255}`, dest: '10.0.1.10', srcPort: 1024 + n, destPort: n % 1000 }, { seq: n, flags: SYN })) // biome-ignore format: one line
    seen.send(syns)
    run.saw('the counters', seen.engine.counters.snapshot())
    if (seen.engine.table.live > FLOWS_MAX) run.harm(`${seen.engine.table.live} flows are held`)
    seen.send(talk.slice(cut, cut + 1))
    run.keeps('the streams', [said], [...seen.streams.values()])
    expect(seen.path.processed).toBe(FLOOD + cut + 1)
  },
})

const LAYERS: Layer = { name: 'the tunnels in tunnels', shows: /too-many-layers/ }
attempt('capture-04', {
  layers: [LAYERS],
  try: async (run) => {
    let inside: Buffer = Buffer.from(udp(ENDS, 'deep')).subarray(14)
    for (let n = 0; n < DEEP; n++) inside = Buffer.concat([ipv4Header(ENDS, IP_IN_IP, inside.length), inside]) // biome-ignore format: one line
    const frame = ethernet(0x0800, inside)
    let opened = 0
    if (run.without(LAYERS)) {
      const packet = new Packet()
      Object.assign(packet, { bytes: frame, start: 0, end: frame.length, wireBytes: frame.length })
      decodeFrame(packet, 1, -1)
      while (decodeInside(packet)) opened++
    } else {
      const seen = new FlowRecorder().send([frame]).end()
      opened = seen.engine.counters.tunnelled
      run.saw('the faults', seen.faults)
      expect(seen.path.processed).toBe(1)
    }
    run.saw('tunnels opened', opened)
    if (opened >= DEEP) run.harm(`${opened} tunnels were opened for one frame`)
  },
})

const UNFOLDED: Layer = { name: 'the bytes out of a compressed body', shows: /body-too-long/ }
for (const encoding of ['gzip', 'deflate'] as const)
  attempt('capture-05', {
    by: encoding,
    layers: [UNFOLDED],
    try: async (run) => {
      const zeros = Buffer.alloc(SMALL_BYTES)
      const bomb = encoding === 'gzip' ? gzipSync(zeros) : deflateRawSync(zeros)
      const { bytes, fault } = run.without(UNFOLDED)
        ? { bytes: encoding === 'gzip' ? gunzipSync(bomb) : inflateRawSync(bomb), fault: undefined }
        : inflateBody(bomb, encoding, 1 << 30)
      run.saw('the body', { bytes: bytes.length, fault })
      if (bytes.length > 1 << 20) run.harm(`${bomb.length} bytes became ${bytes.length}`)
    },
  })
const RX: Layer = { name: 'the interface’s own count', shows: /"dropped":700/ }
attempt('capture-06', {
  layers: [RX],
  try: async (run) => {
    const counters = new CaptureCounters(2)
    const [one, two] = [counters.shard(0), counters.shard(1)]
    for (const shard of [one, two]) shard.began(5000)
    one.processed(200, 12_800)
    two.processed(100, 6400)
    two.dropped(50) // what its ring counted; a block of 100 more dies with it
    // Two shards that are believed what they counted themselves, or the interface that counted all.
    const rx = run.without(RX) ? 5350 : 6000
    for (const shard of [one, two]) shard.ended(rx)
    const { processed, dropped } = counters.totals()
    run.saw('the totals', { processed, dropped })
    if (processed + dropped !== 1000) run.harm(`${1000 - processed - dropped} frames were lost and not counted`) // biome-ignore format: one line
  },
})

const WINDOW: Layer = { name: 'the window of a capture file', shows: /frames: \d+|is broken: / }
const FRAME = udp(ENDS, 'x'.repeat(1200))
async function readAll(run: Run, path: string, look = () => {}): Promise<void> {
  await run.does('the reader', async () => {
    let [frames, batches] = [0, 0]
    for await (const batch of openFile(path)) {
      if (batches++ % 32 === 8) look()
      frames += batch.count
    }
    return `frames: ${frames}`
  })
}
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** Bytes in buffers that something holds. */
function heldBytes(): number {
  collect()
  return process.memoryUsage().arrayBuffers
}
/** Once what earlier attempts held has been given back: some of it is let go a turn later. */
async function restingBytes(): Promise<number> {
  for (let before = heldBytes(); ; ) {
    await new Promise((done) => setImmediate(done))
    const now = heldBytes()
    if (now >= before) return now
    before = now
  }
}
for (const [by, file] of [
  ['a gzip that unfolds to 64 MB', () => gzipSync(pcapFile(timed(Array(BOMB_BYTES >> 11).fill(Buffer.concat([FRAME, Buffer.alloc(800)])))))], // biome-ignore format: one line
  ['a block of 256 MB', () => Buffer.concat([new Pcapng().interface().bytes(), Buffer.from('0600000000000010', 'hex'), Buffer.alloc(64)])], // biome-ignore format: one line
] as const)
  attempt('capture-07', {
    by,
    layers: [WINDOW],
    try: async (run) => {
      const path = join(folder, 'in.cap')
      writeFileSync(path, file())
      const bytes = readFileSync(path)
      const before = await restingBytes()
      let most = 0
      const look = () => (most = Math.max(most, heldBytes() - before))
      const held: Buffer[] = []
      // A reader that believes what the file says of itself.
      if (!run.without(WINDOW)) await readAll(run, path, look)
      else
        held.push(
          by.startsWith('a gzip')
            ? gunzipSync(bytes)
            : Buffer.alloc(bytes.readUInt32LE(bytes.length - 68)),
        )
      look()
      run.saw('memory', `${held.length} buffers`)
      if (most > HELD_BYTES) run.harm(`${most} bytes of memory for a file of ${bytes.length}`)
    },
  })
for (const [by, length] of [
  ['a block of no bytes', 0],
  ['a block of 2^32 - 1 bytes', 0xffffffff],
] as const)
  attempt('capture-07', {
    by,
    layers: [{ ...WINDOW, name: 'the length of a block', shows: /is broken: / }],
    try: async (run) => {
      const path = join(folder, 'in.cap')
      writeFileSync(path, new Pcapng().interface().block(6, Buffer.alloc(32), length).bytes())
      if (run.off.size === 0) return readAll(run, path)
      // A reader that steps by the length that stands there.
      const bytes = readFileSync(path)
      const at = bytes.length - 44
      const next = at + bytes.readUInt32LE(at + 4)
      run.saw('the reader', `the next block stands at ${next}`)
      if (next === at) run.harm('the same block is read for ever')
      if (next > bytes.length) run.harm('it reads outside the file')
    },
    holds: (run) => expect(run.text).not.toContain('\n'),
  })

const ADU_WINDOW: Layer = { name: 'the window of a message', shows: /truncated/ }
const other = canary('bytes of another talk')
attempt('capture-08', {
  layers: [ADU_WINDOW],
  secrets: () => [other],
  try: async (run) => {
    // A reply that says it has 24 bytes of registers and ends before them; behind it lies something else.
    const lie = Buffer.from('000100000000010318', 'hex')
    lie.writeUInt16BE(3 + 24, 4)
    const memory = Buffer.concat([lie, other.bytes, Buffer.alloc(8)])
    const end = run.without(ADU_WINDOW) ? lie.length + 24 : lie.length
    const told = decodeModbus(memory, { start: 0, end, toServer: false })
    run.saw('the record', told)
    if (typeof told === 'object' && told.read) run.saw('its values', Buffer.from(told.read))
  },
  holds: () => {
    const write = Buffer.from('000100000006011000010002ff', 'hex')
    expect(bareModbus(write, { start: 0, end: write.length, toServer: true }).write).toBe(true)
  },
})

const SECRET: Layer = { name: 'the secret of this run', shows: /"rule_id":"sid:1000000"/ }
const rules = RuleSet.load(shippedRuleFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }))).ruleSet // biome-ignore format: one line
attempt('capture-09', {
  layers: [SECRET],
  try: async (run) => {
    const secret = canary('the secret of the self-test').text
    const guessed = run.without(SECRET) ? secret : 'f'.repeat(secret.length)
    let found = 0
    const alerts: unknown[] = []
    const look = (_: EventDraft) => {}
    const inspector = new Inspector(
      { home: [], rules, run: 0, shard: 0, seed: 1, selfTestSecret: secret },
      {
        ...{ event: look, sighting: () => {} },
        alert: ({ draft }) => void alerts.push(draft),
        selfTestFound: () => void found++,
      },
    )
    inspector.run(batchOf([selfTestFrame(guessed)]))
    inspector.run(batchOf([udp({ ...ENDS, destPort: 9 }, `${SELF_TEST_PREFIX}${guessed}x`)]))
    run.saw('the findings', alerts)
    if (found > 0) run.harm('a frame of the wire passes for the self-test')
  },
})
