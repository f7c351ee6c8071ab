/**
 * The application layer: finds out what a flow speaks, keeps that protocol's state for it, and hands on its
 * transactions. A flow is a row number of the flow table. State exists only for flows whose protocol is known or being
 * probed, and is bounded in number and in bytes; a flow that meets the bound is passed by and says so.
 */
import type { Fault } from '../base/fault.ts'
import { decodeDns, looksLikeDns } from '../decode/dns.ts'
import { isDtlsHello } from '../decode/dtls.ts'
import { isGoogleQuic } from '../decode/gquic.ts'
import type { Packet } from '../decode/packet.ts'
import { looksLikeQuic } from '../decode/quic.ts'
import { type AppProto, TRANSACTION_PROTOS } from '../decode/records.ts'
import { isItProto } from '../decode/records-it.ts'
import { KeptBytes } from './app-bytes.ts'
import { DnsFlow } from './app-dns.ts'
import { DtlsFlow } from './app-dtls.ts'
import { ExpectedConnections } from './app-expected.ts'
import { FtpDataFlow } from './app-ftp-data.ts'
import { HttpFlow } from './app-http.ts'
import { newIcsFlow } from './app-ics.ts'
import { guessItDatagram, newItParser } from './app-it.ts'
import { ModbusFlow } from './app-modbus.ts'
import type { AppParser, AppSink, TransactionListener, Verdict } from './app-parser.ts'
import {
  type Guess,
  guess,
  isBegunRequest,
  isHttpRequest,
  isTlsHello,
  isTurnedModbus,
  mayBeTlsHello,
  mayTurn,
  PROBE_BYTES_MAX,
} from './app-probe.ts'
import { guessIcsDatagram } from './app-probe-ics.ts'
import { QuicBudget, QuicFlow } from './app-quic.ts'
import { AppReports, FlowSink } from './app-sink.ts'
import { SshFlow } from './app-ssh.ts'
import { TlsFlow } from './app-tls.ts'

/** Flows with application state at one time, and the memory all of them may keep. */
export const STATES_MAX = 32_768
export const HELD_BYTES_MAX = 67_108_864
/** Client segments in which a TLS hello or a request of HTTP is looked for once nothing else was found (STARTTLS, SOCKS). */
const WATCH_SEGMENTS_MAX = 32
/** Datagrams of a flow that are probed for DNS on a port that is not its own. */
const DATAGRAM_PROBES_MAX = 3

/** What is asked of the flow table. */
export interface AppFlows {
  readonly flowsMax: number
  readonly serverPort: Uint16Array
  readonly clientPort?: Uint16Array
  /** Four words a row. */
  readonly client?: Uint32Array
  readonly server?: Uint32Array
}

const PHASE = { probe: 0, parse: 1, watch: 2, over: 3 } as const
const PROTOS = [...(['unknown', 'failed'] as const), ...TRANSACTION_PROTOS] as const
const DNS_PORTS = new Set([53, 5353, 5355])
const MODBUS_PORT = 502
const HTTPS_PORT = 443
const NETBIOS_PORT = 137 // the same framing, other names
const FAILED = PROTOS.indexOf('failed')
const NONE: ReadonlySet<string> = new Set()
const EMPTY = Buffer.alloc(0)
/** In #takes. */
const INSIDE = 1
const SPAN = 2

interface Probe {
  client: KeptBytes
  server: KeptBytes
  /** As where a server greets: what it said is then told first. */
  serverFirst: boolean
}

export interface AppBounds {
  statesMax?: number
  heldBytesMax?: number
  layersMax?: number | undefined
  /** Protocols that are not looked for, and those that are found but not read. */
  off?: ReadonlySet<string>
  detectionOnly?: ReadonlySet<string>
  /** Objects of one DNP3 message, before it is an event. */
  dnp3ObjectsMax?: number | undefined
}

export class AppLayer {
  /** Flows passed by because STATES_MAX or HELD_BYTES_MAX was met. */
  statesDropped = 0
  /** Bytes kept by all parsers now. */
  held = 0
  /** Flows whose protocol was found, by protocol. */
  readonly recognisedCount: Record<string, number> = {}

  readonly #flows: AppFlows
  readonly #listener: TransactionListener
  readonly #statesMax: number
  readonly #heldMax: number
  /** Content encodings that are undone one after another. */
  readonly #layersMax: number | undefined
  readonly #off: ReadonlySet<string>
  readonly #dnp3ObjectsMax: number | undefined
  readonly #detectionOnly: ReadonlySet<string>
  readonly #phase: Uint8Array
  readonly #proto: Uint8Array
  /** What it was before it turned into that; 0: nothing. */
  readonly #orig: Uint8Array
  /** Segments watched, or datagrams probed. */
  readonly #tries: Uint8Array
  /** 1: its protocol began inside of what nobody knew. */
  readonly #late: Uint8Array
  readonly #quic = new QuicBudget()
  readonly #expected: ExpectedConnections
  readonly #reports: AppReports
  readonly #probes = new Map<number, Probe>()
  /** By flow: its parser, and the bytes it kept when it was last asked. */
  readonly #parsers: (AppParser | undefined)[] = [undefined] // an empty list is another kind of list, to the code that reads it
  readonly #heldBy: Int32Array
  /** By flow: what its parser takes without a view. A parser is asked for what only some have at the price of a search among all. */
  readonly #takes: Uint8Array
  #parsing = 0
  /** Of the bytes last looked at: their memory, and where in it they begin. */
  #seen: Uint8Array = EMPTY
  #memory: ArrayBufferLike = EMPTY.buffer
  #base = EMPTY.byteOffset
  /** All of them, once somebody wanted it. */
  #whole: Buffer | undefined = EMPTY

  constructor(flows: AppFlows, listener: TransactionListener, bounds: AppBounds = {}) {
    this.#statesMax = bounds.statesMax ?? STATES_MAX
    this.#heldMax = bounds.heldBytesMax ?? HELD_BYTES_MAX
    this.#layersMax = bounds.layersMax
    this.#off = bounds.off ?? NONE
    this.#dnp3ObjectsMax = bounds.dnp3ObjectsMax
    this.#detectionOnly = bounds.detectionOnly ?? NONE
    this.#flows = flows
    this.#listener = listener
    this.#phase = new Uint8Array(flows.flowsMax)
    this.#proto = new Uint8Array(flows.flowsMax)
    this.#orig = new Uint8Array(flows.flowsMax)
    this.#tries = new Uint8Array(flows.flowsMax)
    this.#late = new Uint8Array(flows.flowsMax)
    this.#expected = new ExpectedConnections(flows)
    this.#reports = new AppReports(flows.flowsMax, listener)
    this.#heldBy = new Int32Array(flows.flowsMax)
    this.#takes = new Uint8Array(flows.flowsMax)
  }

  get faults(): Partial<Record<Fault, number>> {
    return this.#reports.faults
  }

  /** Events that were not told because a flow had told so many. */
  get eventsDropped(): number {
    return this.#reports.eventsDropped
  }

  /** Data connections that were spoken of, and forgotten for want of room. */
  get expectedDropped(): number {
    return this.#expected.dropped
  }

  /** Flows with state now. */
  get states(): number {
    return this.#probes.size + this.#parsing
  }

  appProto(flow: number): AppProto {
    return PROTOS[this.#proto[flow] as number] as AppProto
  }

  /** What a tunnel spoke before what it speaks now; undefined: nothing else. */
  appProtoOrig(flow: number): AppProto | undefined {
    const before = this.#orig[flow] as number
    return before === 0 ? undefined : (PROTOS[before] as AppProto)
  }

  /** Whether bytes of this flow are still read here. */
  wants(flow: number): boolean {
    return this.#phase[flow] !== PHASE.over
  }

  /** In-order bytes of one TCP direction, as FlowListener.stream. */
  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    const phase = this.#phase[flow]
    if (phase === PHASE.over || start >= end) return
    if (phase === PHASE.parse) this.#parseSpan(flow, toServer, bytes, start, end)
    else if (phase === PHASE.watch) {
      if (mayTurn(bytes[start] as number))
        this.#watch(flow, toServer, this.#view(bytes, start, end))
      else if (toServer) this.#watchOther(flow, bytes, start, end)
    } else this.#probe(flow, toServer, this.#view(bytes, start, end))
  }

  /** A parser that needs no view of its bytes is given where they lie; what is inside of what it reads is but taken. */
  // biome-ignore format: one line
  #parseSpan(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    const parser = this.#parsers[flow]
    const takes = this.#takes[flow] as number
    if ((takes & INSIDE) !== 0) {
      const taken = parser?.inside?.(toServer, bytes, start, end)
      if (taken === 'grown') this.#after(flow, parser as AppParser, 'more')
      if (taken !== 'no') return
    }
    if ((takes & SPAN) === 0 || !parser?.span) {
      this.#parse(flow, toServer, this.#view(bytes, start, end))
      return
    }
    this.#look(bytes)
    if (this.#whole === undefined) this.#whole = Buffer.from(this.#memory, this.#base, bytes.length)
    this.#after(flow, parser, parser.span(toServer, this.#whole, start, end))
  }

  #view(bytes: Uint8Array, start: number, end: number): Buffer {
    this.#look(bytes)
    return Buffer.from(this.#memory, this.#base + start, end - start)
  }

  /** Most come from one batch, and asking a view for its memory costs as much as making another. */
  #look(bytes: Uint8Array): void {
    if (bytes === this.#seen) return
    this.#seen = bytes
    this.#memory = bytes.buffer
    this.#base = bytes.byteOffset
    this.#whole = bytes instanceof Buffer ? bytes : undefined
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    if (this.#phase[flow] === PHASE.probe) this.#fail(flow)
    if (toServer) this.#dropProbe(flow) // a hello that began before the gap is not whole
    const parser = this.#parsers[flow]
    if (parser) this.#after(flow, parser, parser.gap(toServer, missing))
  }

  /** A UDP datagram, after its flow was found. */
  datagram(packet: Packet): void {
    const flow = packet.flow
    if (flow < 0 || packet.payloadBytes === 0 || this.#phase[flow] === PHASE.over) return
    const { bytes, payloadOffset, payloadBytes, srcPort, destPort } = packet
    const view = this.#view(bytes, payloadOffset, payloadOffset + payloadBytes)
    const known = this.#phase[flow] === PHASE.parse
    if (this.#datagramTaken(flow, view, packet)) return
    if (!known && !DNS_PORTS.has(srcPort) && !DNS_PORTS.has(destPort)) {
      if (srcPort === NETBIOS_PORT || !looksLikeDns(view, 0, view.length)) {
        const tries = (this.#tries[flow] as number) + 1
        this.#tries[flow] = tries
        if (tries >= DATAGRAM_PROBES_MAX) this.#fail(flow)
        return
      }
    }
    const dns = decodeDns(view, 0, view.length)
    if (typeof dns === 'string') {
      this.#reports.fault(flow, dns)
      return
    }
    if (this.#phase[flow] !== PHASE.parse) this.#know(flow, 'dns')
    this.#reports.transaction(flow, {
      proto: 'dns',
      stage: dns.response ? 'response' : 'request',
      dns,
    })
  }

  /** A datagram of a protocol that keeps state; the first may begin it. */
  #datagramTaken(flow: number, view: Buffer, packet: Packet): boolean {
    if (!this.#parsers[flow]) {
      const proto = this.#phase[flow] === PHASE.parse ? 'none' : this.#guessDatagram(view, packet)
      if (proto === 'none') return false
      if (proto === 'passed-by') return this.#passBy(flow)
      if (!this.#begin(flow, proto, true)) return true
    }
    this.#parse(flow, packet.toServer, view)
    this.#datagramEnded(flow, packet.toServer)
    return true
  }

  /** What a datagram left unfinished is dropped. */
  #datagramEnded(flow: number, toServer: boolean): void {
    const parser = this.#parsers[flow]
    if (!parser?.datagramEnded) return
    parser.datagramEnded(toServer)
    this.#recount(flow, parser)
  }

  #guessDatagram(view: Buffer, { srcPort, destPort, toServer, timeUs }: Packet) {
    if (DNS_PORTS.has(srcPort) || DNS_PORTS.has(destPort)) return 'none'
    if (toServer && (looksLikeQuic(view) || (destPort === HTTPS_PORT && isGoogleQuic(view))))
      return this.#quic.take(timeUs) ? 'quic' : 'passed-by'
    if (toServer && isDtlsHello(view)) return 'tls'
    const office = guessItDatagram(view, srcPort, destPort)
    return office === 'none' ? guessIcsDatagram(view, toServer ? destPort : srcPort) : office
  }

  /** Not read for want of room, and it says so. */
  #passBy(flow: number): true {
    this.statesDropped++
    this.#reports.fault(flow, 'protocols-full')
    return true
  }

  /** Nothing more should come of it: unfinished transactions are handed on. What it spoke is known up to `ended`; two who go on all the same are read anew. */
  closed(flow: number): void {
    this.#lastProbe(flow)
    const parser = this.#parsers[flow]
    if (parser) this.#end(flow, parser)
    this.#forget(flow)
    this.#dropProbe(flow)
    this.#phase[flow] = PHASE.probe
  }

  /** The row is about to be reused. */
  ended(flow: number): void {
    this.closed(flow)
    this.#proto[flow] = 0
    this.#orig[flow] = 0
    this.#late[flow] = 0
    this.#tries[flow] = 0
    this.#reports.ended(flow)
    this.#expected.ended(flow)
  }

  #probe(flow: number, toServer: boolean, view: Buffer): void {
    const probe = this.#probes.get(flow)
    if (!probe) {
      const verdict = this.#guess(flow, toServer ? view : EMPTY, toServer ? EMPTY : view)
      if (verdict === 'more') {
        if (!this.#awaited(flow, toServer, view)) this.#keepProbe(flow, toServer, view)
      } else if (verdict === 'none') {
        if (!this.#awaited(flow, toServer, view)) this.#startWatch(flow, toServer, view)
      } else if (this.#begin(flow, verdict)) this.#parse(flow, toServer, view)
      return
    }
    const before = probe.client.held + probe.server.held
    ;(toServer ? probe.client : probe.server).append(view)
    this.held += probe.client.held + probe.server.held - before
    const client = probe.client.view()
    const server = probe.server.view()
    const verdict = this.#guess(flow, client, server)
    const full = probe.client.full || probe.server.full
    if (verdict === 'more' && !full) return
    this.#dropProbe(flow)
    if (verdict === 'more' || verdict === 'none') this.#startWatch(flow, toServer, view)
    else if (this.#begin(flow, verdict)) {
      // A segment longer than the probe's room is told whole: what was kept ends where it does not.
      if (probe.serverFirst) this.#parse(flow, false, server)
      if (client.length > 0) this.#parse(flow, true, client)
      if (!probe.serverFirst && server.length > 0) this.#parse(flow, false, server)
      const cut = toServer ? probe.client.dropped : probe.server.dropped
      if (cut > 0) this.stream(flow, toServer, view, view.length - cut, view.length)
    }
  }

  /** Too little came to be sure, and no more will: a request line that breaks off is one. */
  #lastProbe(flow: number): void {
    const client = this.#probes.get(flow)?.client.view()
    if (!client || this.#phase[flow] !== PHASE.probe || !isBegunRequest(client)) return
    const bytes = Buffer.from(client)
    this.#dropProbe(flow)
    if (this.#begin(flow, 'http')) this.#parse(flow, true, bytes)
  }

  /** Whether it is a data connection that was spoken of. What says another protocol of itself is not taken for one. */
  #awaited(flow: number, toServer: boolean, view: Buffer): boolean {
    if (this.#expected.waiting === 0) return false
    const about = this.#expected.take(flow)
    if (!about || !this.#room(flow)) return false
    this.#know(flow, 'ftp-data')
    this.#keepParser(flow, new FtpDataFlow(this.#sink(flow), about))
    this.#parse(flow, toServer, view)
    return true
  }

  #sink(flow: number): AppSink {
    return new FlowSink(this.#reports, this.#expected, flow)
  }

  #guess(flow: number, client: Buffer, server: Buffer): Guess {
    const found = guess(client, server, this.#flows.serverPort[flow] as number)
    if (found !== 'none' && found !== 'more') return found
    return this.#turned(flow, client) || this.#turned(flow, server) ? 'modbus' : found
  }

  /** Whether its client answers and its server asks. */
  #turned(flow: number, first: Buffer): boolean {
    const { clientPort, serverPort } = this.#flows
    return isTurnedModbus(first, clientPort?.[flow] ?? 0, serverPort[flow] as number)
  }

  #keepProbe(flow: number, toServer: boolean, view: Buffer): void {
    if (!this.#room(flow)) return
    const client = new KeptBytes(PROBE_BYTES_MAX)
    const probe = { client, server: new KeptBytes(PROBE_BYTES_MAX), serverFirst: !toServer }
    ;(toServer ? probe.client : probe.server).append(view)
    this.held += probe.client.held + probe.server.held
    this.#probes.set(flow, probe)
  }

  #dropProbe(flow: number): void {
    const probe = this.#probes.get(flow)
    if (!probe) return
    this.held -= probe.client.held + probe.server.held
    this.#probes.delete(flow)
  }

  /** Nothing we read, so far: TLS or HTTP may still begin in it, behind a proxy's own words. */
  #startWatch(flow: number, toServer: boolean, view: Buffer): void {
    this.#phase[flow] = PHASE.watch
    this.#proto[flow] = PROTOS.indexOf('failed')
    this.#listener.recognised(flow, 'failed')
    this.#watch(flow, toServer, view)
  }

  #watch(flow: number, toServer: boolean, view: Buffer): void {
    if (!toServer) {
      // Its client's hello was not captured.
      if (isTlsHello(view, 2)) this.#beginLate(flow, 'tls', toServer, view)
      return
    }
    const begun = this.#probes.get(flow)?.client.view()
    const bytes = begun ? Buffer.concat([begun, view]) : view
    if (begun) this.#dropProbe(flow)
    const proto = isTlsHello(bytes, 1) ? 'tls' : isHttpRequest(bytes) ? 'http' : undefined
    if (proto) {
      this.#beginLate(flow, proto, toServer, bytes)
      return
    }
    if (!this.#tried(flow) && mayBeTlsHello(bytes)) this.#keepProbe(flow, toServer, bytes)
  }

  /** What turns into nothing by its first byte, unless it goes on with what was kept. */
  /** Inside of what nobody knew, as MySQL begins TLS, or of a tunnel. */
  #beginLate(flow: number, proto: 'tls' | 'http', toServer: boolean, view: Buffer): void {
    if (this.#proto[flow] === FAILED) this.#late[flow] = 1
    if (this.#begin(flow, proto)) this.#parse(flow, toServer, view)
  }

  #watchOther(flow: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#probes.size > 0 && this.#probes.has(flow))
      this.#watch(flow, true, this.#view(bytes, start, end)) // biome-ignore format: one line
    else this.#tried(flow)
  }

  /** One more segment of the client was watched; whether it was the last. */
  #tried(flow: number): boolean {
    const tries = (this.#tries[flow] as number) + 1
    this.#tries[flow] = tries
    if (tries >= WATCH_SEGMENTS_MAX) this.#phase[flow] = PHASE.over
    return tries >= WATCH_SEGMENTS_MAX
  }

  #begin(flow: number, proto: Exclude<Guess, 'more' | 'none'>, datagrams = false): boolean {
    if (this.#off.has(proto)) {
      this.#fail(flow)
      return false
    }
    if (!this.#room(flow)) return false
    this.#know(flow, proto)
    if (this.#detectionOnly.has(proto)) {
      this.#phase[flow] = PHASE.over
      return false
    }
    const parser = newParser(proto, this.#sink(flow), {
      datagrams,
      layersMax: this.#layersMax,
      dnp3ObjectsMax: this.#dnp3ObjectsMax,
      turned: proto === 'modbus' && this.#flows.clientPort?.[flow] === MODBUS_PORT && this.#flows.serverPort[flow] !== MODBUS_PORT, // biome-ignore format: one question
    })
    this.#keepParser(flow, parser)
    return true
  }

  #know(flow: number, proto: AppProto): void {
    this.#phase[flow] = PHASE.parse
    const before = this.#proto[flow] as number
    if (before > FAILED) this.#orig[flow] = before
    this.#proto[flow] = PROTOS.indexOf(proto)
    this.recognisedCount[proto] = (this.recognisedCount[proto] ?? 0) + 1
    this.#listener.recognised(flow, proto)
  }

  #parse(flow: number, toServer: boolean, view: Buffer): void {
    const parser = this.#parsers[flow]
    if (!parser) return
    const verdict = parser.stream(toServer, view)
    this.#after(flow, parser, verdict)
    if (verdict === 'watch' && toServer) this.#watch(flow, toServer, view)
  }

  #after(flow: number, parser: AppParser, verdict: Verdict): void {
    this.#recount(flow, parser)
    if (verdict === 'more') {
      if (this.held <= this.#heldMax) return
      this.statesDropped++
      this.#reports.fault(flow, 'protocols-full')
      this.#end(flow, parser)
    }
    this.#forget(flow)
    if (parser.sealed && this.#late[flow] === 0) this.#listener.appSealed?.(flow)
    this.#phase[flow] =
      verdict === 'watch' ? PHASE.watch : verdict === 'anew' ? PHASE.probe : PHASE.over
    if (verdict === 'watch' || verdict === 'anew') this.#orig[flow] = this.#proto[flow] as number
    this.#tries[flow] = 0
  }

  #end(flow: number, parser: AppParser): void {
    parser.ended()
    this.#recount(flow, parser)
  }

  #keepParser(flow: number, parser: AppParser): void {
    while (this.#parsers.length <= flow) this.#parsers.push(undefined)
    this.#parsers[flow] = parser
    this.#takes[flow] = (parser.inside ? INSIDE : 0) | (parser.span ? SPAN : 0)
    this.#parsing++
    this.#recount(flow, parser)
  }

  #recount(flow: number, parser: AppParser): void {
    const { held } = parser
    if (held === this.#heldBy[flow]) return
    this.held += held - (this.#heldBy[flow] as number)
    this.#heldBy[flow] = held
  }

  #forget(flow: number): void {
    if (!this.#parsers[flow]) return
    this.held -= this.#heldBy[flow] as number
    this.#heldBy[flow] = 0
    this.#parsers[flow] = undefined
    this.#parsing--
  }

  #room(flow: number): boolean {
    if (this.states < this.#statesMax && this.held < this.#heldMax) return true
    this.statesDropped++
    this.#reports.fault(flow, 'protocols-full')
    this.#fail(flow)
    return false
  }

  #fail(flow: number): void {
    this.#dropProbe(flow)
    this.#phase[flow] = PHASE.over
    this.#proto[flow] = PROTOS.indexOf('failed')
    this.#listener.recognised(flow, 'failed')
  }
}

function newParser(
  proto: Exclude<Guess, 'more' | 'none'>,
  sink: AppSink,
  options: {
    datagrams: boolean
    layersMax: number | undefined
    dnp3ObjectsMax: number | undefined
    turned: boolean
  },
): AppParser {
  const { datagrams, layersMax, dnp3ObjectsMax } = options
  switch (proto) {
    case 'dns':
      return new DnsFlow(sink)
    case 'http':
      return new HttpFlow(sink, layersMax)
    case 'tls':
      return datagrams ? new DtlsFlow(sink) : new TlsFlow(sink)
    case 'ssh':
      return new SshFlow(sink)
    case 'modbus':
      return new ModbusFlow(sink, options.turned)
    case 'quic':
      return new QuicFlow(sink)
    default:
      return isItProto(proto)
        ? newItParser(proto, sink, datagrams)
        : newIcsFlow(proto, sink, dnp3ObjectsMax)
  }
}
