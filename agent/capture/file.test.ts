import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { pcapFile, timed, udp } from '../../test/traffic/frames.ts'
import { Pcapng } from '../../test/traffic/pcapng.ts'
import { Failure } from '../base/failure.ts'
import { openFile } from './file.ts'
import type { FrameBatch } from './source.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ENDS = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 1, destPort: 2 }
const FRAMES = [udp(ENDS, 'one'), udp(ENDS, 'second'), udp(ENDS, 'number three')]
const START_US = 1_700_000_000_123_456

interface Read {
  frames: { timeUs: number; wire: number; linkType: number; hex: string }[]
  failure: string | undefined
}

let files = 0

async function read(content: Uint8Array): Promise<Read> {
  const path = join(folder, `${++files}.cap`)
  writeFileSync(path, content)
  return readPath(path)
}

async function readPath(path: string): Promise<Read> {
  const seen: Read = { frames: [], failure: undefined }
  try {
    for await (const batch of openFile(path))
      for (let i = 0; i < batch.count; i++) {
        const start = batch.start[i] as number
        const frame = batch.bytes.subarray(start, start + (batch.captured[i] as number))
        seen.frames.push({
          timeUs: batch.timeUs[i] as number,
          wire: batch.wire[i] as number,
          linkType: batch.linkType,
          hex: Buffer.from(frame).toString('hex'),
        })
      }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    expect(error.kind).toBe('invalid')
    seen.failure = error.message.replaceAll(path, 'FILE')
  }
  return seen
}

const EXPECTED = FRAMES.map((frame, i) => ({
  timeUs: START_US + i * 1000,
  wire: frame.length,
  linkType: 1,
  hex: frame.toString('hex'),
}))

/** A classic file in any of its forms. */
function classic(little: boolean, magic: number, nanoseconds: boolean, recordBytes = 16): Buffer {
  const put = (bytes: Buffer, value: number, at: number) =>
    little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
  const head = Buffer.alloc(24)
  put(head, magic, 0)
  put(head, 1, 20)
  const parts: Buffer[] = [head]
  FRAMES.forEach((frame, i) => {
    const record = Buffer.alloc(recordBytes)
    const us = START_US + i * 1000
    put(record, Math.floor(us / 1e6), 0)
    put(record, (us % 1e6) * (nanoseconds ? 1000 : 1) + (nanoseconds ? 999 : 0), 4)
    put(record, frame.length, 8)
    put(record, frame.length, 12)
    parts.push(record, frame)
  })
  return Buffer.concat(parts)
}

test('nanoseconds past the microsecond are kept, whatever the resolution', async () => {
  const rests = async (content: Uint8Array) => {
    const path = join(folder, `${++files}.cap`)
    writeFileSync(path, content)
    const found: number[][] = []
    for await (const batch of openFile(path))
      for (let i = 0; i < batch.count; i++)
        found.push([batch.timeUs[i] as number, batch.restNs[i] as number])
    return found
  }
  const [frame] = FRAMES as [Buffer]
  const file = (resolution: number, ticks: bigint) => {
    const made = new Pcapng()
    made.interface(1, made.option(9, Buffer.from([resolution])))
    return made.enhanced(frame, ticks).bytes()
  }
  expect(await rests(file(9, 1_700_000_000_123_456_789n))).toEqual([[START_US, 789]])
  expect(await rests(file(8, 170_000_000_012_345_678n))).toEqual([[START_US, 780]])
  expect(await rests(file(6, BigInt(START_US)))).toEqual([[START_US, 0]])
  // Half of the second's last 2^-20 parts: 0.5 s and no more.
  expect(await rests(file(0x80 | 20, (5n << 20n) + (1n << 19n)))).toEqual([[5_500_000, 0]])
  expect(await rests(classic(true, 0xa1b23c4d, true))).toEqual(
    FRAMES.map((_, i) => [START_US + i * 1000, 999]),
  )
})

test('classic files: both byte orders, microseconds and nanoseconds, modified', async () => {
  for (const little of [true, false]) {
    expect(await read(classic(little, 0xa1b2c3d4, false))).toMatchObject({ frames: EXPECTED })
    expect(await read(classic(little, 0xa1b23c4d, true))).toMatchObject({ frames: EXPECTED })
    expect(await read(classic(little, 0xa1b2cd34, false, 24))).toMatchObject({ frames: EXPECTED })
  }
})

test('pcapng: both byte orders, all packet blocks, unknown blocks, two interfaces', async () => {
  for (const little of [true, false]) {
    const file = new Pcapng(little)
    const nano = file.option(9, Buffer.from([9]))
    const binary = file.option(9, Buffer.from([0x80 | 20]))
    file
      .interface(1, nano)
      .interface(101, binary)
      .enhanced(FRAMES[0] as Buffer, BigInt(START_US) * 1000n + 999n)
      .block(0x0bad, Buffer.alloc(5000))
      .old(FRAMES[1] as Buffer, (BigInt(START_US) + 1000n) * 1000n)
      .enhanced(Buffer.from('45', 'hex'), 3n << 20n, 1, 99)
      .simple(FRAMES[2] as Buffer)
    expect(await read(file.bytes())).toEqual({
      failure: undefined,
      frames: [
        EXPECTED[0],
        EXPECTED[1],
        { timeUs: 3_000_000, wire: 99, linkType: 101, hex: '45' },
        { ...EXPECTED[2], timeUs: 3_000_000 },
      ],
    })
  }
})

test('a second section forgets the interfaces of the first', async () => {
  const first = new Pcapng().interface().enhanced(FRAMES[0] as Buffer, BigInt(START_US))
  const second = new Pcapng(false).enhanced(FRAMES[1] as Buffer, 0n)
  const seen = await read(Buffer.concat([first.bytes(), second.bytes()]))
  expect(seen.frames).toEqual([EXPECTED[0]])
  expect(seen.failure).toBe(
    'FILE is broken: frame 2 names interface 0, which the file does not describe. The one frame before that was processed; for the rest record or copy it again.',
  )
})

test('gzip, in one member and in two', async () => {
  const plain = pcapFile(timed(FRAMES, START_US))
  expect(await read(gzipSync(plain))).toEqual({ frames: EXPECTED, failure: undefined })
  const two = Buffer.concat([gzipSync(plain.subarray(0, 50)), gzipSync(plain.subarray(50))])
  expect(await read(two)).toEqual({ frames: EXPECTED, failure: undefined })
})

test('thousands of frames come in order, whatever the batches', async () => {
  const frames = Array.from({ length: 20_000 }, (_, i) => udp(ENDS, `frame ${i}`))
  const seen = await read(pcapFile(timed(frames, START_US, 1)))
  expect(seen.failure).toBe(undefined)
  expect(seen.frames.map(({ hex }) => hex)).toEqual(frames.map((frame) => frame.toString('hex')))
})

test('what is no capture says so in one sentence', async () => {
  const plain = pcapFile(timed(FRAMES, START_US))
  const one = 'The one frame before that was processed; for the rest record or copy it again.'
  const two = 'The 2 frames before that were processed; for the rest record or copy it again.'
  const none = 'No frame of it could be read: record or copy it again.'
  expect(await read(Buffer.alloc(0))).toMatchObject({
    failure: 'FILE is empty, so it is no capture. Record or copy it again.',
  })
  for (const foreign of ['x', 'PK\x03\x04 a zip', '<html>'])
    expect((await read(Buffer.from(foreign))).failure).toBe(
      'FILE is neither a pcap nor a pcapng file. Give a capture as tcpdump -w or Wireshark writes it.',
    )
  expect((await read(gzipSync('text'))).failure).toBe(
    'FILE is neither a pcap nor a pcapng file. Give a capture as tcpdump -w or Wireshark writes it.',
  )
  expect(await read(plain.subarray(0, 24))).toEqual({ frames: [], failure: undefined })
  expect((await read(plain.subarray(0, 20))).failure).toBe(
    `FILE is broken: it ends in the middle of its header. ${none}`,
  )
  const cut = await read(plain.subarray(0, plain.length - 1))
  expect(cut.frames).toEqual(EXPECTED.slice(0, 2))
  expect(cut.failure).toBe(`FILE is broken: it ends in the middle of frame 3. ${two}`)
  const packed = gzipSync(plain)
  expect((await read(packed.subarray(0, packed.length - 9))).failure).toBe(
    'FILE is broken: its gzip data ends before the end of the file it holds. The 3 frames before that were processed; for the rest record or copy it again.',
  )
  const flipped = Buffer.from(packed)
  flipped[14] = (flipped[14] as number) ^ 0xff
  expect((await read(flipped)).failure).toContain('gzip data')
  const huge = Buffer.from(plain)
  huge.writeUInt32LE(0xffffffff, 24 + 16 + (FRAMES[0] as Buffer).length + 8)
  expect((await read(huge)).failure).toBe(
    `FILE is broken: frame 2 claims 4294967295 bytes, more than a frame has. ${one}`,
  )
  expect((await readPath(join(folder, 'absent'))).failure).toBe(
    'There is no capture file FILE. Check its name.',
  )
  expect((await readPath(folder)).failure).toBe(
    'FILE is a folder, not a capture. Name the files in it.',
  )
})

test('hostile pcapng', async () => {
  const start = () => new Pcapng().interface()
  const failureOf = async (file: Pcapng) => (await read(file.bytes())).failure
  expect(await failureOf(start().block(0x99, Buffer.alloc(4), 0))).toContain('impossible length 0')
  expect(await failureOf(start().block(6, Buffer.alloc(4), 0xffffffff))).toContain(
    'impossible length 4294967295',
  )
  expect(await failureOf(start().block(6, Buffer.alloc(4), 0xfffffffc))).toContain(
    'impossible length 4294967292',
  )
  expect(await failureOf(start().block(0x99, Buffer.alloc(4), 0xfffffffc))).toContain(
    'it ends in the middle of the block after frame 0',
  )
  expect(await failureOf(start().enhanced(FRAMES[0] as Buffer, 0n, 1e9))).toContain(
    'names interface 1000000000',
  )
  expect(await failureOf(start().block(6, Buffer.alloc(8)))).toContain('too few bytes')
  const lies = Buffer.alloc(24)
  lies.writeUInt32LE(5000, 12)
  expect(await failureOf(start().block(6, lies))).toContain('claims 5000 bytes')
  const many = new Pcapng()
  for (let i = 0; i < 5000; i++) many.interface()
  expect(await failureOf(many)).toContain('more than 4096 interfaces')
  const slow = new Pcapng()
  slow
    .interface(1, slow.option(9, Buffer.from([0xff])))
    .enhanced(FRAMES[0] as Buffer, 2n ** 64n - 1n)
  slow
    .interface(1, slow.option(9, Buffer.from([0])))
    .enhanced(FRAMES[0] as Buffer, 2n ** 64n - 1n, 1)
  const seen = await read(slow.bytes())
  expect(seen.frames.map(({ timeUs }) => timeUs)).toEqual([0, Number.MAX_SAFE_INTEGER])
})

test('standard input, arriving byte by byte', async () => {
  const program = `
    import { openFile } from './agent/capture/file.ts'
    let frames = 0
    for await (const batch of openFile('-')) frames += batch.count
    process.stdout.write(String(frames))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const out: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  const plain = gzipSync(pcapFile(timed(FRAMES, START_US)))
  for (const byte of plain) {
    child.stdin.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  child.stdin.end()
  await once(child, 'close')
  expect(Buffer.concat(out).toString()).toBe('3')
})

test('one file after another lies in the same memory, two at once each in their own', async () => {
  const paths = ['a', 'b'].map((name) => join(folder, `${name}.pcap`))
  for (const path of paths) writeFileSync(path, pcapFile(timed(FRAMES, START_US)))
  const begun = (path = '') => openFile(path)[Symbol.asyncIterator]()
  const memoryOf = async (each: AsyncIterator<FrameBatch>) =>
    (await each.next()).value?.bytes.buffer
  const [one, two] = paths.map(begun) as [AsyncIterator<FrameBatch>, AsyncIterator<FrameBatch>]
  const first = await memoryOf(one)
  expect(await memoryOf(two)).not.toBe(first)
  await one.return?.()
  const three = begun(paths[0])
  expect(await memoryOf(three)).toBe(first)
  for (const each of [two, three]) await each.return?.()
})
