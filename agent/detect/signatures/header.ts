/** action protocol source ports direction destination ports. */
import type { AppProto } from '../../decode/records.ts'
import type { Shared } from './compile.ts'
import type { Header, RuleAction } from './rule.ts'
import { Refused, type RuleText } from './rule-text.ts'

const ACTIONS: Readonly<Record<string, RuleAction>> = {
  alert: 'alert',
  config: 'config',
  pass: 'pass',
  drop: 'drop',
  reject: 'reject',
  rejectsrc: 'reject',
  rejectdst: 'reject',
  rejectboth: 'reject',
}

const DIRECTIONS = new Set(['->', '<>', '=>'])

interface Protocol {
  tcp?: boolean
  udp?: boolean
  icmp?: boolean
  icmpv6?: boolean
  any?: boolean
  ipVersion?: 4 | 6
  protos?: readonly AppProto[]
  packetOnly?: boolean
  streamOnly?: boolean
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  ip: { any: true },
  pkthdr: { any: true, packetOnly: true },
  ip4: { any: true, ipVersion: 4 },
  ipv4: { any: true, ipVersion: 4 },
  ip6: { any: true, ipVersion: 6 },
  ipv6: { any: true, ipVersion: 6 },
  tcp: { tcp: true },
  'tcp-pkt': { tcp: true, packetOnly: true },
  'tcp-stream': { tcp: true, streamOnly: true },
  udp: { udp: true },
  icmp: { icmp: true, icmpv6: true },
  icmpv4: { icmp: true },
  icmpv6: { icmpv6: true },
  ...applications({ tcp: true }, 'http tls ssh modbus ftp ftp-data smtp smb rdp pop3'),
  ...applications({ udp: true }, 'dhcp quic tftp bacnet snmp'),
  ...applications({ tcp: true, udp: true }, 'dns krb5 dnp3 enip s7 iec104'),
  http1: { tcp: true, protos: ['http'] },
  ssl: { tcp: true, protos: ['tls'] },
  // Calls travel by themselves and in the pipes of SMB.
  dcerpc: { tcp: true, udp: true, protos: ['dcerpc', 'smb'] },
}

function applications(over: Protocol, names: string): Record<string, Protocol> {
  return Object.fromEntries(
    names.split(' ').map((name) => [name, { ...over, protos: [name as AppProto] }]),
  )
}

/** What a rule means by the name of an application protocol; undefined: it is not told apart here. */
export function protocolsOf(name: string): readonly AppProto[] | undefined {
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name]?.protos : undefined
}

export interface ParsedHeader {
  action: RuleAction
  /** As it is written; with `<>` between different ends also turned: what fits both is told twice, as Suricata does. */
  headers: readonly Header[]
  /** `=>`: request and answer together. */
  exchange: boolean
  protos: readonly AppProto[] | undefined
  packetOnly: boolean
  streamOnly: boolean
}

export function parseHeader(rule: RuleText, shared: Shared): ParsedHeader {
  const action = Object.hasOwn(ACTIONS, rule.action) ? ACTIONS[rule.action] : undefined
  if (action === undefined) throw new Refused(undefined, `there is no action "${rule.action}"`)
  const protocol = Object.hasOwn(PROTOCOLS, rule.protocol) ? PROTOCOLS[rule.protocol] : undefined
  if (!protocol) throw new Refused(undefined, `the protocol ${rule.protocol} is not decoded`)
  if (!DIRECTIONS.has(rule.direction))
    throw new Refused(undefined, `the direction "${rule.direction}" is neither -> nor <> nor =>`)
  const header: Header = {
    anyProtocol: protocol.any ?? false,
    tcp: protocol.tcp ?? false,
    udp: protocol.udp ?? false,
    icmp: protocol.icmp ?? false,
    icmpv6: protocol.icmpv6 ?? false,
    ipVersion: protocol.ipVersion ?? 0,
    source: shared.addresses(rule.source),
    sourcePorts: shared.ports(rule.sourcePorts),
    destination: shared.addresses(rule.destination),
    destinationPorts: shared.ports(rule.destinationPorts),
  }
  return {
    action,
    exchange: rule.direction === '=>',
    protos: protocol.protos,
    packetOnly: protocol.packetOnly ?? false,
    streamOnly: protocol.streamOnly ?? false,
    headers: rule.direction === '<>' ? bothWays(header) : [header],
  }
}

function bothWays(header: Header): Header[] {
  const { source, sourcePorts, destination, destinationPorts } = header
  if (source.equals(destination) && sourcePorts.equals(destinationPorts)) return [header]
  const turned = { source: destination, sourcePorts: destinationPorts, destination: source, destinationPorts: sourcePorts } // biome-ignore format: one line
  return [header, { ...header, ...turned }]
}
