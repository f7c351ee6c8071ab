/** Protocol, direction, addresses and ports: the cheap questions, before any byte is compared again. */
import type { Packet } from '../../decode/packet.ts'
import { type FlowTableLike, STATE_ESTABLISHED } from './flows.ts'
import type { Ends } from './packet-ends.ts'
import type { Header, Signature } from './rule.ts'

/** ICMP, TCP, UDP, ESP, ICMPv6, SCTP. */
const FLOW_PROTOCOLS: ReadonlySet<number> = new Set([1, 6, 17, 50, 58, 132])

export function packetFits(signature: Signature, packet: Packet, flows: FlowTableLike): boolean {
  const { header, side, established, needsFlow, ipOnly } = signature
  if (packet.fault !== undefined && signature.event === undefined && !header.anyProtocol)
    return false
  if (!protocolFits(header, packet.protocol)) return false
  if (header.ipVersion !== 0 && header.ipVersion !== packet.ipVersion) return false
  const { flow } = packet
  if (flow < 0) {
    if (needsFlow || side !== 0 || established !== 0) return false
  } else {
    if (side !== 0 && (side === 1) !== packet.toServer) return false
    if (!stateFits(established, flow, flows)) return false
    if (ipOnly && !isFirst(packet, flows)) return false
  }
  if (packet.fragment && !(header.sourcePorts.any && header.destinationPorts.any)) return false
  const { src, dest, srcPort, destPort } = packet
  return endsFit(header, src, 0, srcPort, dest, 0, destPort)
}

export function flowFits(
  signature: Signature,
  flow: number,
  toServer: boolean,
  flows: FlowTableLike,
): boolean {
  const { header, side, established } = signature
  if (side !== 0 && (side === 1) !== toServer) return false
  if (!protocolFits(header, flows.protocol[flow] as number)) return false
  if (!stateFits(established, flow, flows)) return false
  const { client, server } = flows
  const at = flow * 4
  if (header.ipVersion !== 0) {
    const v4 = client[at] === 0 && client[at + 1] === 0 && client[at + 2] === 0xffff
    if (v4 !== (header.ipVersion === 4)) return false
  }
  const clientPort = flows.clientPort[flow] as number
  const serverPort = flows.serverPort[flow] as number
  return toServer || signature.exchange
    ? endsFit(header, client, at, clientPort, server, at, serverPort)
    : endsFit(header, server, at, serverPort, client, at, clientPort)
}

export function protocolFits(header: Header, protocol: number): boolean {
  if (header.anyProtocol) return true
  switch (protocol) {
    case 6:
      return header.tcp
    case 17:
      return header.udp
    case 1:
      return header.icmp
    case 58:
      return header.icmpv6
    default:
      return false
  }
}

/** The first packet of its direction. What Suricata makes no flow of is always first. */
export function isFirst({ flow, toServer, protocol }: Packet, flows: FlowTableLike): boolean {
  if (!FLOW_PROTOCOLS.has(protocol)) return true
  return flows.packets(flow, toServer) === 1
}

function stateFits(established: 0 | 1 | 2, flow: number, flows: FlowTableLike): boolean {
  if (established === 0) return true
  return (established === 1) === (flows.state[flow] as number) >= STATE_ESTABLISHED
}

export function endsOfPacket({ src, srcPort, dest, destPort }: Packet): Ends {
  return { from: src, fromAt: 0, fromPort: srcPort, to: dest, toAt: 0, toPort: destPort }
}

/** Of what it sends that way. */
export function endsOfFlow(flow: number, toServer: boolean, flows: FlowTableLike): Ends {
  const client = { address: flows.client, port: flows.clientPort[flow] as number }
  const server = { address: flows.server, port: flows.serverPort[flow] as number }
  const [{ address: from, port: fromPort }, { address: to, port: toPort }] = toServer
    ? [client, server]
    : [server, client]
  return { from, fromAt: flow * 4, fromPort, to, toAt: flow * 4, toPort }
}

function endsFit(
  header: Header,
  from: Uint32Array,
  fromAt: number,
  fromPort: number,
  to: Uint32Array,
  toAt: number,
  toPort: number,
): boolean {
  return (
    header.destinationPorts.has(toPort) &&
    header.sourcePorts.has(fromPort) &&
    header.source.has(from, fromAt) &&
    header.destination.has(to, toAt)
  )
}
