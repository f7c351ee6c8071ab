/** Rows of the flow table as the plain values that records are made of. */
import { addressText, inPrefix, type Prefix } from './base/address.ts'
import type { Packet } from './decode/packet.ts'
import type { AppProto } from './decode/records.ts'
import type { FlowTotals, FlowView } from './detect/eve.ts'
import { communityId } from './flow/community-id.ts'
import type { EndReason } from './flow/listener.ts'
import { FLOW, type FlowTable } from './flow/table.ts'

export class FlowViews {
  readonly #table: FlowTable
  readonly #appProto: (flow: number) => AppProto
  readonly #home: readonly Prefix[]
  readonly #appProtoOrig: (flow: number) => AppProto | undefined

  constructor(
    table: FlowTable,
    appProto: (flow: number) => AppProto,
    home: readonly Prefix[],
    appProtoOrig: (flow: number) => AppProto | undefined = () => undefined,
  ) {
    this.#table = table
    this.#appProtoOrig = appProtoOrig
    this.#appProto = appProto
    this.#home = home
  }

  view(flow: number): FlowView {
    const table = this.#table
    const [outer, inner, third] = [table.vlan0[flow], table.vlan1[flow], table.vlan2[flow]]
    const vlan = [outer as number, inner as number, third as number].filter((id) => id > 0)
    const answer = table.icmpAnswer[flow] as number
    return {
      flowId: table.flowId(flow),
      communityId: this.#communityId(flow),
      client: table.clientText(flow),
      server: table.serverText(flow),
      clientPort: table.clientPort[flow] as number,
      serverPort: table.serverPort[flow] as number,
      clientHome: this.#isHome(table.client, flow * 4),
      serverHome: this.#isHome(table.server, flow * 4),
      protocol: table.protocol[flow] as number,
      icmpType: table.icmpType[flow] as number,
      icmpCode: table.icmpCode[flow] as number,
      ...(answer >= 0 && { icmpAnswer: answer }),
      vlan,
      clientMac: table.clientMac[flow] as number,
      serverMac: table.serverMac[flow] as number,
      appProto: this.#appProto(flow),
      appProtoOrig: this.#appProtoOrig(flow),
    }
  }

  isTcp(flow: number): boolean {
    return this.#table.protocol[flow] === 6
  }

  /** A frame that belongs to no flow: its own ends, as far as they were read. */
  frame(packet: Packet): FlowView {
    const known = packet.ipVersion !== 0
    return {
      flowId: '',
      communityId: '',
      client: known ? addressText(packet.src) : '',
      server: known ? addressText(packet.dest) : '',
      clientPort: packet.srcPort,
      serverPort: packet.destPort,
      clientHome: known && this.#isHome(packet.src, 0),
      serverHome: known && this.#isHome(packet.dest, 0),
      protocol: packet.protocol,
      icmpType: packet.icmpType,
      icmpCode: packet.icmpCode,
      vlan: [packet.vlan0, packet.vlan1, packet.vlan2].slice(0, packet.vlanCount),
      appProto: 'unknown',
    }
  }

  totals(flow: number, reason: EndReason, alerted: boolean): FlowTotals {
    const table = this.#table
    const state = table.state[flow]
    return {
      startUs: table.startUs[flow] as number,
      lastUs: table.lastUs(flow),
      packetsToServer: table.packets(flow, true),
      packetsToClient: table.packets(flow, false),
      bytesToServer: table.bytes(flow, true),
      bytesToClient: table.bytes(flow, false),
      flagsToServer: table.flags(flow, true),
      flagsToClient: table.flags(flow, false),
      state: state === FLOW.CLOSED ? 'closed' : state === FLOW.ESTABLISHED ? 'established' : 'new',
      reason,
      alerted,
    }
  }

  #communityId(flow: number): string {
    const { client, server, clientPort, serverPort, protocol, icmpType, icmpCode } = this.#table
    return communityId({
      protocol: protocol[flow] as number,
      src: client,
      srcAt: flow * 4,
      dest: server,
      destAt: flow * 4,
      srcPort: clientPort[flow] as number,
      destPort: serverPort[flow] as number,
      icmpType: icmpType[flow] as number,
      icmpCode: icmpCode[flow] as number,
    })
  }

  #isHome(words: Uint32Array, at: number): boolean {
    return this.#home.some((prefix) => inPrefix(words, at, prefix))
  }
}
