/** A rule ready to match. Made at load, read-only afterwards, shared by all that look at it. */
import type { AppEvent } from '../../decode/app-events.ts'
import type { PacketEvent } from '../../decode/events.ts'
import type { Packet } from '../../decode/packet.ts'
import type { AppProto, Transaction } from '../../decode/records.ts'
import type { AlertHit } from '../alert.ts'
import type { AddressGroup } from './address-group.ts'
import type { BufferSource } from './buffer-source.ts'
import type { Condition } from './condition.ts'
import type { Lead } from './lead.ts'
import type { PacketPartName } from './packet-parts.ts'
import type { PortGroup } from './port-group.ts'
import type { Shape } from './regex-shape.ts'
import type { RuleState } from './rule-state.ts'
import type { Transform } from './transform.ts'

export type RuleAction = 'alert' | 'pass' | 'drop' | 'reject' | 'config'

export interface ThresholdRule {
  kind: 'limit' | 'threshold' | 'both' | 'detection_filter' | 'backoff'
  track: 'by_src' | 'by_dst' | 'by_rule' | 'by_both' | 'by_flow'
  count: number
  seconds: number
  /** Of backoff: how many times as many matches the next one takes. */
  multiplier?: number
}

export interface Header {
  /** Any IP protocol, or those that are set. */
  anyProtocol: boolean
  tcp: boolean
  udp: boolean
  icmp: boolean
  icmpv6: boolean
  /** 0: both. */
  ipVersion: 0 | 4 | 6
  source: AddressGroup
  sourcePorts: PortGroup
  destination: AddressGroup
  destinationPorts: PortGroup
}

export type FlowBitVerb = 'set' | 'unset' | 'toggle' | 'isset' | 'isnotset'

export interface FlowBit {
  verb: FlowBitVerb
  /** One name, or several of which one is enough. */
  names: readonly string[]
}

/** A question to the packet's own fields. */
export interface PacketTest {
  (packet: Packet): boolean
  /** Its answer hangs on protocol and TCP flags alone. */
  ofClass?: true
}
/** What rules remember across packets and flows, as the engine hands it to a test. */
export interface StatePlace {
  flow: number
  toServer: boolean
  timeUs: number
  /** Four words each, from `srcAt` and `destAt` on. */
  src: Uint32Array
  srcAt: number
  dest: Uint32Array
  destAt: number
}
export type StateTest = (state: RuleState, place: StatePlace) => boolean
export type StateChange = (state: RuleState, place: StatePlace) => void

/** Conditions on a part of the packet's own bytes. */
export interface PacketPart {
  part: PacketPartName
  conditions: readonly Condition[]
}

/** A question to a transaction that no buffer answers. */
export type TransactionTest = (transaction: Transaction, response: boolean) => boolean

/** A sticky buffer with its transforms, on one side; the same object for all rules that ask for it. */
export interface BufferView {
  index: number
  source: BufferSource
  response: boolean
  transforms: readonly Transform[]
}

export interface BufferPart {
  view: BufferView
  conditions: readonly Condition[]
  /** It asks for that: a message without this buffer satisfies it. */
  absentMatches: boolean
}

/** Where a transaction rule is judged: when the last thing it needs has come. */
export interface Point {
  proto: Transaction['proto']
  response: boolean
  body: boolean
}

export interface Signature {
  /** Stays the same in each set that has the rule: what flows remember it by. */
  id: number
  /** Place in the order of judging. */
  index: number
  /** 0 is worst: who goes first when there are too many candidates. */
  rank: number
  hit: AlertHit
  action: RuleAction
  noalert: boolean
  /** A pass rule that is told all the same. */
  tells: boolean
  bypass: boolean
  silences: 'tx' | 'flow' | undefined
  header: Header
  /** 0: either; 1: to the server; 2: to the client. */
  side: 0 | 1 | 2
  established: 0 | 1 | 2
  needsFlow: boolean
  /** Asks for nothing but addresses: said once for each direction of a flow, as Suricata's ip-only rules are. */
  ipOnly: boolean
  appProto: AppProto | undefined
  /** The flow speaks another protocol than these, and it is known which. */
  notProtos: readonly AppProto[]
  /** Which bytes the plain contents look at: TCP segments, TCP streams, everything else. */
  tcpPacket: boolean
  tcpStream: boolean
  datagram: boolean
  /** No single segment will do. */
  streamOnly: boolean
  packetTests: readonly PacketTest[]
  /** They pass no packet of more payload. */
  sizeMost: number
  payload: readonly Condition[]
  packetParts: readonly PacketPart[]
  /** Judged only at this event. */
  event: PacketEvent | undefined
  /** Judged only at this event of an application. */
  appEvent: AppEvent | undefined
  stateTests: readonly StateTest[]
  stateChanges: readonly StateChange[]
  /** Request and answer in one rule: the header's direction is the request's. */
  exchange: boolean
  point: Point | undefined
  buffers: readonly BufferPart[]
  transactionTests: readonly TransactionTest[]
  bitTests: readonly FlowBit[]
  bitChanges: readonly FlowBit[]
  threshold: ThresholdRule | undefined
  /** Asks what a growing body does not hold: an answer only when it is whole. */
  wholeBody: boolean
  /** The literal that must occur, in which buffer; undefined: judged always. */
  fast: FastPattern | undefined
  /** In a stream one of these must occur instead: of an expression, where the rule has no better literal. */
  leads: readonly FastPattern[] | undefined
  /** In a stream this must occur instead. */
  shape: Shape | undefined
  /** Whether it has leads or a shape. */
  led: boolean
  /** How its plain contents look on in a stream. */
  lead: Lead | undefined
  plain: boolean
}

export interface FastPattern {
  bytes: Uint8Array
  nocase: boolean
  /** Undefined: the plain payload. */
  view: BufferView | undefined
}
