/** Conversations as a wire and an evader would have them: the same bytes come out, and nothing stays behind. */
import { TCP } from '../../agent/decode/packet.ts'
import type { Chance } from '../traffic/chance.ts'
import { FlowRecorder } from '../traffic/flow-recorder.ts'
import { ethernet, icmpEcho, ipv4Header, tcp, tcpConversation, udp } from '../traffic/frames.ts'
import { fuzz, prefixes, recordOrFault } from './fuzz.ts'
import { disturbed } from './mutation.ts'
import { realTraffic } from './seeds.ts'

const CLIENT = { src: '10.0.0.5', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const SERVER = { src: '192.0.2.9', dest: '10.0.0.5', srcPort: 80, destPort: 40_000 }
const ETHERNET = 1

const fragments = (payload: Uint8Array, size: number, id: number): Buffer[] => {
  const frames: Buffer[] = []
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.subarray(at, at + size)
    const moreFragments = at + size < payload.length
    const header = ipv4Header(CLIENT, 17, part.length, { id, fragmentOffset: at, moreFragments })
    frames.push(ethernet(0x0800, Buffer.concat([header, part])))
  }
  return frames
}

const { conversations } = await realTraffic()
const seeds: Uint8Array[][] = [
  tcpConversation(
    CLIENT,
    [
      { from: 'client', data: 'GET / HTTP/1.1\r\n\r\n'.repeat(30) },
      { from: 'server', data: 'HTTP/1.1 200 OK\r\n\r\n'.repeat(30) },
    ],
    50,
  ),
  fragments(udp(CLIENT, 'x'.repeat(900)).subarray(34), 64, 7),
  [udp(CLIENT, 'a'), udp(SERVER, 'b'), icmpEcho(CLIENT, 1, 1)],
  ...conversations.filter(({ linkType }) => linkType === ETHERNET).map(({ frames }) => frames),
]

function showFrames(frames: readonly Uint8Array[]): string {
  return frames.map((frame) => Buffer.from(frame).toString('hex')).join('\n')
}

function judgeFrames(frames: Uint8Array[]): void {
  const recorder = new FlowRecorder({ flowsMax: 64, streamBytesMax: 65_536 })
  recorder.send(frames).end()
  const { engine, path, ended_, faults, streams } = recorder
  for (const fault of faults) recordOrFault(fault)
  if (path.processed !== frames.length) throw new Error(`${path.processed} frames processed`)
  if (engine.table.live !== 0) throw new Error(`${engine.table.live} flows stayed`)
  const { flows = 0, tunnelled = 0 } = engine.counters.snapshot()
  if (ended_.length !== flows) throw new Error(`${flows} flows began and ${ended_.length} ended`)
  const counted = ended_.reduce((n, each) => n + each.packetsToServer + each.packetsToClient, 0)
  if (counted > frames.length + tunnelled) throw new Error('packets were counted twice')
  const streamed = [...streams.values()].reduce(
    (n, text) => n + text.replace(/\[\d+\]/g, '').length,
    0,
  )
  const sent = frames.reduce((n, frame) => n + frame.length, 0)
  if (streamed > sent) throw new Error(`${streamed} bytes streamed of ${sent} sent`)
}

fuzz<Uint8Array[]>({
  name: 'flows',
  all: seeds.flatMap((frames) =>
    [...prefixes([Buffer.concat(frames.slice(-1))])].map((cut) => [...frames.slice(0, -1), cut]),
  ),
  next: (chance) => disturbed(chance, seeds),
  judge: judgeFrames,
  show: showFrames,
})

interface Shuffled {
  frames: Buffer[]
  bytes: string
}

/** Segments cut anywhere, overlapping with the same bytes, doubled, in any order: the receiver reads one text. */
function shuffledStream(chance: Chance): Shuffled {
  const bytes = chance.word(chance.int(1, 6000))
  const isn = chance.pick([1, 0x7fff_f000, 0xffff_f800])
  const segments: Buffer[] = []
  const segment = (from: number, to: number) =>
    tcp(CLIENT, { seq: isn + 1 + from, ack: 9001, flags: TCP.ACK, payload: bytes.slice(from, to) })
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + chance.int(1, 1400))
    segments.push(segment(Math.max(0, at - chance.pick([0, 0, 1, 40])), end))
    if (chance.next() < 0.1) segments.push(segment(chance.int(0, at), end))
    at = end
  }
  const handshake = [
    tcp(CLIENT, { seq: isn, flags: TCP.SYN }),
    tcp(SERVER, { seq: 9000, ack: isn + 1, flags: TCP.SYN | TCP.ACK }),
    tcp(CLIENT, { seq: isn + 1, ack: 9001, flags: TCP.ACK }),
  ]
  return { frames: [...handshake, ...chance.shuffled(segments)], bytes }
}

/** One engine for all: a chunk of memory that a flow does not give back is missed by a later one. */
const engine = { recorder: new FlowRecorder({ flowsMax: 16, streamBytesMax: 65_536 }), at: 1e15 }

fuzz<Shuffled>({
  name: 'reassembly of shuffled segments',
  next: shuffledStream,
  judge: ({ frames, bytes }) => {
    const { recorder } = engine
    engine.at += 1e9
    recorder.streams.clear()
    recorder.faults.length = recorder.packets.length = recorder.ended_.length = 0
    recorder.send(frames, engine.at).end()
    const [text, ...more] = [...recorder.streams.values()]
    if (text !== bytes || more.length > 0)
      throw new Error(`${bytes.length} bytes were sent, ${text?.length} read: ${text}`)
    if (recorder.faults.length > 0) throw new Error(recorder.faults.join())
  },
  show: ({ frames }) => showFrames(frames),
})

fuzz<Shuffled>({
  name: 'fragments in any order',
  next: (chance) => {
    const bytes = chance.word(chance.int(1, 3000))
    const datagram = udp(CLIENT, bytes).subarray(34)
    const parts = fragments(datagram, 8 * chance.int(1, 100), chance.int(0, 0xffff))
    // A last fragment said twice would begin the next datagram of that number.
    const twice = parts.length > 2 && chance.next() < 0.3 ? [parts[0] as Buffer] : []
    const rest = chance.shuffled(parts)
    return { frames: parts.length > 1 ? [...twice, ...rest] : parts, bytes }
  },
  judge: ({ frames, bytes }) => {
    const recorder = new FlowRecorder({ flowsMax: 16 })
    recorder.send(frames).end()
    const whole = recorder.packets.filter(({ fragment }) => !fragment)
    if (whole.length !== 1 || whole[0]?.payload !== bytes)
      throw new Error(`${whole.length} datagrams, faults ${recorder.faults}`)
    if (recorder.faults.length > 0) throw new Error(recorder.faults.join())
  },
  show: ({ frames }) => showFrames(frames),
})
