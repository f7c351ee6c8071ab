/** Signatures over packets, streams and transactions of one shard. */
import { type AppEvent, isOfBoth } from '../../decode/app-events.ts'
import type { PacketEvent } from '../../decode/events.ts'
import type { Packet } from '../../decode/packet.ts'
import type { Transaction } from '../../decode/records.ts'
import { Candidates } from '../prefilter/prefilter.ts'
import { Dataset } from './datasets.ts'
import type { AlertPlace, EngineOptions, IncompleteReason } from './engine-options.ts'
import { FlowMemory } from './flow-memory.ts'
import type { FlowTableLike } from './flows.ts'
import { Inspector } from './inspect.ts'
import { areAsked, firstPoint } from './lanes.ts'
import { LookOn } from './look-on.ts'
import { Offers } from './offers.ts'
import { FlowEnds } from './packet-ends.ts'
import { partEnd, partStart } from './packet-parts.ts'
import { PassedPacket } from './passed-packet.ts'
import { callOf } from './proto-dcerpc.ts'
import { isSpoken, mayBeOther, speaksOther } from './protocol-match.ts'
import type { PacketPart, Signature } from './rule.ts'
import type { RuleSet } from './rule-set.ts'
import { Shortlist } from './shortlist.ts'
import { StatePlaces } from './state-places.ts'
import type { StreamRules } from './stream-lanes.ts'
import { StreamMarks } from './stream-marks.ts'
import { MATCHED, PIECE_BYTES_MAX, Tails, WAITING_MAX } from './stream-tail.ts'
import { type Judged, noteFired, Progress } from './transaction-progress.ts'
import { readiness, TransactionView } from './transaction-view.ts'

const FOUND = -1

/**
 * Calls for one packet, all before the next packet: `packet`, then `stream` for the bytes it made readable,
 * each before the application decoders see them, then `transaction` for what those found.
 */
export class SignatureEngine {
  readonly counters = { judged: 0, matched: 0, incomplete: 0 }
  readonly #options: EngineOptions
  readonly #flows: FlowTableLike
  readonly #inspector = new Inspector()
  /** What rules leave behind of flows. */
  readonly memory = new FlowMemory()
  readonly #state: StatePlaces
  readonly #tails: Tails
  readonly #ends: FlowEnds
  readonly #view = new TransactionView()
  readonly #waiting = new Uint32Array(WAITING_MAX)
  readonly #waitingLooks = new Float64Array(WAITING_MAX)
  #lookOn: LookOn
  readonly #marks = new StreamMarks()
  readonly #progress = new Progress()
  /** Whose buffer is in hand. */
  #inspected = -1
  #rules: RuleSet
  #candidates: Candidates
  #list: Shortlist
  #offers: Offers

  #packet: Packet | undefined
  readonly #passed = new PassedPacket()
  #timeUs = -0 // no small integer, as Packet.timeUs
  /** A segment of no stream is in hand. */
  #alone = false
  /** Nothing more comes of the stream in hand. */
  #settling = false
  /** Rules that fired in the packet in hand, or wait for its protocol to be known. */
  readonly #inPacket = new Set<number>()
  readonly #untold = new Set<number>()

  /** What rules wanted remembered and was not, at a bound: bits, states, captures, values of sets. */
  get notRemembered(): number {
    const { bits, notes } = this.memory
    return bits.dropped + notes.dropped + this.#state.dropped + Dataset.dropped
  }

  constructor(rules: RuleSet, options: EngineOptions) {
    this.#options = options
    this.#flows = options.flows
    this.#tails = new Tails(rules.room, options.flows.flowsMax)
    this.#ends = new FlowEnds(options.flows.flowsMax)
    this.#state = new StatePlaces(options.flows, (flow, toServer) =>
      this.#tails.streamed(flow * 2 + +toServer),
    )
    this.#tails.onCrowded = (key) => this.#incomplete('candidates', key >> 1)
    this.#inspector.onEntropy = (name, of) => this.memory.notes.entropy(this.#inspected, name, of)
    this.#rules = rules
    this.#candidates = new Candidates(rules.size)
    this.#list = new Shortlist(rules.signatures)
    this.#offers = new Offers(rules, this.#list, this.#ends, this.#options)
    this.#lookOn = new LookOn(rules.size)
    this.#view.reset(rules.views.length)
  }

  get generation(): number {
    return this.#rules.generation
  }

  /** Bytes of a connection that is not followed: rules over streams see them by themselves, and nothing is kept of them. */
  segment(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.lookAtHeld()
    this.#alone = true
    this.stream(flow, toServer, bytes, start, end)
    this.#alone = false
    for (const kept of [this.#tails, this.#marks]) kept.forget(flow * 2 + (toServer ? 1 : 0))
  }

  /** Takes effect with the next call. What flows remember of rules stays, if the set was loaded to follow this one. */
  swap(rules: RuleSet): void {
    this.lookAtHeld()
    if (rules.follows !== this.#rules.generation) this.#forgetRules()
    this.#rules = rules
    this.#candidates = new Candidates(rules.size)
    this.#list = new Shortlist(rules.signatures)
    this.#offers = new Offers(rules, this.#list, this.#ends, this.#options)
    this.#lookOn = new LookOn(rules.size)
    this.#tails.beginAnew()
    this.#tails.moveTo(rules.room)
    this.#ends.clear()
    this.#view.reset(rules.views.length)
    this.#inPacket.clear()
    this.#untold.clear()
  }

  /** Their numbers mean something else from now on. */
  #forgetRules(): void {
    this.#tails.forgetWaiting()
    this.#progress.clear()
    this.#marks.clear()
  }

  packet(packet: Packet): void {
    this.#packet = packet
    this.#timeUs = packet.timeUs
    this.#inspector.refill()
    if (this.#inPacket.size > 0) this.#inPacket.clear()
    if (this.#untold.size > 0) this.#untold.clear()
    const { flow } = packet
    if (packet.ipVersion === 0 || (flow >= 0 && this.memory.passes(flow))) return
    const lane = this.#rules.ofPacket(packet)
    const start = packet.payloadOffset
    const end = packet.fragment || this.memory.isSealed(flow) ? start : start + packet.payloadBytes
    if (end === start && !lane.asksEmpty) return
    const { classes } = lane
    this.#candidates.clear()
    this.#list.clear()
    const ends = this.#ends.of(packet, classes.ends)
    if (end > start) lane.find(packet, start, end, this.#candidates, classes.ends.open(ends))
    const always = classes.of(packet, ends, this.#flows)
    for (let i = 0; i < always.length; i++) this.#offers.packet(always[i] as Signature, packet)
    const { list, count } = this.#candidates
    for (let i = 0; i < count; i++)
      this.#offers.found(list[i] as number, packet, classes.ends, ends)
    if (this.#list.offered > 0) this.#judgeOffered(packet, start, end)
  }

  #judgeOffered(packet: Packet, start: number, end: number): void {
    this.#close(packet.flow)
    for (let i = 0; i < this.#list.count; i++)
      if (this.#judgePacket(this.#list.at(i), packet, start, end)) return
  }

  /** Rules that ask for this event, on the packet it was seen at. */
  event(event: PacketEvent, packet: Packet): void {
    const indexes = this.#rules.events.get(event)
    if (!indexes || (packet.flow >= 0 && this.memory.passes(packet.flow))) return
    this.#packet = packet
    this.#timeUs = packet.timeUs
    this.#list.clear()
    for (const index of indexes) this.#offers.packet(this.#rules.signatures[index] as Signature, packet) // biome-ignore format: one line
    const start = packet.payloadOffset
    if (this.#list.offered > 0) this.#judgeOffered(packet, start, start + packet.payloadBytes)
  }

  /** Rules that ask for this event of the flow's application, sent that way. What is odd in a request is so in its answer. */
  appEvent(event: AppEvent, flow: number, toServer: boolean, timeUs: number): void {
    const indexes = this.#rules.appEvents.get(event)
    if (!indexes) return
    this.#timeUs = timeUs
    if (toServer) this.#judgeEvent(indexes, flow, true)
    if (!toServer || isOfBoth(event)) this.#judgeEvent(indexes, flow, false)
  }

  #judgeEvent(indexes: readonly number[], flow: number, toServer: boolean): void {
    if (this.memory.passes(flow)) return
    this.#list.clear()
    for (const index of indexes) this.#offers.flow(index, flow, toServer)
    if (this.#list.offered === 0) return
    this.#close(flow)
    for (let i = 0; i < this.#list.count; i++) {
      const signature = this.#list.at(i)
      if (!this.#remembers(signature, flow, toServer)) continue
      if (signature.payload.length > 0 && !this.#payloadHolds(signature, flow, toServer)) continue
      if (this.#fire(signature, flow, toServer, 'transaction', undefined)) return
    }
  }

  /** Whether to stop: a pass rule has matched. */
  #judgePacket(signature: Signature, packet: Packet, start: number, end: number): boolean {
    const { payload, appProto, index } = signature
    const { flow } = packet
    this.#inspector.forgetCaptured()
    if (!this.#remembers(signature, flow, packet.toServer)) return false
    if (!this.#partsHold(signature, packet)) return false
    if (payload.length > 0 && (this.memory.isSealed(flow) || !this.#holds(payload, packet.bytes, start, end, 0, flow))) return false // biome-ignore format: one line
    if (!speaksOther(signature, this.#options.appProto(flow))) return false
    if (appProto !== undefined) {
      const known = this.#options.appProto(flow)
      if (known === 'unknown' && appProto !== 'unknown') this.#untold.add(index)
      if (known !== appProto) return false
    }
    this.#inPacket.add(index)
    return this.#fire(signature, flow, packet.toServer, 'packet', undefined)
  }

  /** `more`: what follows of this direction comes before anything else, and is looked through with this. */
  // biome-ignore format: one line
  stream(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number, more = false): void {
    const side = toServer ? 1 : 0
    const key = flow * 2 + side
    const tails = this.#tails
    if (tails.heldOf !== key) this.lookAtHeld()
    const lane = this.#rules.streams[side]
    const keep = this.#alone && end - start <= PIECE_BYTES_MAX ? 0 : this.#rules.tailBytes[side]
    if ((lane.empty && keep === 0) || this.memory.passes(flow) || this.memory.isSealed(flow)) {
      tails.passBy(key, end - start)
      return
    }
    for (let from = start; from < end; from += PIECE_BYTES_MAX) {
      const to = Math.min(end, from + PIECE_BYTES_MAX)
      tails.append(key, bytes, from, to, keep)
      if (!more || to < end || !tails.hasRoom) this.#lookThrough(key, lane, keep)
    }
  }

  /** What waits for more of its direction is looked through as it is. */
  lookAtHeld(): void {
    const key = this.#tails.heldOf
    if (key < 0) return
    const { streams, tailBytes } = this.#rules
    this.#lookThrough(key, streams[(key & 1) as 0 | 1], tailBytes[(key & 1) as 0 | 1])
  }

  #lookThrough(key: number, lane: StreamRules, keep: number): void {
    const flow = key >> 1
    const tails = this.#tails
    tails.take(key, keep, lane.longest - 1)
    const waits = tails.waits(key)
    if (waits) this.#judgeMatched(key)
    const end = tails.kept + tails.stop - tails.at
    const base = tails.streamed(key) - end
    const open = this.#ends.open(key, this.#rules.tcp.classes.ends)
    this.#candidates.clear()
    lane.find(tails, base, this.#options.appProto(flow), open, this.#candidates)
    const waiting = waits ? tails.waiting(key, this.#waiting, this.#waitingLooks, base) : 0
    this.#list.clear()
    // What came before is put in front only for those who may look at it.
    if (lane.always.length > 0) this.#judgePlain(waiting, key, lane, tails.all(), end, base)
    else if (this.#candidates.count + waiting > 0) {
      this.#lookOn.begin(0, base + end)
      this.#judgeFound(waiting, key, tails.held, tails.all(), end, base)
    }
    tails.keep(key)
  }

  /** With those that are judged with every piece. */
  // biome-ignore format: one line
  #judgePlain(waiting: number, key: number, lane: StreamRules, from: number, end: number, base: number): void {
    const [flow, toServer] = [key >> 1, (key & 1) === 1]
    const proto = this.#options.appProto(flow)
    const state = this.#flows.state[flow] as number
    const { held, stop } = this.#tails
    this.#lookOn.begin(this.#tails.goOn(key, state, proto), base + end)
    const due = lane.due(this.#rules.signatures, { bytes: held, start: from, end: stop, base }, this.#lookOn) // biome-ignore format: one line
    for (let i = 0; i < due.length; i++) this.#offers.flow(due[i] as number, flow, toServer)
    if (this.#judgeFound(waiting, key, held, from, end, base)) return
    this.#tails.setGoOn(key, this.#lookOn.plainNext, state, proto)
  }

  /** Of [from, from + end) of the bytes: what was found, waited and was offered already; whether to stop: a pass rule has matched. */
  // biome-ignore format: one line
  #judgeFound(waiting: number, key: number, bytes: Uint8Array, from: number, end: number, base: number): boolean {
    const flow = key >> 1
    for (let i = 0; i < waiting; i++) {
      const index = this.#rules.indexOf(this.#waiting[i] as number)
      if (index < 0) continue
      this.#candidates.add(index)
      this.#lookOn.waited(index, this.#waitingLooks[i] as number)
    }
    const { list, count } = this.#candidates
    for (let i = 0; i < count; i++) this.#offers.flow(list[i] as number, flow, (key & 1) === 1)
    if (this.#list.offered === 0) return false
    if (this.#close(flow)) this.#lookOn.plainNext = 0
    for (let i = 0; i < this.#list.count; i++)
      if (this.#judgeStream(this.#list.at(i), key, bytes, from, end, base)) return true
    return false
  }

  /** No more comes, or what was asked or answered is whole: rules that wait for a stretch of the stream take it as it is. */
  #settle(key: number): void {
    const tails = this.#tails
    if (!tails.settle(key) || this.memory.passes(key >> 1)) return
    const side = (key & 1) as 0 | 1
    const window = tails.tail(key, this.#rules.tailBytes[side])
    const base = tails.streamed(key) - window.length
    const waiting = tails.waiting(key, this.#waiting, this.#waitingLooks, base)
    this.#lookOn.begin(0, base + window.length)
    this.#candidates.clear()
    this.#list.clear()
    for (const index of this.#rules.streams[side].always)
      if (!this.#rules.signatures[index]?.plain) this.#offers.flow(index, key >> 1, side === 1)
    this.#settling = true
    this.#judgeFound(waiting, key, window, 0, window.length, base)
    this.#settling = false
  }

  // biome-ignore format: one line
  #judgeStream(signature: Signature, key: number, bytes: Uint8Array, from: number, end: number, base: number): boolean {
    if (this.#alone && signature.streamOnly) return false
    const { id, index, payload, appProto } = signature
    const flow = key >> 1
    this.#inspector.forgetCaptured()
    if (signature.point) {
      if (this.#marks.isMet(key, id)) return false
      const look = this.#look(signature, bytes, from, end, base, key)
      if (look === FOUND) this.#marks.met(key, id)
      else if (payload.length > 1) this.#wait(key, id, base + end, look)
      return false
    }
    if (this.#inPacket.has(index) && this.#inHand(flow)) return false
    if (signature.fast === undefined && this.#marks.hasFired(key, id)) return false
    const known = appProto === undefined ? undefined : this.#options.appProto(flow)
    if (known !== appProto && known !== 'unknown') return false
    if (!this.#remembers(signature, flow, (key & 1) === 1)) return false
    const look = this.#look(signature, bytes, from, end, base, key)
    if (look !== FOUND) {
      if (this.#inspector.awaits) this.#tails.unsettle(key)
      if (signature.led ? look < base + end : signature.fast && payload.length > 1)
        this.#wait(key, id, base + end, look)
      return false
    }
    if (signature.fast === undefined) this.#marks.fired(key, id)
    // Its literal may be cut here: what is kept of it is too short to be the same one.
    else this.#marks.firedUpTo(key, id, base + end + 1 - signature.fast.bytes.length)
    if (known !== appProto || mayBeOther(signature, this.#options.appProto(flow))) {
      this.#wait(key, id + MATCHED, Number.POSITIVE_INFINITY)
      return false
    }
    if (!speaksOther(signature, this.#options.appProto(flow))) return false
    return this.#fire(signature, flow, (key & 1) === 1, 'stream', undefined)
  }

  /** Of a segment of no stream nothing more comes. */
  #wait(key: number, rule: number, from: number, look = 0): void {
    if (!this.#alone) this.#tails.wait(key, rule, from, look)
  }

  /** FOUND, or where its plain contents are to be looked for next time. */
  // biome-ignore format: one line
  #look(signature: Signature, bytes: Uint8Array, from: number, end: number, base: number, key: number): number {
    // What a rule has fired on it does not look at again.
    const start = Math.max(0, this.#marks.firedTo(key, signature.id) - base)
    const resume = Math.max(0, this.#lookOn.of(signature) - base - start)
    this.#inspector.unfinished = !this.#alone && !this.#settling
    const yes = this.#holds(signature.payload, bytes, from + start, from + end, base + start, key >> 1, resume) // biome-ignore format: one line
    this.#inspector.unfinished = false
    if (yes) return FOUND
    return this.#lookOn.next(signature, this.#inspector, base + start, base + end)
  }

  /** Rules whose bytes matched before the protocol of the flow was known. */
  #judgeMatched(key: number, tx?: Transaction): void {
    const count = this.#tails.matched(key, this.#waiting)
    if (count === 0) return
    const flow = key >> 1
    const known = this.#options.appProto(flow)
    for (let i = 0; i < count; i++) {
      const id = this.#waiting[i] as number
      const signature = this.#rules.signatures[this.#rules.indexOf(id)]
      if (signature === undefined) continue
      if (known === 'unknown') this.#tails.wait(key, id + MATCHED, Number.POSITIVE_INFINITY)
      else if (isSpoken(signature, known) && !this.memory.passes(flow))
        this.#fire(signature, flow, (key & 1) === 1, 'stream', tx)
    }
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    const key = flow * 2 + (toServer ? 1 : 0)
    this.lookAtHeld()
    this.#settle(key)
    this.#tails.gap(key, missing)
  }

  transaction(flow: number, transaction: Transaction, timeUs: number): void {
    this.lookAtHeld()
    this.#timeUs = timeUs
    if (this.#untold.size > 0) this.#judgeUntold(flow, transaction)
    if (this.#tails.unsettled(flow)) {
      if (readiness(transaction, true, true) === 2) this.#settle(flow * 2)
      if (readiness(transaction, false, true) === 2) this.#settle(flow * 2 + 1)
    }
    this.#judgeMatched(flow * 2, transaction)
    this.#judgeMatched(flow * 2 + 1, transaction)
    if (this.memory.passes(flow)) return
    this.#inspector.dceLittle = callOf(transaction)?.little ?? false
    const first = firstPoint(transaction.proto)
    if (!areAsked(this.#rules.points, first)) return
    this.#view.open(transaction)
    for (let point = 0; point < 4; point++) {
      const response = point >= 2
      const body = (point & 1) === 1
      const lanes = this.#rules.points[first + point]
      if (!lanes || lanes.count === 0) continue
      const ready = readiness(transaction, response, body)
      if (ready === 0) continue
      const progress = this.#progress.of(transaction)
      if (progress && (progress.settled & (1 << point)) !== 0) continue
      // Another file of the same message may follow.
      if (progress && ready === 2 && transaction.stage !== 'file') progress.settled |= 1 << point
      const at = { response, whole: ready === 2, judged: progress }
      if (this.#judgePoint(flow, transaction, lanes, at)) return
    }
  }

  #judgePoint(
    flow: number,
    transaction: Transaction,
    lanes: RuleSet['points'][number],
    at: { response: boolean; whole: boolean; judged: Judged | undefined },
  ): boolean {
    this.#candidates.clear()
    lanes.find(this.#view, this.#candidates)
    this.#list.clear()
    const toServer = !at.response
    const { always } = lanes
    for (let i = 0; i < always.length; i++) this.#offers.flow(always[i] as number, flow, toServer)
    const { list, count } = this.#candidates
    for (let i = 0; i < count; i++) this.#offers.flow(list[i] as number, flow, toServer)
    if (this.#list.offered === 0) return false
    this.#close(flow)
    for (let i = 0; i < this.#list.count; i++) {
      const signature = this.#list.at(i)
      if (at.judged?.fired?.has(signature.id) || (signature.wholeBody && !at.whole)) continue
      if (!this.#transactionHolds(signature, flow, toServer, transaction)) continue
      if (at.judged) noteFired(at.judged, signature.id)
      if (this.#fire(signature, flow, toServer, 'transaction', transaction)) return true
    }
    return false
  }

  // biome-ignore format: one line
  #transactionHolds(signature: Signature, flow: number, toServer: boolean, transaction: Transaction): boolean {
    this.#inspector.forgetCaptured()
    if (!signature.transactionTests.every((test) => test(transaction, !toServer))) return false
    if (!this.#remembers(signature, flow, toServer)) return false
    const { packetTests, packetParts, payload } = signature
    if (packetTests.length > 0 || packetParts.length > 0) {
      const packet = this.#inHand(flow)
      if (!packet || !packetTests.every((test) => test(packet))) return false
      if (!this.#partsHold(signature, packet)) return false
    }
    for (const { view, conditions, absentMatches } of signature.buffers) {
      const values = this.#view.values(view)
      if (values.length === 0) {
        if (absentMatches) continue
        return false
      }
      if (!values.some((bytes) => this.#holds(conditions, bytes, 0, bytes.length, 0, flow)))
        return false
    }
    return payload.length === 0 || this.#payloadHolds(signature, flow, toServer)
  }

  /** The plain contents of a transaction rule: against what is kept of the stream, or the datagram. */
  #payloadHolds({ payload, id }: Signature, flow: number, toServer: boolean): boolean {
    if (this.#marks.isMet(flow * 2 + (toServer ? 1 : 0), id)) return true
    const packet = this.#inHand(flow)
    if (packet && packet.protocol !== 6) {
      const start = packet.payloadOffset
      return this.#holds(payload, packet.bytes, start, start + packet.payloadBytes, 0, flow)
    }
    const key = flow * 2 + (toServer ? 1 : 0)
    const kept = this.#tails.tail(key, this.#rules.tailBytes[toServer ? 1 : 0])
    return this.#holds(payload, kept, 0, kept.length, this.#tails.streamed(key) - kept.length, flow)
  }

  /** Rules that matched the packet in hand before its protocol was known. */
  #judgeUntold(flow: number, tx: Transaction): void {
    const packet = this.#inHand(flow)
    if (!packet || this.memory.passes(flow)) return
    const known = this.#options.appProto(flow)
    for (const index of this.#untold) {
      const signature = this.#rules.signatures[index]
      if (signature?.appProto !== known) continue
      this.#inPacket.add(index)
      if (this.#fire(signature, flow, packet.toServer, 'packet', tx)) break
    }
    this.#untold.clear()
  }

  ended(flow: number): void {
    this.lookAtHeld()
    this.#inspector.refill()
    for (const key of [flow * 2, flow * 2 + 1]) {
      this.#settle(key)
      this.#judgeMatched(key)
    }
  }

  /** After `ended`, and after what it brought was told. */
  forget(flow: number): void {
    this.#ends.forget(flow)
    for (const key of [flow * 2, flow * 2 + 1]) {
      this.#tails.forget(key)
      this.#marks.forget(key)
    }
    this.memory.ended(flow)
    this.#state.ended(flow)
  }

  /** Puts the short list in order; whether it did not hold all, which is told. */
  #close(flow: number): boolean {
    const over = this.#list.close()
    if (over) this.#incomplete('candidates', flow)
    this.counters.judged += this.#list.count
    return over
  }

  // biome-ignore format: one line
  #holds(conditions: Signature['payload'], bytes: Uint8Array, start: number, end: number, base: number, flow: number, resume = 0): boolean {
    this.#inspected = flow
    const yes = this.#inspector.matches(conditions, bytes, start, end, base, resume)
    const { limit } = this.#inspector
    if (limit !== undefined && !yes) this.#incomplete(limit, flow)
    return yes
  }

  #incomplete(reason: IncompleteReason, flow: number): void {
    this.counters.incomplete++
    this.#options.onIncomplete(reason, flow)
  }

  /** Flow bits, numbers and bits of hosts that must be set, or must not. */
  #remembers(signature: Signature, flow: number, toServer: boolean): boolean {
    if (!this.memory.bits.fits(signature.bitTests, flow)) return false
    return this.#state.fits(signature, { flow, toServer, timeUs: this.#timeUs }, this.#packet)
  }

  #partsHold({ packetParts }: Signature, packet: Packet): boolean {
    for (let i = 0; i < packetParts.length; i++) {
      const { part, conditions } = packetParts[i] as PacketPart
      const start = partStart(part, packet)
      if (start < 0) return false
      const end = partEnd(part, packet)
      if (!this.#holds(conditions, packet.bytes, start, end, 0, packet.flow)) return false
    }
    return true
  }

  #inHand(flow: number): Packet | undefined {
    return this.#packet !== undefined && this.#packet.flow === flow ? this.#packet : undefined
  }

  /** Whether nothing more is to be judged here: a pass rule. */
  #fire(
    signature: Signature,
    flow: number,
    toServer: boolean,
    found: AlertPlace['found'],
    tx: Transaction | undefined,
  ): boolean {
    this.counters.matched++
    const { hit, action, bitChanges } = signature
    if (this.#passed.before(signature, flow, this.#packet)) return true
    if (signature.silences !== undefined) this.memory.silence.add(signature.silences, flow, tx)
    if (signature.bypass && flow >= 0) this.memory.bypass(flow)
    if (bitChanges.length > 0 && flow >= 0 && !this.memory.bits.change(bitChanges, flow))
      this.#incomplete('flowbits', flow)
    this.#state.change(signature, { flow, toServer, timeUs: this.#timeUs }, this.#packet)
    // As Suricata has it: what asks for nothing but addresses or a protocol, and what matched in a stream, is of the flow.
    const ofFlow =
      flow >= 0 && (found !== 'packet' || signature.ipOnly || signature.appProto !== undefined)
    if (action === 'pass') {
      if (ofFlow) this.memory.passed.add(flow)
      this.#passed.by(signature, this.#packet)
      if (!signature.tells) return true
    }
    const { captured } = this.#inspector
    const vars = captured.length > 0 ? this.memory.variables(flow, captured) : undefined
    if (signature.noalert) return false
    const app_proto = flow < 0 ? 'unknown' : this.#options.appProto(flow)
    const packet = flow < 0 ? this.#packet : this.#inHand(flow)
    const drops = action === 'drop' || action === 'reject' ? (ofFlow ? 'flow' : 'packet') : undefined // biome-ignore format: one line
    this.#options.onAlert(
      { ...hit, app_proto, ...(tx && { tx }), ...vars, ...(drops && { drops }) },
      { flow, toServer, timeUs: this.#timeUs, found, packet },
    )
    return action === 'pass'
  }
}
