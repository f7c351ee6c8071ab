/** The TCP connection of each flow: handshake, windows, closing. The bytes go to Reassembly. */
import { readU32 } from '../decode/bytes.ts'
import { type Packet, TCP } from '../decode/packet.ts'
import { timestampsAt } from '../decode/tcp.ts'
import type { AssetWatch } from './asset-watch.ts'
import type { FlowCounters } from './counters.ts'
import type { FlowListener } from './listener.ts'
import type { Reassembly } from './reassembly.ts'
import { FLOW, type FlowTable } from './table.ts'
import { CONNECTION, STREAM } from './tcp-rows.ts'

// Not by their names in the other files: what is imported is looked up at each use.
const { FIN: FIN_FLAG, SYN, RST, ACK: ACK_FLAG } = TCP
const { WORDS, NEXT, KNOWN, ACK, ACKED, WINDOW, HEAD, SCALE, FIN, FIN_SEQ, FIRST, RESET_AT } =
  STREAM
const { WORDS: BOTH_WORDS, STATE, CLOSING: CLOSING_AT, RESET_BY, WENT_ON } = CONNECTION

/** How far a connection is, as this side of the wire has seen it. */
const TCP_STATE = { NONE: 0, SYN_SENT: 1, SYN_RECEIVED: 2, ESTABLISHED: 3, CLOSED: 4 } as const

/** How a connection is being closed, as the state machine of RFC 9293 §3.3.2 has it for the client's end. */
export const CLOSING = {
  NONE: 0,
  FIN_WAIT1: 1,
  FIN_WAIT2: 2,
  CLOSING: 3,
  CLOSE_WAIT: 4,
  LAST_ACK: 5,
  TIME_WAIT: 6,
} as const

const SCALE_UNSEEN = -1
/** Different SYNs of one connection that are kept beside the newest, and connections that have some. */
const SYNS_MAX = 10
const MANY_SYNS_MAX = 4096
const STAMP_UNSEEN = -1
const FIN_NONE = 0
const FIN_SEEN = 1
const FIN_DELIVERED = 2

export interface TcpFlowsOptions {
  table: FlowTable
  reassembly: Reassembly
  counters: FlowCounters
  /** Whether streams are read whose handshake was not seen, and those with one side alone. */
  midstream: boolean
  oneSided: boolean
  listener: Pick<FlowListener, 'established' | 'refused'>
  assets: AssetWatch | undefined
}

export class TcpFlows {
  readonly #table: FlowTable
  readonly #streams: Reassembly
  readonly #counters: FlowCounters
  readonly #readMidstream: boolean
  readonly #readOneSided: boolean
  /** Whether streams are read that begin with the answer to a SYN that was not seen. */
  readonly #readAnswered: boolean
  readonly #listener: TcpFlowsOptions['listener']
  readonly #assets: AssetWatch | undefined
  /** What is kept of each connection: as tcp-rows has it. */
  readonly #words: Int32Array
  /** By stream: the timestamp of its SYN, and that of the last time it was sent. */
  readonly #stamp: Float64Array
  readonly #lastStamp: Uint32Array
  /** By row: who sent the SYN/ACK; 0 none, 1 client, 2 server. */
  readonly #answered: Uint8Array
  /** By row: first sequence numbers of SYNs that came before the one believed now. */
  readonly #syns = new Map<number, number[]>()

  constructor(options: TcpFlowsOptions) {
    this.#table = options.table
    this.#streams = options.reassembly
    this.#counters = options.counters
    this.#readMidstream = options.midstream
    this.#readOneSided = options.oneSided
    this.#readAnswered = options.midstream || options.oneSided
    this.#listener = options.listener
    this.#assets = options.assets
    const rows = options.table.flowsMax
    this.#words = options.reassembly.words
    this.#stamp = new Float64Array(rows * 2)
    this.#lastStamp = new Uint32Array(rows * 2)
    this.#answered = new Uint8Array(rows)
  }

  open(row: number): void {
    this.#streams.open(row)
    for (let stream = row * 2; stream < row * 2 + 2; stream++) {
      this.#words[stream * WORDS + SCALE] = SCALE_UNSEEN
      this.#stamp[stream] = STAMP_UNSEEN
    }
    this.#answered[row] = 0
  }

  /** The flow ends: what waits for a hole is handed on. */
  finish(row: number): void {
    this.#streams.finish(row * 2)
    this.#streams.finish(row * 2 + 1)
    this.#syns.delete(row)
  }

  /** Bytes at the end of a direction that its sender sent after its own reset, and to which the receiver said no. */
  refused(row: number, toServer: boolean): number {
    const words = this.#words
    const flow = row * BOTH_WORDS
    if (words[flow + WENT_ON] !== 4 + (toServer ? 1 : 2)) return 0
    const stream = row * 2 + (toServer ? 0 : 1)
    const at = stream * WORDS
    const end = (words[at + NEXT] as number) - (words[at + FIN] === FIN_DELIVERED ? 1 : 0)
    const sent = (end - (words[at + RESET_AT] as number)) | 0
    return Math.max(0, Math.min(sent, this.#streams.unacknowledged(stream)))
  }

  /** Whether both sides have said FIN and all before it has been handed on. */
  bothDone(row: number): boolean {
    const words = this.#words
    const client = row * 2 * WORDS
    return words[client + FIN] === FIN_DELIVERED && words[client + WORDS + FIN] === FIN_DELIVERED
  }

  /** Whether a SYN on this row begins another connection between the same ends. */
  reusedBy(packet: Packet, row: number): boolean {
    const words = this.#words
    const flow = row * BOTH_WORDS
    if ((packet.tcpFlags & (SYN | ACK_FLAG | RST)) !== SYN) return false
    return words[flow + STATE] === TCP_STATE.CLOSED
  }

  /** False: the segment is of a connection that is not followed, for settings say so. */
  segment(packet: Packet, row: number): boolean {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const stream = row * 2 + (packet.toServer ? 0 : 1)
    const at = stream * WORDS
    const { tcpFlags } = packet
    const state = words[flow + STATE] as number
    if (state === TCP_STATE.SYN_SENT && !this.#timely(packet, row, stream)) return true
    if ((tcpFlags & RST) !== 0) {
      this.#reset(packet, row, stream)
      return true
    }
    if (words[flow + RESET_BY] !== 0) this.#afterReset(packet, row)
    if ((tcpFlags & SYN) !== 0) {
      if (!this.#synchronize(packet, row, stream)) return true
    } else if (state === TCP_STATE.NONE) {
      if (!this.#readMidstream) return false
      this.#pickUp(packet, row, stream)
    } else if (!this.#readOneSided && state === TCP_STATE.SYN_SENT) return false
    if (!this.#readAnswered && this.#table.midstream[row] === 1) return false
    if ((tcpFlags & ACK_FLAG) !== 0) this.#acknowledge(packet, row, stream)
    const seq = ((packet.seq | 0) + ((tcpFlags & SYN) !== 0 ? 1 : 0)) | 0
    if (words[at + KNOWN] === 0) this.#streams.expect(stream, seq)
    const { payloadBytes, payloadCut } = packet
    const size = payloadBytes + payloadCut
    if (size > 0)
      this.#streams.data(stream, seq, packet.bytes, packet.payloadOffset, payloadBytes, payloadCut)
    const fin = (tcpFlags & FIN_FLAG) !== 0
    if (fin && words[at + FIN] === FIN_NONE && this.#streams.inWindow(stream, seq)) {
      words[at + FIN] = FIN_SEEN
      words[at + FIN_SEQ] = seq + size
    }
    if (words[at + FIN] === FIN_SEEN) this.#finish(row, stream)
    if (words[(stream ^ 1) * WORDS + FIN] === FIN_SEEN) this.#finish(row, stream ^ 1)
    if (fin || words[flow + CLOSING_AT] !== CLOSING.NONE) this.#step(packet, row)
    return true
  }

  /** EVE's word for the connection's state. */
  stateName(row: number): string {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const state = words[flow + STATE] as number
    const closing = words[flow + CLOSING_AT] as number
    if (state !== TCP_STATE.CLOSED && closing !== CLOSING.NONE)
      return CLOSING_NAMES[closing] as string
    return STATE_NAMES[state] as string
  }

  /** Who said FIN, and whether it was acknowledged. */
  #step(packet: Packet, row: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const fin = (packet.tcpFlags & FIN_FLAG) !== 0
    const now = words[flow + CLOSING_AT] as number
    words[flow + CLOSING_AT] = stepClosing(now, fin, packet.toServer)
    if (now === CLOSING.LAST_ACK && !fin && packet.toServer) this.#lastAcked(row)
    if (now === CLOSING.TIME_WAIT && !fin) this.#lastAcked(row)
    if ((words[flow + CLOSING_AT] as number) >= CLOSING.LAST_ACK)
      this.#table.state[row] = FLOW.CLOSED
  }

  #lastAcked(row: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    words[flow + STATE] = TCP_STATE.CLOSED
    this.#table.state[row] = FLOW.CLOSED
  }

  /** A SYN or SYN/ACK. False when it is not to be believed. */
  #synchronize(packet: Packet, row: number, stream: number): boolean {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const at = stream * WORDS
    const to = (stream ^ 1) * WORDS
    const streams = this.#streams
    const state = words[flow + STATE] as number
    const next = (packet.seq + 1) | 0
    if (state >= TCP_STATE.ESTABLISHED) {
      // RFC 5961 §4: a SYN on a standing connection changes nothing.
      return words[at + KNOWN] !== 0 && words[at + NEXT] === next
    }
    const answer = (packet.tcpFlags & ACK_FLAG) !== 0
    if (answer && words[to + KNOWN] !== 0) {
      // An answer acknowledges the SYN, or the data that came with it (RFC 7413), or a SYN that came before.
      if (!this.#acknowledges(packet, stream ^ 1) && !this.#recall(packet, row, stream ^ 1))
        return false
    } else if (answer) {
      streams.expect(stream ^ 1, packet.ack)
      words[to + FIRST] = packet.ack
      this.#midstream(row)
    }
    if (answer) this.#answered[row] = packet.toServer ? 1 : 2
    if (words[at + KNOWN] !== 0 && words[at + FIRST] === next) {
      // Sent again, or the answer of a side that had sent its own SYN before (a split handshake).
      if (answer) words[flow + STATE] = TCP_STATE.SYN_RECEIVED
      else this.#stampAgain(packet, stream)
      // The answer had come before it: now the handshake is whole.
      if (!this.#readAnswered) this.#table.midstream[row] = 0
      return true
    }
    if (!answer && words[at + KNOWN] !== 0) this.#otherSyn(packet, row, stream)
    streams.expect(stream, next)
    words[at + FIRST] = next
    words[at + SCALE] = packet.windowScale
    const stamps = timestampsAt(packet)
    this.#stamp[stream] = stamps < 0 ? STAMP_UNSEEN : readU32(packet.bytes, stamps)
    this.#lastStamp[stream] = this.#stamp[stream] as number
    words[flow + STATE] = answer ? TCP_STATE.SYN_RECEIVED : Math.max(state, TCP_STATE.SYN_SENT)
    return true
  }

  /** The server may have this one and not the first, which was lost behind us. */
  #stampAgain(packet: Packet, stream: number): void {
    const at = timestampsAt(packet)
    if (at < 0) this.#stamp[stream] = STAMP_UNSEEN
    else this.#lastStamp[stream] = readU32(packet.bytes, at)
  }

  /** A SYN of the same side with another number: the newest is believed, those before are not forgotten. */
  #otherSyn(packet: Packet, row: number, stream: number): void {
    const words = this.#words
    const at = stream * WORDS
    let before = this.#syns.get(row)
    if (!before) {
      if (this.#syns.size >= MANY_SYNS_MAX) return
      before = []
      this.#syns.set(row, before)
    }
    const [old, next] = [words[at + FIRST] as number, (packet.seq + 1) | 0]
    if (before.length < SYNS_MAX) {
      if (!before.includes(old)) before.push(old)
      return
    }
    if (!before.includes(next)) packet.note('3whs_syn_flood')
  }

  /** Whether the answer is to a SYN before the newest; that one is then the one. */
  #recall(packet: Packet, row: number, stream: number): boolean {
    const words = this.#words
    const at = stream * WORDS
    const first = this.#syns.get(row)?.find((each) => each === (packet.ack | 0))
    if (first === undefined) return false
    words[at + FIRST] = first
    this.#streams.expect(stream, first)
    return true
  }

  /** What answers a SYN and echoes another timestamp is no answer to it (RFC 7323 §3.2). */
  #timely(packet: Packet, row: number, stream: number): boolean {
    const sent = this.#stamp[stream ^ 1] as number
    if (sent === STAMP_UNSEEN || (packet.tcpFlags & ACK_FLAG) === 0) return true
    const at = timestampsAt(packet)
    if (at < 0) return true
    const echo = readU32(packet.bytes, at + 4)
    const last = this.#lastStamp[stream ^ 1] as number
    if (((echo - sent) | 0) >= 0 && ((last - echo) | 0) >= 0) return true
    if (echo === 0 || this.#syns.has(row)) return true
    packet.note('pkt_invalid_timestamp')
    return false
  }

  /** Who has reset the connection goes on in it: the reset was another's. */
  #afterReset(packet: Packet, row: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const from = packet.toServer ? 1 : 2
    if (words[flow + RESET_BY] !== from) return
    words[flow + RESET_BY] = 0
    words[flow + WENT_ON] = from
    packet.note('suspected_rst_inject')
  }

  /** Whether the packet acknowledges the SYN of `stream`, and nothing that was not sent. */
  #acknowledges(packet: Packet, stream: number): boolean {
    const words = this.#words
    const at = stream * WORDS
    return (
      ((packet.ack - (words[at + FIRST] as number)) | 0) >= 0 &&
      ((packet.ack - (words[at + NEXT] as number)) | 0) <= 0
    )
  }

  /** The first packet we see of a connection is not its first. */
  #pickUp(packet: Packet, row: number, stream: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    this.#midstream(row)
    words[flow + STATE] = TCP_STATE.ESTABLISHED
    this.#streams.expect(stream, packet.seq)
  }

  #midstream(row: number): void {
    if (this.#table.midstream[row] === 1) return
    this.#table.midstream[row] = 1
    this.#counters.flowsMidstream++
  }

  #acknowledge(packet: Packet, row: number, stream: number): void {
    const words = this.#words
    const streams = this.#streams
    const other = stream ^ 1
    const to = other * WORDS
    const ack = packet.ack | 0
    if (words[stream * WORDS + KNOWN] !== 0 && streams.beyond(stream, packet.seq | 0)) return
    const known = words[to + KNOWN] as number
    const midstream = this.#table.midstream[row] === 1
    // Picked up between two segments, or at a keep-alive: what was acknowledged before is not a loss.
    const early = midstream && known === 1 && (words[to + HEAD] as number) < 0
    if (known === 0 || (early && ((ack - (words[to + NEXT] as number)) | 0) > 0))
      streams.expect(other, ack)
    const window = this.#windowOf(packet, stream, midstream)
    if (window > (words[to + WINDOW] as number)) words[to + WINDOW] = window
    const state = words[row * BOTH_WORDS + STATE]
    if (
      state === TCP_STATE.SYN_RECEIVED &&
      (packet.tcpFlags & SYN) === 0 &&
      this.#answered[row] !== (packet.toServer ? 1 : 2) &&
      streams.inWindow(stream, packet.seq | 0) &&
      this.#acknowledges(packet, other)
    )
      this.#opened(row)
    if (midstream && !packet.toServer && state !== TCP_STATE.CLOSED)
      this.#table.state[row] = FLOW.ESTABLISHED
    streams.acknowledge(other, ack)
  }

  #opened(row: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    words[flow + STATE] = TCP_STATE.ESTABLISHED
    this.#table.state[row] = FLOW.ESTABLISHED
    if (this.#table.midstream[row] === 1) return
    this.#table.established[row] = 1
    this.#listener.established(row)
    this.#assets?.answered(this.#table, row)
  }

  /** RFC 7323 §2.2: a scale counts only when both announced one, and never in a SYN. */
  #windowOf({ tcpFlags, window }: Packet, stream: number, midstream: boolean): number {
    if ((tcpFlags & SYN) !== 0) return window
    if (midstream) return window * 2 ** 14
    const mine = this.#words[stream * WORDS + SCALE] as number
    const both = mine >= 0 && (this.#words[(stream ^ 1) * WORDS + SCALE] as number) >= 0
    return both ? window * (1 << mine) : window
  }

  /** A reset that the receiver would not take must not blind us (RFC 5961 §3). */
  #reset(packet: Packet, row: number, stream: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const at = stream * WORDS
    const to = (stream ^ 1) * WORDS
    const streams = this.#streams
    const state = words[flow + STATE] as number
    if (state === TCP_STATE.NONE && !this.#readMidstream) return
    const answer = state === TCP_STATE.SYN_SENT && !packet.toServer
    let believed: boolean
    if (answer)
      believed = (packet.tcpFlags & ACK_FLAG) !== 0 && (packet.ack | 0) === words[to + NEXT]
    else believed = words[at + KNOWN] === 0 || streams.inWindow(stream, packet.seq | 0)
    if (!believed) {
      this.#counters.resetsIgnored++
      return
    }
    words[flow + STATE] = TCP_STATE.CLOSED
    this.#table.state[row] = FLOW.CLOSED
    const from = packet.toServer ? 1 : 2
    if (words[flow + WENT_ON] === 3 - from) words[flow + WENT_ON] = 4 + 3 - from
    if (words[flow + WENT_ON] === 0) words[at + RESET_AT] = words[at + NEXT] as number
    words[flow + RESET_BY] = from
    if (answer) this.#listener.refused(row)
  }

  /** Notes that a direction has been handed on up to its FIN; closed once both have. */
  #finish(row: number, stream: number): void {
    const words = this.#words
    const flow = row * BOTH_WORDS
    const at = stream * WORDS
    const to = (stream ^ 1) * WORDS
    const end = words[at + FIN_SEQ] as number
    if (words[at + ACKED] === 1 && (((words[at + ACK] as number) - end) | 0) > 0)
      this.#streams.skipTo(stream, end) // the receiver has the FIN, so it has all before it
    if (words[at + NEXT] !== end) return
    words[at + FIN] = FIN_DELIVERED
    words[at + NEXT] = (words[at + NEXT] as number) + 1
    if (words[to + FIN] !== FIN_DELIVERED) return
    words[flow + STATE] = TCP_STATE.CLOSED
    this.#table.state[row] = FLOW.CLOSED
  }
}

const STATE_NAMES = ['none', 'syn_sent', 'syn_recv', 'established', 'closed']
const CLOSING_NAMES = [
  'none',
  'fin_wait1',
  'fin_wait2',
  'closing',
  'close_wait',
  'last_ack',
  'time_wait',
]

/** The client's FIN makes it wait; the server's is answered. What has no FIN acknowledges. */
function stepClosing(now: number, fin: boolean, toServer: boolean): number {
  switch (now) {
    case CLOSING.NONE:
      return fin ? (toServer ? CLOSING.CLOSE_WAIT : CLOSING.FIN_WAIT1) : now
    case CLOSING.CLOSE_WAIT:
      return fin && !toServer ? CLOSING.LAST_ACK : now
    case CLOSING.FIN_WAIT1:
      if (fin && toServer) return CLOSING.CLOSING
      return toServer ? CLOSING.FIN_WAIT2 : now
    case CLOSING.FIN_WAIT2:
      return fin && toServer ? CLOSING.TIME_WAIT : now
    case CLOSING.CLOSING:
      return fin ? now : CLOSING.TIME_WAIT
    default:
      return now
  }
}
