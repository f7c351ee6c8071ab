/** Signatures by what they look at, so that each buffer meets only those it may satisfy. */
import type { Packet } from '../../decode/packet.ts'
import { TRANSACTION_PROTOS } from '../../decode/records.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import { PIECE_BYTES_MAX, type ScanRoom } from '../prefilter/scan-room.ts'
import { ShapeFilter } from '../prefilter/shapes.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import { isByPort, type OpenPorts } from './open-ports.ts'
import { PacketClasses } from './packet-classes.ts'
import { PacketEnds } from './packet-ends.ts'
import type { BufferView, Header, Point, Signature } from './rule.ts'
import type { TransactionView } from './transaction-view.ts'

/** Rules that look at packets: those without a literal, by what a packet shows at once. */
export abstract class PacketRules {
  /** Judged for every packet of their ports: no literal of theirs must be there, or one that is anywhere. */
  readonly always: number[] = []
  /** Ports that `find` asks about, here and where streams are looked through. */
  readonly opened: OpenPorts[] = []
  /** Of `always` one may match without bytes. */
  asksEmpty = false
  /** Of `always`. */
  classes = new PacketClasses([])

  add({ index }: Signature): void {
    this.always.push(index)
  }

  /** Lays out the tables. */
  abstract parts(): Generator<void>

  /** Whose literal lies in the payload, [start, end) of the packet's bytes; `open`: of its ends, as `opened` has them. */
  abstract find(packet: Packet, start: number, end: number, found: Candidates, open: number): void // biome-ignore format: one line

  /** When all were added; `met`: whether such packets, and their flows, may meet a rule for it. */
  *classify(signatures: readonly Signature[], met: (header: Header) => boolean): Generator<void> {
    const always = this.always.map((index) => signatures[index] as Signature)
    this.asksEmpty = always.some(({ fast }) => fast === undefined)
    const headers = signatures.map(({ header }) => header).filter(met)
    const ends = new PacketEnds({ headers, always, opened: this.opened, rules: signatures.length })
    this.classes = new PacketClasses(always, ends)
    yield* ends.parts()
  }
}

export class DatagramRules extends PacketRules {
  readonly #room: ScanRoom
  readonly #prefilter: WasmPrefilter
  readonly #shapes: ShapeFilter

  constructor(room: ScanRoom) {
    super()
    this.#room = room
    this.#prefilter = new WasmPrefilter(room)
    this.#shapes = new ShapeFilter(room)
  }

  override add(signature: Signature): void {
    const { index, fast, leads, shape } = signature
    const found = leads ?? (fast ? [fast] : [])
    const byPort = found.some((each) => isByPort(signature, each))
    if (shape) this.#shapes.add(shape.places, index)
    else if (found.length === 0 || byPort) super.add(signature)
    else for (const { bytes, nocase } of found) this.#prefilter.add(bytes, nocase, index)
  }

  *parts(): Generator<void> {
    yield* this.#prefilter.parts()
    this.#shapes.build()
  }

  find({ bytes }: Packet, start: number, end: number, found: Candidates): void {
    if (end - start > PIECE_BYTES_MAX) {
      this.#prefilter.scan(bytes, start, end, found, start)
      this.#shapes.scan(bytes, start, end, found)
      return
    }
    if (this.#prefilter.patterns === 0 && this.#shapes.empty) return
    const at = this.#room.put(bytes, start, end)
    const stop = at + end - start
    if (this.#prefilter.patterns > 0) this.#prefilter.look(at, stop, found, at)
    if (!this.#shapes.empty) this.#shapes.look(at, stop, found, at)
  }
}

/** The transaction rules of one point: those found by a literal of a buffer, and the rest. */
export class PointLanes {
  readonly always: number[] = []
  readonly scans: { view: BufferView; prefilter: WasmPrefilter }[] = []
  /** At least one needs it whole or not at all. */
  count = 0
  readonly #room: ScanRoom

  constructor(room: ScanRoom) {
    this.#room = room
  }

  add(signature: Signature): void {
    this.count++
    const { fast, index } = signature
    const view = fast?.view
    if (fast === undefined || view === undefined) {
      this.always.push(index)
      return
    }
    let scan = this.scans.find((each) => sameBytes(each.view, view))
    if (!scan) {
      scan = { view, prefilter: new WasmPrefilter(this.#room) }
      this.scans.push(scan)
    }
    scan.prefilter.add(fast.bytes, fast.nocase, index)
  }

  /** Whose literal lies in the buffers of the transaction. */
  find(transaction: TransactionView, found: Candidates): void {
    for (let i = 0; i < this.scans.length; i++) {
      const { view, prefilter } = this.scans[i] as PointLanes['scans'][0]
      transaction.find(view, prefilter, found)
    }
  }
}

/** The body of an HTTP message has a name of its own and is file.data too. */
const BODIES: ReadonlySet<string> = new Set([
  'file.data',
  'http.request_body',
  'http.response_body',
])

/** Whether what is found in one is to be found in the other, at one point: it is looked through once. */
function sameBytes(a: BufferView, b: BufferView): boolean {
  if (a === b) return true
  const plain = a.transforms.length + b.transforms.length === 0 && a.response === b.response
  return plain && BODIES.has(a.source.name) && BODIES.has(b.source.name)
}

/** Place of each protocol among the points. */
const PROTO_PLACE: Readonly<Record<Point['proto'], number>> = Object.fromEntries(
  TRANSACTION_PROTOS.map((proto, i) => [proto, i * 4]),
) as Record<Point['proto'], number>

/** Of the protocol asked for last: one message after the other is of the same, and a place by name has to be searched for. */
let lastProto: Point['proto'] = 'dns'
let lastPlace = PROTO_PLACE[lastProto]

/** Numbers of the four points of a protocol, from this on: 2 more for the answer, 1 more where bodies are needed. */
export function firstPoint(proto: Point['proto']): number {
  if (proto !== lastProto) {
    lastProto = proto
    lastPlace = PROTO_PLACE[proto]
  }
  return lastPlace
}

/** Whether a rule asks for anything at the four points from this on. */
export function areAsked(points: readonly PointLanes[], first: number): boolean {
  for (let i = first; i < first + 4; i++) if ((points[i] as PointLanes).count > 0) return true
  return false
}

export function pointIndex(proto: Point['proto'], response: boolean, body: boolean): number {
  return PROTO_PLACE[proto] + (response ? 2 : 0) + (body ? 1 : 0)
}
