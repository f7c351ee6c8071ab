/**
 * The rules that look at one direction of streams: those that ask for something at its beginning, those of one protocol, and
 * the others. A stream is looked through for those alone that may still be met in it.
 */
import type { AppProto } from '../../decode/records.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import type { ScanRoom } from '../prefilter/scan-room.ts'
import { ShapeFilter } from '../prefilter/shapes.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import type { FlowTableLike } from './flows.ts'
import type { LookOn } from './look-on.ts'
import { mustBeWithin } from './near-start.ts'
import { isByPort, OpenPorts } from './open-ports.ts'
import { PlainRules } from './plain-rules.ts'
import type { Shape } from './regex-shape.ts'
import type { FastPattern, Signature } from './rule.ts'

/** What is the beginning of a stream. */
const HEAD_BYTES = 1024
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

export class StreamRules {
  /** Judged with every piece: no literal of theirs must be there. */
  readonly always: number[] = []
  /** Bytes of the longest literal. */
  longest = 0
  readonly #room: ScanRoom
  readonly #added: Added[] = []
  readonly #head: WasmPrefilter
  /** Beyond the beginning: of streams of these protocols, of any other, and of those that are not known yet. */
  readonly #own = new Map<AppProto, WasmPrefilter>()
  readonly #other: WasmPrefilter
  readonly #all: WasmPrefilter
  /** Literals that are anywhere: in streams of these ports alone. */
  readonly #commonHead: WasmPrefilter
  readonly #commonBody: WasmPrefilter
  readonly #headPorts = new OpenPorts()
  readonly #bodyPorts = new OpenPorts()
  readonly #shapes: ShapeFilter
  #plain: PlainRules | undefined

  constructor(room: ScanRoom) {
    this.#room = room
    this.#head = new WasmPrefilter(room)
    this.#other = new WasmPrefilter(room)
    this.#all = new WasmPrefilter(room)
    this.#commonHead = new WasmPrefilter(room)
    this.#commonBody = new WasmPrefilter(room)
    this.#shapes = new ShapeFilter(room)
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
    for (const fast of found) {
      const common = isByPort(signature, fast)
      if (common) (head ? this.#headPorts : this.#bodyPorts).openFor(signature)
      this.#added.push({ index, common, fast, head, proto })
      this.longest = Math.max(this.longest, fast.bytes.length)
    }
  }

  *parts(): Generator<void> {
    const own = new Map<AppProto, number>()
    for (const { common, head, proto } of this.#added)
      if (!common && !head && proto !== undefined) own.set(proto, (own.get(proto) ?? 0) + 1)
    for (const [proto, count] of own)
      if (count >= OWN_LEAST) this.#own.set(proto, new WasmPrefilter(this.#room))
    for (const each of this.#added) {
      for (const prefilter of this.#placesOf(each))
        prefilter.add(each.fast.bytes, each.fast.nocase, each.index)
      yield
    }
    this.#added.length = 0
    const anywhere = [this.#head, this.#other, this.#all, ...this.#own.values()]
    for (const prefilter of [...anywhere, this.#commonHead, this.#commonBody])
      yield* prefilter.parts()
    this.#shapes.build()
  }

  /** One of a protocol that has no pass of its own is looked for with the others. */
  #placesOf({ common, head, proto }: Added): readonly WasmPrefilter[] {
    if (common) return [head ? this.#commonHead : this.#commonBody]
    if (head) return [this.#head]
    const own = proto === undefined ? undefined : this.#own.get(proto)
    return own ? [this.#all, own] : [this.#all, this.#other, ...this.#own.values()]
  }

  /**
   * Whose literal lies in [start, end) of `bytes` and ends behind `fresh`. `base`: how far into the stream the bytes begin;
   * `key`: its flow and direction; `proto`: what that is known to speak.
   */
  find(
    bytes: Uint8Array,
    { start, end, fresh, base }: { start: number; end: number; fresh: number; base: number },
    { key, proto, flows }: { key: number; proto: AppProto; flows: FlowTableLike },
    found: Candidates,
  ): void {
    const [client, server] = [flows.clientPort[key >> 1] as number, flows.serverPort[key >> 1] as number] // biome-ignore format: one line
    const [from, to] = (key & 1) === 1 ? [client, server] : [server, client]
    const body = proto === 'unknown' ? this.#all : (this.#own.get(proto) ?? this.#other)
    const begins = base < HEAD_BYTES
    const head = begins && this.#head.patterns > 0
    const commonHead = begins && this.#headPorts.areOpen(from, to)
    const commonBody = this.#bodyPorts.areOpen(from, to)
    if (!head && !commonHead && !commonBody && body.patterns === 0 && this.#shapes.empty) return
    this.#room.put(bytes, start, end)
    if (head) this.#head.look(start, end, found, fresh)
    if (commonHead) this.#commonHead.look(start, end, found, fresh)
    if (body.patterns > 0) body.look(start, end, found, fresh)
    if (commonBody) this.#commonBody.look(start, end, found, fresh)
    if (!this.#shapes.empty) this.#shapes.look(start, end, found, fresh)
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
