/** What EVE says of a packet below its own ends: MAC addresses, VLANs, the tunnel it came out of. */
import { addressText, parseAddress, protoName } from '../base/address.ts'
import type { Packet } from '../decode/packet.ts'
import type { Json } from './eve-app.ts'

const UDP_TUNNELS: Readonly<Record<number, string>> = {
  3544: 'teredo tunnel',
  4789: 'vxlan encapsulation',
  6081: 'geneve encapsulation',
}

/** `02:00:00:00:00:0a` */
export function macOf(mac: number): string {
  const digits = mac.toString(16).padStart(12, '0')
  return (digits.match(/../g) ?? []).join(':')
}

/** Of a flow: the addresses of its first frame, as EVE's lists. */
export function flowEther(view: { clientMac?: number; serverMac?: number }): Json | undefined {
  const { clientMac = -1, serverMac = -1 } = view
  if (clientMac < 0 || serverMac < 0) return undefined
  return { dest_macs: [macOf(serverMac)], src_macs: [macOf(clientMac)] }
}

/** `ether` and `tunnel`, where the packet has them; `toServer`: whom the record is about sent that way. */
export function packetLink(packet: Packet, toServer = packet.toServer): Json {
  const json: Json = {}
  const same = toServer === packet.toServer
  if (packet.linkOffset >= 0)
    json.ether = {
      dest_mac: macOf(packet.mac(same ? 0 : 6)),
      src_mac: macOf(packet.mac(same ? 6 : 0)),
    }
  if (packet.depth > 0) json.tunnel = tunnel(packet)
  return json
}

export function packetVlan({ vlanCount, vlan0, vlan1, vlan2 }: Packet): number[] {
  return [vlan0, vlan1, vlan2].slice(0, vlanCount)
}

function tunnel(packet: Packet): Json {
  const { outerSrc, outerDest, outerProtocol, outerSrcPort, outerDestPort, depth } = packet
  const ported = outerProtocol === 17 || outerProtocol === 6
  return {
    src_ip: eveAddress(addressText(outerSrc)),
    ...(ported && { src_port: outerSrcPort }),
    dest_ip: eveAddress(addressText(outerDest)),
    ...(ported && { dest_port: outerDestPort }),
    proto: protoName(outerProtocol),
    depth,
    pkt_src: depth > 1 ? 'tunnel' : 'wire/pcap',
  }
}

/** EVE's word for where a packet came from. */
export function packetSource({ depth, outerProtocol, outerDestPort }: Packet): string {
  if (depth === 0) return 'wire/pcap'
  switch (outerProtocol) {
    case 4:
      return 'ipv4 tunnel'
    case 41:
      return 'ipv6 tunnel'
    case 47:
      return 'gre tunnel'
    default:
      return UDP_TUNNELS[outerDestPort] ?? 'tunnel'
  }
}

/** EVE writes IPv6 addresses with all their digits. */
export function eveAddress(text: string): string {
  if (!text.includes(':')) return text
  const [words, groups] = [parseAddress(text), []] as [Uint32Array | undefined, string[]]
  if (!words) return text
  for (const word of words)
    groups.push(
      (word >>> 16).toString(16).padStart(4, '0'),
      (word & 0xffff).toString(16).padStart(4, '0'),
    )
  return groups.join(':')
}
