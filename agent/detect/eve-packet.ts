/** EVE's copy of a packet, for those who ask for it. */
import type { Packet } from '../decode/packet.ts'
import type { Json } from './eve-app.ts'

const ETHERNET = 1
const RAW = 12
const RAW_IP = 101
const IPV4 = 228
const IPV6 = 229
const LINK_NAMES: Readonly<Record<number, string>> = {
  0: 'NULL',
  [ETHERNET]: 'EN10MB',
  9: 'PPP',
  [RAW]: 'RAW',
  [RAW_IP]: 'RAW',
  104: 'C_HDLC',
  113: 'LINUX_SLL',
  [IPV4]: 'IPv4',
  [IPV6]: 'IPv6',
  276: 'LINUX_SLL2',
}

/** The frame as captured, or the datagram that its fragments made. */
export function evePacket(packet: Packet, linkType: number): Json {
  const { bytes, start, end } = packet
  const bare = packet.ipVersion !== 0 && packet.ipOffset === start && linkType !== RAW
  const own = bare && linkType !== RAW_IP ? (packet.ipVersion === 4 ? IPV4 : IPV6) : linkType
  // What came out of a tunnel has no link that was captured.
  const type = packet.depth > 0 ? RAW : own
  const name = LINK_NAMES[type]
  return {
    packet: Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64'),
    packet_info: { linktype: type, ...(name !== undefined && { linktype_name: name }) },
  }
}

/** EVE's copy of what the packet carries. */
export function evePayload({ bytes, payloadOffset, payloadBytes }: Packet): Json {
  const payload = Buffer.from(bytes.buffer, bytes.byteOffset + payloadOffset, payloadBytes)
  return {
    payload: payload.toString('base64'),
    payload_printable: printable(payload),
    payload_length: payloadBytes,
  }
}

/** A dot for each byte that no terminal should be given. */
export function printable(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes)
    text +=
      (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13
        ? String.fromCharCode(byte)
        : '.'
  return text
}
