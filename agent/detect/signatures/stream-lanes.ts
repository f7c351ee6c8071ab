/**
 * The rules that look at one direction of streams: those that ask for something at its beginning, those of one protocol, and
 * the others. A stream is looked through for those alone that may still be met in it, all at once.
 */
import type { AppProto } from '../../decode/records.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import type { ScanRoom } from '../prefilter/scan-room.ts'
import { ShapeFilter } from '../prefilter/shapes.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import type { LookOn } from './look-on.ts'
import { mustBeWithin } from './near-start.ts'
import { isByPort, OpenPorts } from './open-ports.ts'
import { PlainRules } from './plain-rules.ts'
import type { Shape } from './regex-shape.ts'
import type { FastPattern, Signature } from './rule.ts'

/** What is the beginning of a stream. */
const HEAD_BYTES = 1024
/** Of a longer literal its end is looked for: the bytes in front of a segment that are looked at again are as many. */
const LITERAL_BYTES_MAX = 32
/** A protocol that fewer rules ask for has no pass of its own. */
const OWN_LEAST = 16

interface Added {
  index: number
  /** Looked for between the ports of its rule alone. */
  common: boolean
  fast: FastPattern
  head: boolean
  proto: AppProto | undefined
}

/** What has come of a stream: from `at` on, with what is looked at again in front of it. */
interface InRoom {
  readonly start: number
  readonly at: number
  readonly stop: number
}

export class StreamRules {
  /** Judged with every piece: no literal of theirs must be there. */
  readonly always: number[] = []
  /** Bytes of the longest literal that is looked for. */
  longest = 0
  readonly #added: Added[] = []
  /** At the beginning of a stream for all that may be there, and beyond it. */
  readonly #head: Passes
  readonly #body: Passes
  /** Literals that are anywhere: in streams of these ports alone. */
  readonly #commonHead: WasmPrefilter
  readonly #commonBody: WasmPrefilter
  readonly #headPorts = new OpenPorts()
  readonly #bodyPorts = new OpenPorts()
  #headBit = 0
  #bodyBit = 0
  readonly #shapes: ShapeFilter
  #plain: PlainRules | undefined

  constructor(room: ScanRoom) {
    this.#head = new Passes(room)
    this.#body = new Passes(room)
    this.#commonHead = new WasmPrefilter(room)
    this.#commonBody = new WasmPrefilter(room)
    this.#shapes = new ShapeFilter(room)
  }

  /** Ports are told apart with those of packets. */
  openAmong(opened: OpenPorts[]): void {
    this.#headBit = 1 << (opened.push(this.#headPorts) - 1)
    this.#bodyBit = 1 << (opened.push(this.#bodyPorts) - 1)
  }

  /** `found`: by any of these it is found in the stream, or by that shape. */
  add(signature: Signature, found: readonly FastPattern[] | Shape): void {
    const { index, appProto: proto } = signature
    if ('places' in found) {
      this.#shapes.add(found.places, index)
      this.longest = Math.max(this.longest, found.places.length)
      return
    }
    if (found.length === 0) this.always.push(index)
    const head = (mustBeWithin(signature) ?? Number.POSITIVE_INFINITY) <= HEAD_BYTES
    for (const each of found) {
      const common = isByPort(signature, each)
      if (common) (head ? this.#headPorts : this.#bodyPorts).openFor(signature)
      const fast = { ...each, bytes: each.bytes.subarray(-LITERAL_BYTES_MAX) }
      this.#added.push({ index, common, fast, head, proto })
      this.longest = Math.max(this.longest, fast.bytes.length)
    }
  }

  *parts(): Generator<void> {
    const own = new Map<AppProto, number>()
    for (const { common, head, proto } of this.#added)
      if (!common && !head && proto !== undefined) own.set(proto, (own.get(proto) ?? 0) + 1)
    for (const [proto, count] of own)
      if (count >= OWN_LEAST) for (const passes of [this.#head, this.#body]) passes.open(proto)
    for (const { common, head, fast, index, proto } of this.#added) {
      if (common) (head ? this.#commonHead : this.#commonBody).add(fast.bytes, fast.nocase, index)
      else {
        this.#head.add(fast, index, proto)
        if (!head) this.#body.add(fast, index, proto)
      }
      yield
    }
    this.#added.length = 0
    for (const passes of [this.#head, this.#body]) yield* passes.parts()
    for (const prefilter of [this.#commonHead, this.#commonBody]) yield* prefilter.parts()
    this.#shapes.build()
  }

  /**
   * Whose literal lies in [start, stop) of the room and ends behind `at`. `base`: how far into the stream what is kept of it begins;
   * `proto`: what its flow is known to speak; `open`: of its ends, as `openAmong` has them.
   */
  // biome-ignore format: one line
  find({ start, at, stop }: InRoom, base: number, proto: AppProto, open: number, found: Candidates): void {
    const begins = base < HEAD_BYTES
    const pass = (begins ? this.#head : this.#body).of(proto)
    const commonHead = begins && (open & this.#headBit) !== 0 && this.#commonHead.patterns > 0
    const commonBody = (open & this.#bodyBit) !== 0 && this.#commonBody.patterns > 0
    if (pass.patterns > 0) pass.look(start, stop, found, at)
    if (commonHead) this.#commonHead.look(start, stop, found, at)
    if (commonBody) this.#commonBody.look(start, stop, found, at)
    if (!this.#shapes.empty) this.#shapes.look(start, stop, found, at)
  }

  get empty(): boolean {
    return this.always.length === 0 && this.longest === 0
  }

  /** Of `always` those to judge with what ends at `end`, kept from `start` on, which is at `base` of the stream. */
  due(
    signatures: readonly Signature[],
    { bytes, start, end, base }: { bytes: Uint8Array; start: number; end: number; base: number },
    lookOn: LookOn,
  ): readonly number[] {
    if (this.always.length === 0) return this.always
    this.#plain ??= new PlainRules(this.always.map((index) => signatures[index] as Signature))
    return this.#plain.due(bytes.subarray(start, end), base, lookOn)
  }

  release(): void {
    this.#plain?.release()
  }
}

/** What streams are looked through for: those of a protocol that many rules ask for, of any other, and those that are not known yet. */
class Passes {
  readonly #room: ScanRoom
  readonly #own = new Map<AppProto, WasmPrefilter>()
  readonly #other: WasmPrefilter
  readonly #all: WasmPrefilter

  constructor(room: ScanRoom) {
    this.#room = room
    this.#other = new WasmPrefilter(room)
    this.#all = new WasmPrefilter(room)
  }

  /** Streams of this protocol have a pass of their own. */
  open(proto: AppProto): void {
    this.#own.set(proto, new WasmPrefilter(this.#room))
  }

  /** One of a protocol that has no pass of its own is looked for with the others. */
  add({ bytes, nocase }: FastPattern, index: number, proto: AppProto | undefined): void {
    const own = proto === undefined ? undefined : this.#own.get(proto)
    const places = own ? [own] : [this.#other, ...this.#own.values()]
    for (const prefilter of [this.#all, ...places]) prefilter.add(bytes, nocase, index)
  }

  *parts(): Generator<void> {
    for (const prefilter of [this.#all, this.#other, ...this.#own.values()])
      yield* prefilter.parts()
  }

  of(proto: AppProto): WasmPrefilter {
    return proto === 'unknown' ? this.#all : (this.#own.get(proto) ?? this.#other)
  }
}
