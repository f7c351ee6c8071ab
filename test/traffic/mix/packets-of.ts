/** A talk, packet by packet: handshake, segments, acknowledgements, the end; some segments late, some twice. */
import { TCP } from '../../../agent/decode/packet.ts'
import type { Chance } from '../chance.ts'
import type { CaptureFile } from './capture-file.ts'
import type { Said, Talk } from './talk.ts'
import { SEGMENT_BYTES, type Segment, Sender } from './wire.ts'

/** Shares of data segments. */
const LATE = 0.02
const TWICE = 0.01
/** Segments that overtake a late one. */
const OVERTAKEN_MAX = 3
const NOTHING = new Uint8Array(0)

export type Send = (file: CaptureFile, timeUs: number) => void

interface End {
  sender: Sender
  seq: number
  /** Up to where the other end has everything. */
  heard: number
}

export function* packetsOf(talk: Talk, srcPort: number, chance: Chance): Generator<Send> {
  const ends = { src: talk.client, dest: talk.server, srcPort, destPort: talk.port }
  const back = { src: talk.server, dest: talk.client, srcPort: talk.port, destPort: srcPort }
  const protocol = talk.udp ? 17 : 6
  const client: End = {
    sender: new Sender(ends, protocol),
    seq: chance.int(1, 2 ** 32 - 1),
    heard: 0,
  }
  const server: End = {
    sender: new Sender(back, protocol),
    seq: chance.int(1, 2 ** 32 - 1),
    heard: 0,
  }
  if (talk.udp)
    for (const { from, data } of talk.said) {
      const { sender } = from === 'client' ? client : server
      yield (file, timeUs) => sender.udp(file, timeUs, data)
    }
  else yield* stream(talk, client, server, chance)
}

function* stream(talk: Talk, client: End, server: End, chance: Chance): Generator<Send> {
  client.sender.meet(server.sender)
  yield sent(client, TCP.SYN, client.seq, 0)
  moved(client, 1)
  yield sent(server, TCP.SYN | TCP.ACK, server.seq, client.seq)
  moved(server, 1)
  yield sent(client, TCP.ACK, client.seq, server.seq)
  client.heard = client.seq
  server.heard = server.seq
  for (const said of talk.said) yield* segments(said, client, server, chance)
  if (talk.reset) {
    yield sent(client, TCP.RST | TCP.ACK, client.seq, server.seq)
    return
  }
  yield sent(client, TCP.FIN | TCP.ACK, client.seq, server.seq)
  moved(client, 1)
  yield sent(server, TCP.FIN | TCP.ACK, server.seq, client.seq)
  moved(server, 1)
  yield sent(client, TCP.ACK, client.seq, server.seq)
}

/** What one end says, in segments; the other acknowledges every second one, and the last. */
function* segments(said: Said, client: End, server: End, chance: Chance): Generator<Send> {
  const { data } = said
  const [end, peer] = said.from === 'client' ? [client, server] : [server, client]
  let late: Segment | undefined
  let overtake = 0
  let unheard = 0
  for (let at = 0; at < data.length; at += SEGMENT_BYTES) {
    const segment: Segment = {
      seq: end.seq,
      ack: peer.seq,
      flags: TCP.ACK | (at + SEGMENT_BYTES >= data.length ? TCP.PSH : 0),
      data: data.subarray(at, at + SEGMENT_BYTES),
    }
    moved(end, segment.data.length)
    const luck = chance.next()
    if (!late && luck < LATE && at + SEGMENT_BYTES < data.length) {
      late = segment
      overtake = chance.int(1, OVERTAKEN_MAX)
      continue
    }
    yield carried(end, segment)
    if (!late) end.heard = end.seq
    if (luck > 1 - TWICE) yield carried(end, segment)
    if (late && --overtake <= 0) {
      yield carried(end, late)
      late = undefined
      end.heard = end.seq
      unheard = 1
    }
    if (++unheard % 2 === 0) yield sent(peer, TCP.ACK, peer.seq, end.heard)
  }
  if (late) yield carried(end, late)
  end.heard = end.seq
  yield sent(peer, TCP.ACK, peer.seq, end.seq)
}

function moved(end: End, bytes: number): void {
  end.seq = (end.seq + bytes) >>> 0
}

function sent({ sender }: End, flags: number, seq: number, ack: number): Send {
  return (file, timeUs) => sender.tcp(file, timeUs, { seq, ack, flags, data: NOTHING })
}

function carried({ sender }: End, segment: Segment): Send {
  return (file, timeUs) => sender.tcp(file, timeUs, segment)
}
