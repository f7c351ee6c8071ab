/** Packets in, flows and streams out. One engine a shard; no object is made per packet. */
import type { Fault } from '../base/fault.ts'
import { transportChecksumOk } from '../decode/checksum.ts'
import type { PacketEvent } from '../decode/events.ts'
import { decodeInside } from '../decode/frame.ts'
import { type Packet, TCP } from '../decode/packet.ts'
import { PROTOCOL } from '../decode/transport.ts'
import type { AssetWatch } from './asset-watch.ts'
import { FlowCounters } from './counters.ts'
import { Fragments } from './fragments.ts'
import type { EndReason, FlowListener } from './listener.ts'
import { Reassembly, type StreamTrouble } from './reassembly.ts'
import { FLOW, FlowTable, type FlowTableOptions } from './table.ts'
import { TcpFlows } from './tcp-flows.ts'

/** Seconds without a packet after which a flow ends, by state: Suricata's defaults. */
export const TIMEOUTS = {
  tcp: { new: 60, established: 600, closed: 60 },
  udp: { new: 30, established: 300, closed: 30 },
  icmp: { new: 30, established: 300, closed: 30 },
  other: { new: 30, established: 300, closed: 30 },
} as const

export type Timeouts = Record<
  keyof typeof TIMEOUTS,
  Readonly<{ new: number; established: number; closed: number }>
>

export interface FlowOptions extends FlowTableOptions {
  /** Made beforehand where the listener needs it too. */
  table?: FlowTable
  assets?: AssetWatch
  /** Which of two TCP segments that wait for one place wins. */
  overlap?: 'first' | 'last'
  /** TCP segments with a wrong checksum are not streamed. Off: veth and offloads leave it unset. */
  verifyChecksums?: boolean
  /** Streams whose handshake was not seen are read. On by default. */
  midstream?: boolean
  /** Streams of which one side alone is seen are read. On by default. */
  oneSided?: boolean
  /** Memory for segments that came early. */
  streamBytesMax?: number
  timeouts?: Timeouts
}

/** Rows looked at for timeouts in one tick: a full table in four. And for the oldest when the table is full. */
const SWEEP_ROWS = 16_384
const EVICT_ROWS = 32
// Not by their names in the other files: what is imported is looked up at each use.
const { TCP: TCP_PROTOCOL, UDP: UDP_PROTOCOL, ICMP, ICMP6 } = PROTOCOL
const { SYN, ACK } = TCP
const { FREE, NEW, ESTABLISHED, CLOSED } = FLOW
/** Tunnels in tunnels. */
const TUNNELS_MAX = 4
const HTTP_ANSWER = Buffer.from('HTTP/1.')
const DNS_PORT = 53
const DNS_HEADER_BYTES = 12
const PORTS_LOW_MAX = 1023
/** Time may stand back this far without being a new capture. */
const BACK_US = 60_000_000
/** A word of our own: read where few packets come, a property of Number has V8 make the code around it again. */
const LONG_AGO = Number.NEGATIVE_INFINITY

export class FlowEngine implements StreamTrouble {
  readonly table: FlowTable
  readonly counters = new FlowCounters()
  readonly #listener: FlowListener
  readonly #assets: AssetWatch | undefined
  readonly #verify: boolean
  readonly #fragments: Fragments
  readonly #reassembly: Reassembly
  readonly #tcp: TcpFlows
  /** Microseconds by protocol class * 4 + state. */
  readonly #timeouts: Float64Array
  /** The least of them. */
  readonly #soonestUs: number
  /** Never a small integer: were it one at first, all code that reads this object would be compiled again at the first tick. */
  #nowUs = LONG_AGO
  #sweep = 0
  /** When all rows were last looked at, and before when none of them times out. */
  #sweptUs = LONG_AGO
  #dueUs = LONG_AGO
  /** The packet in hand, for the faults that its bytes bring to light. */
  #packet: Packet | undefined

  constructor(options: FlowOptions, listener: FlowListener) {
    this.table = options.table ?? new FlowTable(options)
    this.#listener = listener
    this.#assets = options.assets
    this.#verify = options.verifyChecksums ?? false
    this.#timeouts = timeoutTable(options.timeouts ?? TIMEOUTS)
    this.#soonestUs = Math.min(...this.#timeouts.filter((us) => us > 0))
    this.#fragments = new Fragments(this.counters)
    this.#reassembly = new Reassembly({
      flowsMax: this.table.flowsMax,
      overlap: options.overlap ?? 'first',
      ...(options.streamBytesMax === undefined ? {} : { poolBytes: options.streamBytesMax }),
      listener,
      counters: this.counters,
      trouble: this,
    })
    this.#tcp = new TcpFlows({
      table: this.table,
      reassembly: this.#reassembly,
      counters: this.counters,
      midstream: options.midstream ?? true,
      oneSided: options.oneSided ?? true,
      listener,
      assets: options.assets,
    })
  }

  /** One decoded frame. */
  process(packet: Packet): void {
    const { counters } = this
    counters.frames++
    this.#packet = packet
    if (packet.fault !== undefined) {
      this.#unread(packet, packet.fault)
    } else {
      counters.decoded++
      if (packet.ipVersion !== 0) this.#datagram(packet, 0)
      else this.#other(packet)
    }
    for (let i = 0; i < packet.eventCount; i++)
      this.#listener.event?.(packet.events[i] as PacketEvent, packet)
    this.#listener.handled?.(packet)
  }

  /** Bytes of a direction that were handed on and that its receiver has not acknowledged. */
  unacknowledged(row: number, toServer: boolean): number {
    return this.#reassembly.unacknowledged(row * 2 + (toServer ? 0 : 1))
  }

  /** Of those, what its sender sent after its own reset and the receiver has refused with another. */
  refused(row: number, toServer: boolean): number {
    return this.#tcp.refused(row, toServer)
  }

  /** Whether nothing more comes of a TCP flow: both sides have closed it, in order. */
  bothDone(row: number): boolean {
    return this.table.state[row] === CLOSED && this.#tcp.bothDone(row)
  }

  /** EVE's word for the state of a TCP flow. */
  tcpState(row: number): string {
    return this.#tcp.stateName(row)
  }

  /** One datagram, then the one a tunnel carries in it: each has its own flow. */
  #datagram(packet: Packet, depth: number): void {
    if (packet.fragment) {
      if (!this.#fragment(packet)) return
    } else this.#flow(packet)
    // What TCP carries is no datagram.
    if (packet.protocol === TCP_PROTOCOL || !decodeInside(packet)) return
    this.counters.tunnelled++
    const fault = packet.fault ?? (depth >= TUNNELS_MAX ? 'too-many-layers' : undefined)
    if (fault === undefined) this.#datagram(packet, depth + 1)
    else this.#fault(fault, -1)
  }

  /** Runs timeouts a little further; called once a second of packet time. */
  tick(timeUs: number): void {
    if (timeUs > this.#nowUs || timeUs < this.#nowUs - BACK_US) this.#nowUs = timeUs
    this.#fragments.expire(this.#nowUs)
    if (this.#nowUs > this.#dueUs) this.#sweepRows()
  }

  #sweepRows(): void {
    const { table } = this
    const { state, top } = table
    const nowUs = this.#nowUs
    const rows = Math.min(SWEEP_ROWS, top)
    // What is heard of from now on is due no sooner, whatever becomes of it.
    let dueUs = nowUs + this.#soonestUs
    let row = this.#sweep
    for (let i = 0; i < rows; i++, row++) {
      if (row >= top) row = 0
      if (state[row] === FREE) continue
      const due = table.lastUs(row) + this.#timeoutOf(row)
      if (nowUs > due) this.#expire(row)
      else if (due < dueUs) dueUs = due
    }
    this.#sweep = row
    this.#sweptUs = nowUs
    this.#dueUs = rows === top ? dueUs : LONG_AGO
  }

  /** Ends every flow. */
  flush(reason: EndReason): void {
    const { table } = this
    for (let row = 0; row < table.top; row++) if (table.state[row] !== FREE) this.#end(row, reason)
  }

  /** A bound was met, here or in a later stage: not every byte of the flow was inspected. */
  markIncomplete(row: number): void {
    if (row < 0 || this.table.incomplete[row] === 1) return
    this.table.incomplete[row] = 1
    this.counters.flowsIncomplete++
  }

  overlapped(row: number): void {
    this.#packet?.note('reassembly_overlap_different_data')
    this.#fault('stream-overlap', row)
  }

  streamFull(row: number): void {
    this.markIncomplete(row)
    this.#fault('stream-full', row)
  }

  /** A datagram may be here though what it carries could not be read: rules on IP itself are asked. */
  #unread(packet: Packet, fault: Fault): void {
    this.#fault(fault, -1)
    if (packet.l4Offset > 0) this.#listener.packet(packet)
  }

  /** Neither IPv4 nor IPv6. */
  #other(packet: Packet): void {
    if (packet.arpOffset >= 0) this.#assets?.arp(packet.bytes, packet.arpOffset, packet.timeUs)
    this.#listener.packet(packet)
  }

  /** Whether the datagram was whole with this fragment, and is in `packet` now. */
  #fragment(packet: Packet): boolean {
    this.counters.fragments++
    this.#listener.packet(packet)
    const whole = this.#fragments.add(packet)
    if (this.#fragments.fault !== undefined) this.#fault(this.#fragments.fault, -1)
    if (!whole) return false
    // A datagram of fragments that is again a fragment is nobody's honest traffic.
    const fault = packet.fault ?? (packet.fragment ? 'too-many-layers' : undefined)
    if (fault === undefined) this.#flow(packet)
    else this.#unread(packet, fault)
    return fault === undefined
  }

  #flow(packet: Packet): void {
    if (packet.timeUs < this.#sweptUs) this.#dueUs = LONG_AGO // time has gone back
    const row = this.#rowOf(packet)
    packet.flow = row
    this.#count(packet, row)
    this.#listener.packet(packet)
    if (this.#listener.drops?.(packet)) return
    if (packet.protocol !== TCP_PROTOCOL) {
      if (packet.toServer || this.table.state[row] !== NEW) return
      this.table.state[row] = ESTABLISHED
      this.#assets?.answered(this.table, row)
      return
    }
    if (!this.#verify || transportChecksumOk(packet)) {
      const followed = this.#tcp.segment(packet, row)
      if (!followed && packet.payloadBytes > 0) this.#listener.unfollowed?.(packet)
    } else {
      this.counters.checksumsBad++
      this.#fault('bad-checksum', row)
    }
  }

  #rowOf(packet: Packet): number {
    const { table } = this
    let row = table.find(packet)
    if (row >= 0 && this.#timedOut(row, packet.timeUs)) {
      this.#expire(row)
      row = -1
    }
    if (row >= 0 && packet.protocol === TCP_PROTOCOL && this.#tcp.reusedBy(packet, row)) {
      this.#end(row, 'closed')
      row = -1
    }
    if (row >= 0) return row
    if (table.full) this.#evict()
    const toServer = fromClient(packet)
    packet.toServer = toServer
    row = table.create(packet, toServer)
    this.#tcp.open(row)
    this.counters.flows++
    this.counters.flowsLive = table.live
    this.#assets?.began(table, row, toServer)
    return row
  }

  #count(packet: Packet, row: number): void {
    const { table } = this
    table.count(row, packet)
    if (packet.toServer || packet.protocol === TCP_PROTOCOL) return
    if (table.icmpAnswer[row] === -1)
      table.icmpAnswer[row] = packet.icmpType * 256 + packet.icmpCode
  }

  #timedOut(row: number, nowUs: number): boolean {
    const { table } = this
    const idleUs = nowUs - table.lastUs(row)
    return idleUs > this.#soonestUs && idleUs > this.#timeoutOf(row)
  }

  #timeoutOf(row: number): number {
    const { protocol, state } = this.table
    const kind = protocolClass(protocol[row] as number) * 4 + (state[row] as number)
    return this.#timeouts[kind] as number
  }

  #expire(row: number): void {
    const closed = this.table.state[row] === CLOSED
    if (!closed) this.counters.flowsTimedOut++
    this.#end(row, closed ? 'closed' : 'timeout')
  }

  /** Of the next rows, the one that is least missed: unanswered before established, then the oldest. */
  #evict(): void {
    const { table } = this
    let worst = -1
    for (let i = 0; i < EVICT_ROWS; i++) {
      if (this.#sweep >= table.top) this.#sweep = 0
      const row = this.#sweep++
      if (worst < 0 || this.#lessMissed(row, worst)) worst = row
    }
    this.counters.flowsEvicted++
    this.#end(worst, 'evicted')
  }

  #lessMissed(row: number, than: number): boolean {
    const { table } = this
    const { state } = table
    const [open, other] = [state[row] === ESTABLISHED, state[than] === ESTABLISHED]
    if (open !== other) return other
    return table.lastUs(row) < table.lastUs(than)
  }

  #end(row: number, reason: EndReason): void {
    if (this.table.protocol[row] === TCP_PROTOCOL) this.#tcp.finish(row)
    this.#listener.ended(row, reason)
    this.table.remove(row)
    this.counters.flowsLive = this.table.live
  }

  #fault(fault: Fault, row: number): void {
    this.counters.fault(fault)
    if (this.#packet) this.#listener.fault(fault, this.#packet, row)
  }
}

/** Whether the first packet seen of a flow is the client's. */
function fromClient(packet: Packet): boolean {
  if (packet.protocol === UDP_PROTOCOL) return !isLateDnsAnswer(packet)
  if (packet.protocol !== TCP_PROTOCOL) return true
  const flags = packet.tcpFlags & (SYN | ACK)
  if (flags === SYN) return true
  if (flags === (SYN | ACK)) return false
  if (isHttpAnswer(packet)) return false
  // Picked up in the middle: servers have the low ports, clients one of the ephemeral range.
  return !(packet.srcPort < 32_768 && packet.destPort >= 32_768)
}

/** What begins as an answer of HTTP comes from its server, whatever the ports. */
function isHttpAnswer({ bytes, payloadOffset, payloadBytes }: Packet): boolean {
  if (payloadBytes < HTTP_ANSWER.length) return false
  for (let i = 0; i < HTTP_ANSWER.length; i++)
    if (bytes[payloadOffset + i] !== HTTP_ANSWER[i]) return false
  return true
}

/** The first seen of a flow is an answer of a DNS server: its question came before we looked. */
function isLateDnsAnswer({ srcPort, destPort, bytes, payloadOffset, payloadBytes }: Packet) {
  return (
    srcPort === DNS_PORT &&
    destPort > PORTS_LOW_MAX &&
    payloadBytes >= DNS_HEADER_BYTES &&
    (bytes[payloadOffset + 2] as number) >= 0x80
  )
}

function protocolClass(protocol: number): number {
  if (protocol === TCP_PROTOCOL) return 0
  if (protocol === UDP_PROTOCOL) return 1
  return protocol === ICMP || protocol === ICMP6 ? 2 : 3
}

function timeoutTable(timeouts: Timeouts): Float64Array {
  const table = new Float64Array(16)
  for (const [kind, name] of (['tcp', 'udp', 'icmp', 'other'] as const).entries()) {
    table[kind * 4 + NEW] = timeouts[name].new * 1e6
    table[kind * 4 + ESTABLISHED] = timeouts[name].established * 1e6
    table[kind * 4 + CLOSED] = timeouts[name].closed * 1e6
  }
  return table
}
