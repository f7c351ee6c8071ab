/**
 * The packet path in one object: decode → flow → application → detect, for one shard or one replay. What it finds
 * goes to an Output; it knows no process, no disk and no clock but packet time.
 */
import type { Prefix } from './base/address.ts'
import { forgetCopied } from './base/copy.ts'
import type { EventDraft } from './base/event.ts'
import type { Fault } from './base/fault.ts'
import type { FrameBatch } from './capture/source.ts'
import type { AppEvent } from './decode/app-events.ts'
import type { PacketEvent } from './decode/events.ts'
import { readLent } from './decode/lent.ts'
import { type Packet, TCP as TCP_FLAGS } from './decode/packet.ts'
import type { AppProto, Transaction } from './decode/records.ts'
import type { AlertHit } from './detect/alert.ts'
import type { ObservationBatch } from './detect/baselines/observation-batch.ts'
import {
  alertEvent,
  appEventRow,
  eveType,
  type FlowTotals,
  faultEvent,
  flowEvent,
  hasRow,
  TRANSACTION_TYPES,
  transactionEvent,
} from './detect/eve.ts'
import { type FileHash, fileEvents } from './detect/eve-file.ts'
import { SignatureEngine } from './detect/signatures/engine.ts'
import type {
  AlertPlace,
  EngineOptions,
  IncompleteReason,
} from './detect/signatures/engine-options.ts'
import type { RuleSet } from './detect/signatures/rule-set.ts'
import { type AckedListener, AckedStreams } from './flow/acked-streams.ts'
import { AppLayer } from './flow/app-layer.ts'
import type { TransactionListener } from './flow/app-parser.ts'
import { type AssetSeen, AssetWatch } from './flow/asset-watch.ts'
import { FlowEngine } from './flow/engine.ts'
import { FramePath, type TickListener } from './flow/frame-path.ts'
import type { EndReason, FlowListener } from './flow/listener.ts'
import { SynBytes } from './flow/syn-bytes.ts'
import { FLOW, FlowTable } from './flow/table.ts'
import { FlowViews } from './flow-views.ts'
import { carriesSecret, SELF_TEST_SID } from './health/self-test.ts'
import {
  alertReferences,
  type DumpHeaders,
  dropSettings,
  eveTypes,
  fileHashes,
  httpHeaders,
  INSPECTION,
  type Inspection,
  lookedIntoSealed,
  packetSettings,
  protocolsOff,
  tlsHandshakes,
} from './inspection.ts'
import { Observer } from './observer.ts'
import { PacketRows } from './packet-rows.ts'
import type { SeenAlert } from './shard-messages.ts'
import { Verdicts } from './verdicts.ts'
import { WaitingAlerts } from './waiting-alerts.ts'

/** In the marks of a flow. */
const LAYER_BIT = { decode: 2, stream: 4, applayer: 8 } as const
/** Both its sides have closed it. */
const CLOSED_BIT = 16
const UDP = 17
const LATE_US = 1_000_000
/** Of out-of-order bytes, where there are fewer flows than a shard has. */
const FEW_STREAM_BYTES = 4096
const TCP = 6

export interface InspectorOptions {
  home: readonly Prefix[]
  rules: RuleSet
  run: number
  shard: number
  /** Of the flow table's hash. */
  seed: number
  /** This run's self-test secret; undefined where no self-test runs. */
  selfTestSecret: string | undefined
  inspection?: Inspection
  /** Flows at once; as a shard has them when absent. */
  flowsMax?: number
  /** Types of EVE records that somebody takes: no other row is made. As the settings have it when absent. */
  rows?: ReadonlySet<string>
}

/** Where what was found goes. Called while a frame is in hand; nothing given may be kept but the arguments. */
export interface Output {
  event(draft: EventDraft): void
  alert(alert: SeenAlert): void
  /** Absent where no baseline runs. */
  observations?: ObservationBatch | undefined
  sighting(seen: AssetSeen): void
  selfTestFound(): void
  /** Packet time has gone on: about once a second of it. */
  ticked?(timeUs: number): void
}

/** It listens itself, not by closures: those are new to the code that calls them with each inspector, and have it made again. */
export class Inspector
  implements FlowListener, TransactionListener, AckedListener, TickListener, EngineOptions
{
  readonly #table: FlowTable
  readonly #flows: FlowEngine
  readonly #path: FramePath
  readonly #app: AppLayer
  readonly #engine: SignatureEngine
  readonly #observer: Observer | undefined
  readonly #views: FlowViews
  /** Bit 0: a rule fired on the flow. Others: a fault of that layer was told. */
  readonly #marks: Uint8Array
  readonly #output: Output
  readonly #rows: ReadonlySet<string> | undefined
  /** Whether somebody takes rows of transactions, or of files in them. */
  readonly #tells: boolean
  readonly #secret: string | undefined
  readonly #watch: AssetWatch
  /** Bytes of each direction that are read, and how many are left; no count where all are. */
  readonly #depth: number
  readonly #left: Int32Array | Float64Array
  readonly #hashes: readonly FileHash[]
  #timeUs = -0 // no small integer, as Packet.timeUs
  /** Bytes that wait for an acknowledgement, and matches that wait for a packet; undefined: nothing waits. */
  readonly #acked: AckedStreams | undefined
  #lateUs = Number.NEGATIVE_INFINITY
  readonly #synBytes = new SynBytes()
  readonly #waiting = new WaitingAlerts()
  #telling = false
  readonly #packetRows: PacketRows
  /** In mode ips. */
  readonly #verdicts: Verdicts | undefined
  readonly #lookedIntoSealed: ReadonlySet<string>
  readonly #references: boolean
  readonly #handshakes: boolean
  readonly #headers: DumpHeaders
  /** A flow is being ended: what its layers say now is of no packet. */
  #ending = true
  #incomplete = 0
  /** Transactions of which a rule asked that nothing be written. */
  #silenced = 0
  #withoutFlow = 0 // matches on frames that have no flow: nothing names their ends
  #selfTestFlow = -1

  constructor(options: InspectorOptions, output: Output) {
    const {
      run,
      shard,
      seed,
      home,
      rules,
      selfTestSecret,
      inspection = INSPECTION,
      flowsMax,
    } = options
    this.#output = output
    this.#ending = false // set here: code is made for what has only had one value, and again at its second
    this.#rows = options.rows ?? eveTypes(inspection)
    this.#tells = ['fileinfo', ...TRANSACTION_TYPES].some((type) => this.#wants(type))
    this.#secret = selfTestSecret
    this.#table = new FlowTable({ run, shard, seed, ...(flowsMax && { flowsMax }) })
    this.#watch = new AssetWatch({ home, output })
    this.#flows = new FlowEngine(
      {
        table: this.#table,
        assets: this.#watch,
        verifyChecksums: inspection.checksum === 'auto',
        midstream: inspection.midstream,
        oneSided: inspection.async_oneside,
        ...(flowsMax && { streamBytesMax: flowsMax * FEW_STREAM_BYTES }),
      },
      this,
    )
    this.#path = new FramePath(this.#flows, this)
    this.#path.packet.readsOffloaded = inspection.offload === 'read'
    this.#app = new AppLayer(this.#table, this, {
      layersMax: inspection.http_decompress_layers,
      ...protocolsOff(inspection),
    })
    this.#hashes = fileHashes(inspection)
    const appProto = (flow: number): AppProto => this.#app.appProto(flow)
    this.#engine = new SignatureEngine(rules, this)
    const { observations } = output
    this.#observer = observations && new Observer(this.#table, appProto, observations)
    this.#views = new FlowViews(this.#table, appProto, home, (flow) => this.#app.appProtoOrig(flow))
    this.#marks = new Uint8Array(this.#table.flowsMax)
    this.#depth = inspection.reassembly_depth
    this.#packetRows = new PacketRows(packetSettings(inspection), this.#views, (draft) =>
      output.event(draft),
    )
    const drops = dropSettings(inspection)
    this.#verdicts = drops && new Verdicts(drops, this.#views, (draft) => output.event(draft))
    this.#lookedIntoSealed = lookedIntoSealed(inspection)
    this.#references = alertReferences(inspection)
    this.#handshakes = tlsHandshakes(inspection)
    this.#headers = httpHeaders(inspection)
    const inline = inspection.stream_inline || inspection.mode === 'ips'
    this.#acked = inline ? undefined : new AckedStreams(this, { streams: this.#table.flowsMax * 2 })
    const counted = this.#depth > 0 ? this.#table.flowsMax * 2 : 0
    this.#left = this.#depth < 2 ** 31 ? new Int32Array(counted) : new Float64Array(counted)
    this.#left.fill(this.#depth)
  }

  /** Every frame of the batch, and the timers that are due. */
  run(batch: FrameBatch): void {
    this.#path.run(batch)
    this.#acked?.settle()
  }

  /** Timers, when no frame comes. */
  tick(timeUs: number): void {
    this.#timeUs = timeUs
    this.#flows.tick(timeUs)
    this.#giveLate(timeUs)
  }

  /** What was acknowledged and waits for more to be looked through at once does so for two seconds at most. */
  #giveLate(timeUs: number): void {
    if (timeUs - this.#lateUs < LATE_US) return
    this.#lateUs = timeUs
    this.#telling = true
    this.#acked?.giveLate()
    this.#telling = false
  }

  /** Ends every flow, so that each has its record; its memory is free with it. */
  end(): void {
    this.#flows.flush('shutdown')
    forgetCopied()
  }

  swapRules(rules: RuleSet): void {
    this.#engine.swap(rules)
  }

  get flows(): FlowTable {
    return this.#table
  }

  get processed(): number {
    return this.#path.processed
  }

  /** Of the frames processed, on the wire. */
  get bytes(): number {
    return this.#path.bytes
  }

  get faults(): Partial<Record<Fault, number>> {
    const all: Partial<Record<Fault, number>> = { ...this.#app.faults }
    for (const [word, count] of Object.entries(this.#flows.counters.faults()))
      all[word as Fault] = (all[word as Fault] ?? 0) + count
    return all
  }

  get counters(): Record<string, number> {
    const { judged, matched } = this.#engine.counters
    return {
      ...this.#flows.counters.snapshot(),
      flowsLive: this.#table.live,
      appStates: this.#app.states,
      appStatesDropped: this.#app.statesDropped,
      appEventsDropped: this.#app.eventsDropped,
      expectedDropped: this.#app.expectedDropped,
      rulesJudged: judged,
      rulesMatched: matched,
      ruleNotesDropped: this.#engine.notRemembered,
      flowsBypassed: this.#engine.memory.bypassed,
      rowsSilenced: this.#silenced,
      synBytesNotHeld: this.#synBytes.notHeld,
      tagsDropped: this.#packetRows.tagsDropped,
      inspectionsIncomplete: this.#incomplete,
      alertsWithoutFlow: this.#withoutFlow,
      assetsRefused: this.#watch.refused,
    }
  }

  // What the flow stage says.

  packet(packet: Packet): void {
    this.#timeUs = packet.timeUs
    if (this.#verdicts?.drops(packet)) return
    if (this.#observer && packet.flow >= 0) this.#observer.packet(packet)
    this.#engine.packet(packet)
    if (packet.protocol === UDP && packet.flow >= 0) this.#app.datagram(packet)
  }

  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (this.#withSyn(flow)) {
      if (this.#synBytes.keep(flow * 2 + (toServer ? 1 : 0), bytes, start, end)) return
    } else if (this.#synBytes.size > 0) this.#takeSynBytes(flow)
    this.#inOrder(flow, toServer, bytes, start, end)
  }

  unfollowed({ flow, toServer, bytes, payloadOffset, payloadBytes }: Packet): void {
    this.#engine.segment(flow, toServer, bytes, payloadOffset, payloadOffset + payloadBytes)
  }

  /** Whether the frame in hand opens a connection that is to be answered yet. */
  #withSyn(flow: number): boolean {
    if ((this.#path.packet.tcpFlags & TCP_FLAGS.SYN) === 0 || this.#ending) return false
    return this.#table.state[flow] === FLOW.NEW && this.#table.midstream[flow] === 0
  }

  #takeSynBytes(flow: number): void {
    for (const toServer of [true, false]) {
      const held = this.#synBytes.take(flow * 2 + (toServer ? 1 : 0))
      if (held) this.#inOrder(flow, toServer, held, 0, held.length)
    }
  }

  #inOrder(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#acked || this.#ending) this.#streamed(flow, toServer, bytes, start, end, false)
    else this.#acked.add(flow * 2 + (toServer ? 1 : 0), bytes, start, end, this.#path.stays(bytes))
  }

  drops(packet: Packet): boolean {
    return this.#verdicts?.drops(packet) ?? false
  }

  /** What the receiver of this packet's answer has taken is judged. */
  handled(packet: Packet): void {
    const { flow, toServer } = packet
    if (packet.protocol === TCP && flow >= 0) {
      if (this.#acked) {
        const stream = flow * 2 + (toServer ? 0 : 1)
        if (this.#acked.waits(stream))
          this.#acked.acknowledged(stream, this.#flows.unacknowledged(flow, !toServer))
        if (!this.#waiting.empty) this.#alertWaiting(flow, toServer)
      }
      if (this.#flows.bothDone(flow)) this.#close(flow)
    }
    this.#packetRows.handled(packet, this.#path.linkType)
  }

  /** Nothing more can come of it: what waits for the end is judged now and its memory is free, a minute before the row is. */
  #close(flow: number): void {
    const waits = this.#acked?.waits(flow * 2) || this.#acked?.waits(flow * 2 + 1)
    if (waits || ((this.#marks[flow] as number) & CLOSED_BIT) !== 0) return
    this.#marks[flow] = (this.#marks[flow] as number) | CLOSED_BIT
    this.#ending = true
    this.#app.closed(flow)
    this.#engine.ended(flow)
    this.#alertWaiting(flow, undefined)
    this.#ending = false
  }

  #release(flow: number, toServer: boolean, keep: number): void {
    this.#acked?.release(flow * 2 + (toServer ? 1 : 0), keep)
  }

  #streamed(
    flow: number,
    toServer: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    more: boolean,
  ): void {
    const last = this.#depth > 0 ? this.#within(flow, toServer, start, end) : end
    if (last <= start) {
      this.#engine.lookAtHeld()
      return
    }
    if (this.#packetRows.keepsStreams) this.#packetRows.streamed(flow, toServer, bytes, start, last)
    this.#engine.stream(flow, toServer, bytes, start, last, more)
    this.#app.stream(flow, toServer, bytes, start, last)
  }

  acked(stream: number, bytes: Uint8Array, from: number, to: number, more: boolean): void {
    this.#streamed(stream >> 1, (stream & 1) === 1, bytes, from, to, more)
  }

  ticked(timeUs: number): void {
    this.#giveLate(timeUs)
    this.#output.ticked?.(timeUs)
  }

  /** Where reading ends of bytes that may go past the depth. */
  #within(flow: number, toServer: boolean, start: number, end: number): number {
    const key = flow * 2 + (toServer ? 1 : 0)
    const left = this.#left[key] as number
    this.#left[key] = left - Math.min(left, end - start)
    return Math.min(end, start + left)
  }

  event(event: PacketEvent, packet: Packet): void {
    this.#timeUs = packet.timeUs
    this.#engine.event(event, packet)
    this.#packetRows.event(event, packet)
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    this.#path.packet.note('reassembly_seq_gap')
    this.#release(flow, toServer, 0)
    this.#packetRows.gap(flow, toServer, missing)
    this.#engine.gap(flow, toServer, missing)
    this.#app.gap(flow, toServer, missing)
  }

  established(flow: number): void {
    if (this.#synBytes.size > 0) this.#takeSynBytes(flow)
    this.#observer?.established(flow)
  }

  refused(flow: number): void {
    this.#observer?.refused(flow)
  }

  ended(flow: number, reason: EndReason): void {
    this.#ending = true
    if (this.#synBytes.size > 0) this.#takeSynBytes(flow)
    for (const toServer of [true, false])
      this.#acked?.end(flow * 2 + (toServer ? 1 : 0), this.#flows.refused(flow, toServer))
    // Before the application layer forgets what it spoke; a request that broke off may yet be told.
    const view = this.#wants('flow') ? this.#views.view(flow) : undefined
    this.#observer?.ended(flow)
    this.#app.ended(flow)
    this.#engine.ended(flow)
    this.#alertWaiting(flow, undefined)
    const told = view && { view, totals: this.#totalsOf(flow, reason) }
    this.#verdicts?.ended(flow)
    this.#engine.forget(flow)
    this.#packetRows.ended(flow)
    this.#ending = false
    if (this.#depth > 0) this.#left[flow * 2] = this.#left[flow * 2 + 1] = this.#depth
    this.#marks[flow] = 0
    if (flow === this.#selfTestFlow) this.#selfTestFlow = -1
    else if (told) this.#output.event(flowEvent(told.view, told.totals))
  }

  /** What the record of a flow says of its end, and of what rules have done with it. */
  #totalsOf(flow: number, reason: EndReason): FlowTotals {
    const { memory } = this.#engine
    const alerted = ((this.#marks[flow] as number) & 1) === 1
    const totals = this.#views.totals(flow, reason, alerted)
    const metadata = memory.metadata(flow)
    const bypassed = memory.bypasses(flow)
    const passed = memory.passed.has(flow) && !bypassed
    const dropped = this.#verdicts?.dropsFlow(flow) ?? false
    if (metadata) totals.metadata = metadata
    if (bypassed) totals.state = 'bypassed'
    if (dropped || passed) totals.action = dropped ? 'drop' : 'pass'
    if (this.#views.isTcp(flow)) totals.tcpState = this.#flows.tcpState(flow)
    return totals
  }

  /** Whether somebody takes rows of this type. */
  #wants(type: string): boolean {
    return this.#rows === undefined || this.#rows.has(type)
  }

  fault(fault: Fault, packet: Packet, flow: number): void {
    this.#timeUs = packet.timeUs
    this.#faulted(fault, flow, fault.startsWith('stream-') ? 'stream' : 'decode')
  }

  // What the later stages say and ask.

  appProto(flow: number): AppProto {
    return this.#app.appProto(flow)
  }

  recognised(): void {}

  appFault(flow: number, fault: Fault): void {
    this.#faulted(fault, flow, 'applayer')
  }

  transaction(flow: number, transaction: Transaction): void {
    this.#engine.transaction(flow, transaction, this.#timeUs)
    this.#observer?.transaction(flow, transaction, this.#timeUs)
    if (this.#engine.memory.silence.covers(flow, transaction)) {
      this.#silenced++
      return
    }
    if (!this.#tells || this.#verdicts?.dropsFlow(flow)) return
    if (this.#wants(eveType(transaction)) && hasRow(transaction)) this.#row(flow, transaction)
    if (!this.#wants('fileinfo')) return
    if ('file' in transaction || (transaction.proto === 'http' && transaction.stage === 'done')) {
      const view = this.#views.view(flow)
      for (const file of fileEvents(view, transaction, this.#moment(), this.#hashes))
        this.#output.event(file)
    }
  }

  #row(flow: number, transaction: Transaction): void {
    const moment = { ...this.#moment(), handshakes: this.#handshakes, headers: this.#headers }
    const draft = transactionEvent(this.#views.view(flow), transaction, moment)
    if (!draft) return
    const metadata = this.#engine.memory.metadata(flow)
    this.#output.event(metadata ? { ...draft, record: { ...draft.record, metadata } } : draft)
  }

  appSealed(flow: number): void {
    if (this.#lookedIntoSealed.has(this.#app.appProto(flow))) return
    this.#engine.lookAtHeld()
    this.#engine.memory.seal(flow)
  }

  /** What rules have a name for is a row too. */
  appEvent(flow: number, event: AppEvent, toServer: boolean): void {
    this.#engine.appEvent(event, flow, toServer, this.#timeUs)
    if (!this.#wants('anomaly')) return
    // As Suricata names the ends: those of the packet in hand.
    const { packet } = this.#path
    const way = packet.flow === flow && !this.#ending ? packet.toServer : toServer
    const moment = { ...this.#moment(), toServer: way }
    this.#output.event(appEventRow(this.#views.view(flow), event, moment))
  }

  onAlert(matched: AlertHit, place: AlertPlace): void {
    const { packet, flow } = place
    const blocks = this.#verdicts !== undefined && matched.drops !== undefined
    const hit: AlertHit = blocks ? { ...matched, action: 'blocked' } : matched
    if (this.#mustWait(place)) {
      this.#waiting.add(hit, place)
      return
    }
    if (hit.sid === SELF_TEST_SID && packet && this.#isSelfTest(packet)) {
      this.#selfTestFlow = flow
      this.#output.selfTestFound()
      return
    }
    if (flow < 0) {
      this.#withoutFlow++
      if (packet) this.#alertWithoutFlow(hit, place, packet)
      return
    }
    this.#marks[flow] = (this.#marks[flow] as number) | 1
    const totals = this.#views.totals(flow, 'shutdown', true)
    const { toServer, timeUs } = place
    const { number, late } = this.#moment()
    const metadata = this.#engine.memory.metadata(flow)
    const references = this.#references
    const moment = { toServer, timeUs, number, late, totals, packet, metadata, references }
    const told = alertEvent(this.#views.view(flow), hit, moment)
    const draft = this.#packetRows.alerted(told, hit, place, this.#path.linkType)
    if (draft.record) this.#verdicts?.matched(hit, place, draft.record)
    this.#output.alert({ draft, sid: hit.sid, proven: this.#table.established[flow] === 1 })
  }

  /** A match in acknowledged bytes is told with the next packet that goes their way. */
  #mustWait({ found, flow, toServer }: AlertPlace): boolean {
    if (!this.#acked || this.#ending || found === 'packet' || this.#telling) return false
    const { packet } = this.#path
    return packet.protocol === TCP && packet.flow === flow && packet.toServer !== toServer
  }

  #alertWaiting(flow: number, toServer: boolean | undefined): void {
    this.#telling = true
    const packet = toServer === undefined ? undefined : this.#path.packet
    for (const { hit, place } of this.#waiting.take(flow, toServer)) {
      this.onAlert(hit, { ...place, packet, timeUs: this.#timeUs })
      readLent(hit.tx)
    }
    this.#telling = false
  }

  /** A fragment, or a frame that could not be read to its end: what is known of it names its ends. */
  #alertWithoutFlow(hit: AlertHit, place: AlertPlace, packet: Packet): void {
    const { number, timeUs } = packet
    const view = this.#views.frame(packet)
    const alert = alertEvent(view, hit, { toServer: true, timeUs, number, packet })
    const draft = this.#packetRows.alerted(alert, hit, place, this.#path.linkType)
    this.#output.alert({ draft, sid: hit.sid, proven: false })
  }

  #isSelfTest({ bytes, payloadOffset, payloadBytes }: Packet): boolean {
    const payload = bytes.subarray(payloadOffset, payloadOffset + payloadBytes)
    return this.#secret !== undefined && carriesSecret(payload, this.#secret)
  }

  /** Malformed traffic is evidence: a row a flow and word; frames without a flow are counted only. */
  #faulted(fault: Fault, flow: number, layer: 'decode' | 'stream' | 'applayer'): void {
    if (flow < 0) return
    const bit = LAYER_BIT[layer]
    if (((this.#marks[flow] as number) & bit) !== 0 && layer !== 'applayer') return
    this.#marks[flow] = (this.#marks[flow] as number) | bit
    if (this.#wants('anomaly'))
      this.#output.event(faultEvent(this.#views.view(flow), fault, { ...this.#moment(), layer }))
  }

  #moment(): { timeUs: number; number: number; late: boolean; packet: Packet | undefined } {
    const { packet } = this.#path
    const late = this.#ending
    return { timeUs: this.#timeUs, number: packet.number, late, packet: late ? undefined : packet }
  }

  onIncomplete(_: IncompleteReason, flow: number): void {
    this.#incomplete++
    if (flow >= 0) this.#table.incomplete[flow] = 1
  }
}
