/** The readers of capture files: each whole frame, then at most one Failure that names the file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Failure } from '../../agent/base/failure.ts'
import { openFile } from '../../agent/capture/file.ts'
import { countIn } from '../traffic/count-frames.ts'
import { pcapFile, timed, udp } from '../traffic/frames.ts'
import { Pcapng } from '../traffic/pcapng.ts'
import { fuzz, fuzzBytes, prefixes, scratchFolder } from './fuzz.ts'
import { mutated } from './mutation.ts'

const path = join(scratchFolder(), 'in.cap')

const ENDS = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 1, destPort: 2 }
const FRAMES = ['one', 'second', 'number three'].map((text) => udp(ENDS, text))
const PCAP = pcapFile(timed(FRAMES))
const big = new Pcapng(false)
const little = new Pcapng()
  .interface(1, big.option(9, Buffer.of(9)))
  .block(0x0bad, Buffer.alloc(40))
for (const file of [little, big.interface()])
  for (const frame of FRAMES)
    file.enhanced(frame, 1_700_000_000_000_000n).old(frame, 5n).simple(frame)
const PCAPNG = [little.bytes(), big.bytes(), Buffer.concat([little.bytes(), big.bytes()])]

interface Read {
  frames: number
  failure: string | undefined
}

async function read(bytes: Buffer): Promise<Read> {
  writeFileSync(path, bytes)
  const seen: Read = { frames: 0, failure: undefined }
  try {
    for await (const batch of openFile(path)) {
      for (let i = 0; i < batch.count; i++) {
        const [start, captured] = [batch.start[i] as number, batch.captured[i] as number]
        if (start < 0 || captured < 0 || start + captured > batch.bytes.length)
          throw new Error('a frame outside its batch')
        if ((batch.wire[i] as number) < captured) throw new Error('less on the wire than captured')
        const time = batch.timeUs[i] as number
        if (!(time >= 0 && Number.isSafeInteger(time))) throw new Error(`the time ${time}`)
      }
      seen.frames += batch.count
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'invalid') throw error
    if (!error.message.includes(path) || error.message.includes('\n'))
      throw new Error(`no single line that names the file: ${error.message}`)
    seen.failure = error.message
  }
  return seen
}

/** A cut at any byte leaves the whole frames before it, and is said unless it falls between two. */
fuzz<Buffer>({
  name: 'captures cut at every byte',
  all: prefixes([PCAP, ...PCAPNG]),
  next: (chance) => {
    const whole = chance.pick([PCAP, ...PCAPNG])
    return whole.subarray(0, chance.int(0, whole.length))
  },
  judge: async (bytes) => {
    const { frames } = await read(bytes)
    if (frames !== countIn(bytes)) throw new Error(`${frames} frames of ${countIn(bytes)}`)
  },
  show: (bytes) => bytes.toString('hex'),
})

fuzz<Buffer>({
  name: 'pcap',
  next: (chance) => mutated(chance, [PCAP]),
  judge: async (bytes) => {
    const { frames, failure } = await read(bytes)
    const foreign = failure !== undefined && /neither|empty|no capture/.test(failure)
    if (frames !== (foreign ? 0 : countIn(bytes)))
      throw new Error(`${frames} frames of ${countIn(bytes)}; ${failure}`)
  },
  show: (bytes) => bytes.toString('hex'),
})

fuzz<Buffer>({
  name: 'pcapng',
  next: (chance) => mutated(chance, PCAPNG),
  judge: async (bytes) => void (await read(bytes)),
  show: (bytes) => bytes.toString('hex'),
})

fuzzBytes('gzip', [gzipSync(PCAP), gzipSync(PCAPNG[0] as Buffer)], async (bytes) => {
  const { frames } = await read(bytes)
  if (frames > 1000) throw new Error(`${frames} frames out of ${bytes.length} bytes`)
})
