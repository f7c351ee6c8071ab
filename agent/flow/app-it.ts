/** Office protocols: which one a flow speaks by its first bytes, and the parser of each. */
import { looksLikeDhcp } from '../decode/dhcp.ts'
import type { ItProto } from '../decode/records-it.ts'
import { DhcpFlow } from './app-dhcp.ts'
import type { AppParser, AppSink } from './app-parser.ts'

export const IT_PROTOS = ['dhcp'] as const satisfies readonly ItProto[]
const DHCP_PORTS = new Set([67, 68])

/** Which of these protocols a datagram speaks. */
export function guessItDatagram(
  bytes: Buffer,
  srcPort: number,
  destPort: number,
): ItProto | 'none' {
  if ((DHCP_PORTS.has(srcPort) || DHCP_PORTS.has(destPort)) && looksLikeDhcp(bytes)) return 'dhcp'
  return 'none'
}

/** A parser of datagrams is given one at a time, whole. */
export function newItParser(proto: ItProto, sink: AppSink): AppParser {
  switch (proto) {
    case 'dhcp':
      return new DhcpFlow(sink)
  }
}
