/** A set of rules made ready to match; immutable once loaded. */
import type { AppEvent } from '../../decode/app-events.ts'
import type { PacketEvent } from '../../decode/events.ts'
import type { Packet } from '../../decode/packet.ts'
import { TRANSACTION_PROTOS } from '../../decode/records.ts'
import { ScanRoom, STREAM_BEFORE_MAX } from '../prefilter/scan-room.ts'
import { Shared } from './compile.ts'
import type { Condition } from './condition.ts'
import { payloadFast } from './fast-pattern.ts'
import { DatagramRules, type PacketRules, PointLanes, pointIndex } from './lanes.ts'
import type { PacketEnds } from './packet-ends.ts'
import { SegmentRules } from './packet-lanes.ts'
import type { BufferView, RuleAction, Signature, ThresholdRule } from './rule.ts'
import { type CompiledRule, compileFiles, type Refusal, type RuleFile } from './rule-files.ts'
import { ACTIONS, order } from './rule-order.ts'
import { StreamRules } from './stream-lanes.ts'
import { defaultVariables, type Variables } from './variables.ts'

/** What is kept of a stream so that patterns cut by segments are found. */
export const TAIL_BYTES_MAX = STREAM_BEFORE_MAX

/** Numbers of signatures are begun anew past it; what flows remember of rules is then another's at worst for their life. */
const IDS_MAX = 2 ** 30

/** A loaded rule as pages show it. */
export interface RuleInfo {
  rule_id: string
  sid: number
  rev: number
  msg: string
  severity: string
  attack_ids: string[]
  file: string
  line: number
  enabled: boolean
  text: string
}

export interface Loaded {
  ruleSet: RuleSet
  refused: Refusal[]
  loaded: number
  total: number
}

export class RuleSet {
  static #generations = 0
  /** Of this process, rising: which set a finding was made by. */
  readonly generation = ++RuleSet.#generations
  /** Of the set whose numbers of rules go on in this one. */
  follows = 0
  readonly signatures: readonly Signature[]
  readonly views: readonly BufferView[]
  readonly room = new ScanRoom()
  readonly tcp = new SegmentRules(this.room)
  readonly udp = new DatagramRules(this.room)
  /** ICMP and every other protocol. */
  readonly other = new DatagramRules(this.room)
  /** To the client, to the server. */
  readonly streams: readonly [StreamRules, StreamRules] = [
    new StreamRules(this.room),
    new StreamRules(this.room),
  ]
  /** Bytes to keep of each direction of a stream. */
  readonly tailBytes: readonly [number, number]
  readonly points: readonly PointLanes[] = TRANSACTION_PROTOS.flatMap(() => [
    new PointLanes(this.room),
    new PointLanes(this.room),
    new PointLanes(this.room),
    new PointLanes(this.room),
  ])
  /** Those that ask for an event. */
  readonly events = new Map<PacketEvent, number[]>()
  readonly appEvents = new Map<AppEvent, number[]>()
  /** By sid. */
  readonly thresholds: ReadonlyMap<number, ThresholdRule>

  readonly shared: Shared

  readonly #rules: readonly CompiledRule[]
  /** Its rules by their text: they serve the next set too. Those about sets of values do not, which are each load's own. */
  readonly known = new Map<string, CompiledRule>()
  /** By what names a signature in every set; and by the number that stands for the name. */
  readonly #ids = new Map<string, number>()
  readonly #indexes = new Map<number, number>()
  #nextId: number

  /** Empty until `parts` is through. */
  constructor(rules: readonly CompiledRule[], signatures: readonly Signature[], shared: Shared) {
    this.#rules = rules
    this.signatures = signatures
    this.shared = shared
    this.views = shared.views
    this.#nextId = 0
    this.tailBytes = [this.#tail(2), this.#tail(1)]
    this.thresholds = new Map(
      signatures.flatMap(({ hit, threshold }) => (threshold ? [[hit.sid, threshold]] : [])),
    )
  }

  /** Signatures get their numbers and go where they are looked for, and tables are laid out: all of it, in small parts. */
  *parts(before: RuleSet | undefined): Generator<void> {
    const known = before && before.#nextId < IDS_MAX ? before : undefined
    const ids = known ? known.#ids : new Map<string, number>()
    this.#nextId = known ? known.#nextId : 0
    this.follows = known ? known.generation : 0
    for (const rule of this.#rules) {
      if (!rule.text.includes('dataset')) this.known.set(rule.text, rule)
      for (const [ordinal, signature] of rule.signatures.entries()) {
        this.#identify(signature, ordinal, ids)
        this.#place(signature)
        yield
      }
    }
    for (const rules of [this.tcp, this.udp, this.other, ...this.streams]) yield* rules.parts()
    for (const stream of this.streams) stream.openAmong(this.tcp.opened)
    yield* this.tcp.classify(this.signatures, (each) => each.anyProtocol || each.tcp)
    yield* this.udp.classify(this.signatures, (each) => each.anyProtocol || each.udp)
    yield* this.other.classify(this.signatures, (each) => each.anyProtocol || each.icmp || each.icmpv6) // biome-ignore format: one line
    for (const { scans } of this.points) for (const { prefilter } of scans) yield* prefilter.parts()
  }

  #identify(signature: Signature, ordinal: number, before: ReadonlyMap<string, number>): void {
    const { gid, sid, rev } = signature.hit
    const name = `${gid}:${sid}:${rev}:${ordinal}`
    signature.id = before.get(name) ?? this.#nextId++
    this.#ids.set(name, signature.id)
    this.#indexes.set(signature.id, signature.index)
  }

  /** Those that may look at it. */
  ofPacket({ fault, protocol }: Packet): PacketRules {
    if (fault !== undefined) return this.other
    return protocol === 6 ? this.tcp : protocol === 17 ? this.udp : this.other
  }

  /** Those whose ends flows of this protocol have. */
  endsOf(protocol: number): PacketEnds {
    const { classes } = protocol === 6 ? this.tcp : protocol === 17 ? this.udp : this.other
    return classes.ends
  }

  /** Where the signature of this id is; -1: its rule is gone. */
  indexOf(id: number): number {
    return this.#indexes.get(id) ?? -1
  }

  /** Gives back what lies outside of JavaScript's memory and `next` has not taken over, in small parts. In force nowhere now. */
  *release(next: RuleSet): Generator<void> {
    for (const { text, signatures } of this.#rules) {
      if (!next.shared.goesOn || !next.known.has(text))
        for (const signature of signatures) releaseSignature(signature)
      yield
    }
    for (const rules of this.streams) rules.release()
  }

  get size(): number {
    return this.signatures.length
  }

  /** Every loaded rule, by sid. */
  describe(): RuleInfo[] {
    return this.#rules
      .flatMap(({ file, line, text, signatures: [signature] }) => {
        if (!signature) return []
        const { rule_id, sid, rev, msg, severity, attack_ids } = signature.hit
        const about = { rule_id, sid, rev, msg, severity, attack_ids: [...attack_ids] }
        return [{ ...about, file, line, enabled: true, text }]
      })
      .sort((a, b) => a.sid - b.sid)
  }

  static load(
    files: readonly RuleFile[],
    variables: Variables = defaultVariables(),
    actionOrder: readonly RuleAction[] = ACTIONS,
  ): Loaded {
    const loading = new RuleLoading(files, { variables, actionOrder })
    for (;;) {
      const loaded = loading.step(Number.POSITIVE_INFINITY)
      if (loaded) return loaded
    }
  }

  #place(signature: Signature): void {
    const { header, point, side, tcpPacket, tcpStream, datagram, event, appEvent } = signature
    if (appEvent !== undefined) {
      const asked = this.appEvents.get(appEvent)
      if (asked) asked.push(signature.index)
      else this.appEvents.set(appEvent, [signature.index])
      return
    }
    if (event !== undefined) {
      const asked = this.events.get(event)
      if (asked) asked.push(signature.index)
      else this.events.set(event, [signature.index])
      return
    }
    if (point) {
      this.points[pointIndex(point.proto, point.response, point.body)]?.add(signature)
      // What its plain contents ask may have gone by when the transaction is there.
      const fast = payloadFast(signature.payload)
      if (fast && (header.anyProtocol || header.tcp))
        this.streams[point.response ? 0 : 1].add(signature, [fast])
      return
    }
    if (tcpPacket && (header.anyProtocol || header.tcp)) this.tcp.add(signature)
    if (datagram && (header.anyProtocol || header.udp)) this.udp.add(signature)
    if (datagram && (header.anyProtocol || header.icmp || header.icmpv6)) this.other.add(signature)
    if (!tcpStream || !(header.anyProtocol || header.tcp)) return
    const { shape, leads, fast } = signature
    const found = shape ?? leads ?? (fast ? [fast] : [])
    if (side !== 1) this.streams[0].add(signature, found)
    if (side !== 2) this.streams[1].add(signature, found)
  }

  #tail(side: 1 | 2): number {
    let need = 0
    for (const { tcpStream, side: own, payload, point } of this.signatures) {
      if (own !== 0 && own !== side) continue
      // What a transaction is found by may be anywhere in what is kept.
      if (point !== undefined && payload.length > 0) need = TAIL_BYTES_MAX
      else if (tcpStream) need = Math.max(need, reach(payload))
    }
    return need
  }
}

const conditionsOf = ({ conditions }: { conditions: readonly Condition[] }) => conditions

function releaseSignature({ payload, buffers, packetParts }: Signature): void {
  for (const list of [payload, ...buffers.map(conditionsOf), ...packetParts.map(conditionsOf)])
    for (const condition of list) releaseCondition(condition)
}

function releaseCondition(condition: Condition): void {
  if (condition.type === 'pcre') condition.regex.release()
  else if (condition.type === 'base64')
    for (const inner of condition.conditions) releaseCondition(inner)
}

/** How far apart the first and the last byte that a rule asks about may lie. */
function reach(payload: readonly Condition[]): number {
  const [only] = payload
  if (payload.length === 1 && only?.type === 'content') return only.bytes.length - 1
  return TAIL_BYTES_MAX
}

export interface LoadingOptions {
  variables?: Variables
  actionOrder?: readonly RuleAction[] | undefined
  /** The set whose place the new one takes: values that its rules have gathered stay. */
  before?: RuleSet | undefined
}

/** A set being loaded, a little at a time: packets do not wait for ten thousand rules. */
export class RuleLoading {
  readonly #work: Generator<void, Loaded>

  constructor(files: readonly RuleFile[], options: LoadingOptions = {}) {
    this.#work = load(files, options)
  }

  /** Works until then (performance.now); what is loaded once all is done. A step may be late by one rule's compilation. */
  step(untilMs: number): Loaded | undefined {
    do {
      const { done, value } = this.#work.next()
      if (done) return value
    } while (performance.now() < untilMs)
    return undefined
  }
}

function* load(
  files: readonly RuleFile[],
  { variables = defaultVariables(), actionOrder = ACTIONS, before }: LoadingOptions,
): Generator<void, Loaded> {
  const shared = new Shared(variables, before?.shared)
  const known = before && shared.goesOn ? before.known : new Map<string, CompiledRule>()
  const { rules, refused, total } = yield* compileFiles(files, shared, known)
  const compiled = [...rules.values()]
  const all = compiled.flatMap((rule) => rule.signatures)
  const shipped = new Set(compiled.flatMap((rule) => (rule.shipped ? rule.signatures : [])))
  yield
  const signatures = yield* order(all, actionOrder, shipped)
  yield
  const ruleSet = new RuleSet(compiled, signatures, shared)
  yield* ruleSet.parts(before)
  return { ruleSet, refused, loaded: rules.size, total }
}

/** `picket rules check`: what would load, and why the rest would not. */
export function checkRules(
  files: readonly RuleFile[],
  variables: Variables = defaultVariables(),
): { total: number; loaded: number; refused: Refusal[] } {
  const { total, loaded, refused } = RuleSet.load(files, variables)
  return { total, loaded, refused }
}
