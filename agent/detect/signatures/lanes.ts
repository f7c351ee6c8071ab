/** Signatures by what they look at, so that each buffer meets only those it may satisfy. */
import { TRANSACTION_PROTOS } from '../../decode/records.ts'
import type { Prefilter } from '../prefilter/prefilter.ts'
import type { ScanRoom } from '../prefilter/scan-room.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import { PacketClasses } from './packet-classes.ts'
import { PlainRules } from './plain-rules.ts'
import type { BufferView, Point, Signature } from './rule.ts'

/** Signatures that look at the same bytes at the same time. */
export class Lane {
  /** Judged for every buffer: no literal of theirs must be there. */
  readonly always: number[] = []
  readonly prefilter: Prefilter
  #classes: PacketClasses | undefined
  #plain: PlainRules | undefined

  constructor(room: ScanRoom) {
    this.prefilter = new WasmPrefilter(room)
  }

  add({ index, fast }: Pick<Signature, 'index' | 'fast'>): void {
    if (fast) this.prefilter.add(fast.bytes, fast.nocase, index)
    else this.always.push(index)
  }

  /** Of `always`, where the lane is one of packets; made at the first. */
  classes(signatures: readonly Signature[]): PacketClasses {
    this.#classes ??= new PacketClasses(this.#alwaysOf(signatures))
    return this.#classes
  }

  /** Likewise, where it is one of streams. */
  plain(signatures: readonly Signature[]): PlainRules {
    this.#plain ??= new PlainRules(this.#alwaysOf(signatures))
    return this.#plain
  }

  #alwaysOf(signatures: readonly Signature[]): Signature[] {
    return this.always.map((index) => signatures[index] as Signature)
  }

  release(): void {
    this.#plain?.release()
  }

  get empty(): boolean {
    return this.always.length === 0 && this.prefilter.patterns === 0
  }
}

/** The transaction rules of one point: those found by a literal of a buffer, and the rest. */
export class PointLanes {
  readonly always: number[] = []
  readonly scans: { view: BufferView; prefilter: Prefilter }[] = []
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
    let scan = this.scans.find((each) => each.view === view)
    if (!scan) {
      scan = { view, prefilter: new WasmPrefilter(this.#room) }
      this.scans.push(scan)
    }
    scan.prefilter.add(fast.bytes, fast.nocase, index)
  }
}

/** Place of each protocol among the points. */
const PROTO_PLACE: Readonly<Record<Point['proto'], number>> = Object.fromEntries(
  TRANSACTION_PROTOS.map((proto, i) => [proto, i * 4]),
) as Record<Point['proto'], number>

/** Number of a point: protocol, side, and whether bodies are needed. */
export function pointIndex(proto: Point['proto'], response: boolean, body: boolean): number {
  return PROTO_PLACE[proto] + (response ? 2 : 0) + (body ? 1 : 0)
}
