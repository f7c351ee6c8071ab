/** Frames made byte by byte, for captures whose every bit the test knows. */
import { parseAddress } from '../../agent/base/address.ts'
import { TCP } from '../../agent/decode/packet.ts'

export interface Ends {
  src: string
  dest: string
  srcPort?: number
  destPort?: number
}

export interface TcpFields {
  seq: number
  ack?: number
  flags: number
  payload?: Uint8Array | string
  window?: number
  options?: Uint8Array
}

const MAC_A = Buffer.from('02000000000a', 'hex')
const MAC_B = Buffer.from('02000000000b', 'hex')

/** Ethernet II, with 802.1Q tags outermost first. */
export function ethernet(
  etherType: number,
  payload: Uint8Array,
  vlans: readonly number[] = [],
): Buffer {
  const tags = vlans.map((id) => {
    const tag = Buffer.alloc(4)
    tag.writeUInt16BE(0x8100)
    tag.writeUInt16BE(id, 2)
    return tag
  })
  const type = Buffer.alloc(2)
  type.writeUInt16BE(etherType)
  return Buffer.concat([MAC_B, MAC_A, ...tags, type, payload])
}

/** An IPv4 or IPv6 datagram, whichever the addresses are, in Ethernet. */
export function ip(
  ends: Ends,
  protocol: number,
  payload: Uint8Array,
  vlans: readonly number[] = [],
): Buffer {
  return ends.src.includes(':')
    ? ethernet(0x86dd, Buffer.concat([ipv6Header(ends, protocol, payload.length), payload]), vlans)
    : ethernet(0x0800, Buffer.concat([ipv4Header(ends, protocol, payload.length), payload]), vlans)
}

export interface Ipv4Fields {
  id?: number
  /** Bytes; a multiple of 8. */
  fragmentOffset?: number
  moreFragments?: boolean
  ttl?: number
}

export function ipv4Header(
  ends: Ends,
  protocol: number,
  payloadBytes: number,
  fields: Ipv4Fields = {},
): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + payloadBytes, 2)
  header.writeUInt16BE(fields.id ?? 1, 4)
  header.writeUInt16BE(
    ((fields.moreFragments ? 1 : 0) << 13) | ((fields.fragmentOffset ?? 0) >> 3),
    6,
  )
  header[8] = fields.ttl ?? 64
  header[9] = protocol
  header.writeUInt32BE(words(ends.src)[3] as number, 12)
  header.writeUInt32BE(words(ends.dest)[3] as number, 16)
  header.writeUInt16BE(checksum(header), 10)
  return header
}

function ipv6Header(ends: Ends, nextHeader: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(payloadBytes, 4)
  header[6] = nextHeader
  header[7] = 64
  words(ends.src).forEach((word, i) => void header.writeUInt32BE(word, 8 + i * 4))
  words(ends.dest).forEach((word, i) => void header.writeUInt32BE(word, 24 + i * 4))
  return header
}

export function udp(
  ends: Ends,
  payload: Uint8Array | string,
  vlans: readonly number[] = [],
): Buffer {
  const body = Buffer.from(payload as Uint8Array)
  const header = Buffer.alloc(8)
  header.writeUInt16BE(ends.srcPort ?? 0)
  header.writeUInt16BE(ends.destPort ?? 0, 2)
  header.writeUInt16BE(8 + body.length, 4)
  const segment = Buffer.concat([header, body])
  segment.writeUInt16BE(pseudoChecksum(ends, 17, segment) || 0xffff, 6)
  return ip(ends, 17, segment, vlans)
}

export function tcpSegment(ends: Ends, fields: TcpFields): Buffer {
  const body = Buffer.from((fields.payload ?? '') as Uint8Array)
  const options = fields.options ?? new Uint8Array(0)
  const header = Buffer.alloc(20)
  header.writeUInt16BE(ends.srcPort ?? 0)
  header.writeUInt16BE(ends.destPort ?? 0, 2)
  header.writeUInt32BE(fields.seq >>> 0, 4)
  header.writeUInt32BE((fields.ack ?? 0) >>> 0, 8)
  header[12] = ((20 + options.length) / 4) << 4
  header[13] = fields.flags
  header.writeUInt16BE(fields.window ?? 64_240, 14)
  const segment = Buffer.concat([header, options, body])
  segment.writeUInt16BE(pseudoChecksum(ends, 6, segment), 16)
  return segment
}

export function tcp(ends: Ends, fields: TcpFields, vlans: readonly number[] = []): Buffer {
  return ip(ends, 6, tcpSegment(ends, fields), vlans)
}

export function icmpEcho(ends: Ends, id: number, sequence: number, reply = false): Buffer {
  const body = Buffer.alloc(16)
  body[0] = reply ? 0 : 8
  body.writeUInt16BE(id, 4)
  body.writeUInt16BE(sequence, 6)
  body.writeUInt16BE(checksum(body), 2)
  return ip(ends, 1, body)
}

export interface Turn {
  from: 'client' | 'server'
  data: Uint8Array | string
}

/** A whole TCP conversation: handshake, the turns in segments of at most `mss`, and both FINs. */
export function tcpConversation(
  client: Ends,
  turns: readonly Turn[],
  mss = 1400,
  isn = [1000, 5000],
): Buffer[] {
  const server: Ends = {
    src: client.dest,
    dest: client.src,
    srcPort: client.destPort ?? 0,
    destPort: client.srcPort ?? 0,
  }
  let [c = 0, s = 0] = isn
  const frames = [
    tcp(client, { seq: c++, flags: TCP.SYN }),
    tcp(server, { seq: s++, ack: c, flags: TCP.SYN | TCP.ACK }),
    tcp(client, { seq: c, ack: s, flags: TCP.ACK }),
  ]
  for (const { from, data } of turns) {
    const bytes = Buffer.from(data as Uint8Array)
    for (let at = 0; at < bytes.length; at += mss) {
      const payload = bytes.subarray(at, at + mss)
      const flags = TCP.PSH | TCP.ACK
      if (from === 'client') frames.push(tcp(client, { seq: c, ack: s, flags, payload }))
      else frames.push(tcp(server, { seq: s, ack: c, flags, payload }))
      if (from === 'client') c += payload.length
      else s += payload.length
    }
    if (from === 'client') frames.push(tcp(server, { seq: s, ack: c, flags: TCP.ACK }))
    else frames.push(tcp(client, { seq: c, ack: s, flags: TCP.ACK }))
  }
  frames.push(
    tcp(client, { seq: c++, ack: s, flags: TCP.FIN | TCP.ACK }),
    tcp(server, { seq: s++, ack: c, flags: TCP.FIN | TCP.ACK }),
    tcp(client, { seq: c, ack: s, flags: TCP.ACK }),
  )
  return frames
}

export interface Timed {
  /** Microseconds since 1970. */
  timeUs: number
  frame: Uint8Array
}

/** Frames `stepUs` apart from `startUs`. */
export function timed(
  frames: readonly Uint8Array[],
  startUs = 1_700_000_000_000_000,
  stepUs = 1000,
): Timed[] {
  return frames.map((frame, i) => ({ timeUs: startUs + i * stepUs, frame }))
}

/** A classic pcap file (microseconds, Ethernet, little endian). */
export function pcapFile(frames: readonly Timed[], linkType = 1): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(262_144, 16)
  head.writeUInt32LE(linkType, 20)
  const parts: Uint8Array[] = [head]
  for (const { timeUs, frame } of frames) {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(Math.floor(timeUs / 1e6))
    record.writeUInt32LE(timeUs % 1e6, 4)
    record.writeUInt32LE(frame.length, 8)
    record.writeUInt32LE(frame.length, 12)
    parts.push(record, frame)
  }
  return Buffer.concat(parts)
}

function words(address: string): Uint32Array {
  const parsed = parseAddress(address)
  if (!parsed) throw new Error(`${address} is no address`)
  return parsed
}

function pseudoChecksum(ends: Ends, protocol: number, segment: Uint8Array): number {
  const v6 = ends.src.includes(':')
  const pseudo = Buffer.alloc(v6 ? 40 : 12)
  const [src, dest] = [words(ends.src), words(ends.dest)]
  if (v6) {
    src.forEach((word, i) => void pseudo.writeUInt32BE(word, i * 4))
    dest.forEach((word, i) => void pseudo.writeUInt32BE(word, 16 + i * 4))
    pseudo.writeUInt32BE(segment.length, 32)
    pseudo[39] = protocol
  } else {
    pseudo.writeUInt32BE(src[3] as number)
    pseudo.writeUInt32BE(dest[3] as number, 4)
    pseudo[9] = protocol
    pseudo.writeUInt16BE(segment.length, 10)
  }
  return checksum(Buffer.concat([pseudo, segment]))
}

/** Internet checksum (RFC 1071). */
export function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
