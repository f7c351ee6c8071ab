/** A set of rules made ready to match; immutable once loaded. */
import type { AppEvent } from '../../decode/app-events.ts'
import type { PacketEvent } from '../../decode/events.ts'
import { TRANSACTION_PROTOS } from '../../decode/records.ts'
import type { Prefilter } from '../prefilter/prefilter.ts'
import { ScanRoom } from '../prefilter/scan-room.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import { compileRule, Shared } from './compile.ts'
import type { Condition } from './condition.ts'
import { payloadFast } from './fast-pattern.ts'
import type { BufferView, Point, RuleAction, Signature, ThresholdRule } from './rule.ts'
import { Refused, type RuleLine, ruleLines } from './rule-text.ts'
import { defaultVariables, type Variables } from './variables.ts'

/** Signatures of one set; more are refused, with a line each. */
export const SIGNATURES_MAX = 100_000
/** What is kept of a stream so that patterns cut by segments are found. */
export const TAIL_BYTES_MAX = 4096

export interface RuleFile {
  path: string
  text: string
  /** Its rules keep their sid and are judged first when there are too many: no other file takes them away. */
  shipped?: boolean
}

export interface Refusal {
  file: string
  /** From 1: the line the rule starts on. */
  line: number
  sid: number | undefined
  keyword: string | undefined
  reason: string
}

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

/** Signatures that look at the same bytes at the same time. */
export class Lane {
  /** Judged for every buffer: no literal of theirs must be there. */
  readonly always: number[] = []
  readonly prefilter: Prefilter

  constructor(room: ScanRoom) {
    this.prefilter = new WasmPrefilter(room)
  }

  add({ index, fast }: Pick<Signature, 'index' | 'fast'>): void {
    if (fast) this.prefilter.add(fast.bytes, fast.nocase, index)
    else this.always.push(index)
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

export class RuleSet {
  static #generations = 0
  /** Of this process, rising: which set a finding was made by. */
  readonly generation = ++RuleSet.#generations
  readonly signatures: readonly Signature[]
  readonly views: readonly BufferView[]
  readonly #room = new ScanRoom()
  readonly tcp = new Lane(this.#room)
  readonly udp = new Lane(this.#room)
  /** ICMP and every other protocol. */
  readonly other = new Lane(this.#room)
  /** To the client, to the server. */
  readonly streams: readonly [Lane, Lane] = [new Lane(this.#room), new Lane(this.#room)]
  /** Bytes to keep of each direction of a stream. */
  readonly tailBytes: readonly [number, number]
  readonly points: readonly PointLanes[] = TRANSACTION_PROTOS.flatMap(() => [
    new PointLanes(this.#room),
    new PointLanes(this.#room),
    new PointLanes(this.#room),
    new PointLanes(this.#room),
  ])
  /** Those that ask for an event. */
  readonly events = new Map<PacketEvent, number[]>()
  readonly appEvents = new Map<AppEvent, number[]>()
  /** By sid. */
  readonly thresholds: ReadonlyMap<number, ThresholdRule>

  readonly #rules: readonly CompiledRule[]

  private constructor(
    rules: readonly CompiledRule[],
    signatures: readonly Signature[],
    views: readonly BufferView[],
  ) {
    this.#rules = rules
    this.signatures = signatures
    this.views = views
    for (const signature of signatures) this.#place(signature)
    for (const lane of [this.tcp, this.udp, this.other, ...this.streams]) lane.prefilter.build()
    for (const { scans } of this.points) for (const { prefilter } of scans) prefilter.build()
    this.tailBytes = [this.#tail(2), this.#tail(1)]
    this.thresholds = new Map(
      signatures.flatMap(({ hit, threshold }) => (threshold ? [[hit.sid, threshold]] : [])),
    )
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
    const shared = new Shared(variables)
    const { rules, refused, total } = compileFiles(files, shared)
    const signatures = [...rules.values()].flatMap(({ signatures: each }) => each)
    order(signatures, actionOrder)
    shippedFirst(signatures, [...rules.values()])
    const ruleSet = new RuleSet([...rules.values()], signatures, shared.views)
    return { ruleSet, refused, loaded: rules.size, total }
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
      const { index } = signature
      if (fast && (header.anyProtocol || header.tcp))
        this.streams[point.response ? 0 : 1].add({ index, fast })
      return
    }
    if (tcpPacket && (header.anyProtocol || header.tcp)) this.tcp.add(signature)
    if (datagram && (header.anyProtocol || header.udp)) this.udp.add(signature)
    if (datagram && (header.anyProtocol || header.icmp || header.icmpv6)) this.other.add(signature)
    if (!tcpStream || !(header.anyProtocol || header.tcp)) return
    if (side !== 1) this.streams[0].add(signature)
    if (side !== 2) this.streams[1].add(signature)
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

/** How far apart the first and the last byte that a rule asks about may lie. */
function reach(payload: readonly Condition[]): number {
  const [only] = payload
  if (payload.length === 1 && only?.type === 'content') return only.bytes.length - 1
  return TAIL_BYTES_MAX
}

interface CompiledRule {
  rev: number
  file: string
  shipped: boolean
  line: number
  text: string
  signatures: Signature[]
}

function compileFiles(files: readonly RuleFile[], shared: Shared) {
  const rules = new Map<string, CompiledRule>()
  const refused: Refusal[] = []
  let total = 0
  let count = 0
  for (const { path, text, shipped = false } of files)
    for (const rule of ruleLines(text)) {
      total++
      try {
        if (count >= SIGNATURES_MAX)
          throw new Refused(undefined, `a set holds at most ${SIGNATURES_MAX} signatures`)
        const signatures = compileRule(rule.text, shared)
        count += signatures.length
        const old = keepNewest(rules, {
          file: path,
          shipped,
          line: rule.line,
          text: rule.text,
          signatures,
        })
        if (old) refused.push(old)
      } catch (error) {
        refused.push(refusal(path, rule, error))
      }
    }
  return { rules, refused, total }
}

/** Of two rules with one sid the one that is shipped stays, else the higher revision; what goes is told. */
function keepNewest(
  rules: Map<string, CompiledRule>,
  found: Omit<CompiledRule, 'rev'>,
): Refusal | undefined {
  const hit = found.signatures[0]?.hit
  if (!hit) return undefined
  const key = `${hit.gid}:${hit.sid}`
  const known = rules.get(key)
  const { shipped = false } = rules.get(`${GID}:${hit.sid}`) ?? {}
  const taken = shipped && !found.shipped // under another gid too: a threshold counts by sid
  const newer = !taken && (known === undefined || hit.rev > known.rev)
  if (newer) rules.set(key, { ...found, rev: hit.rev })
  if (!known && !taken) return undefined
  const goes = newer && known ? known : found
  return {
    file: goes.file,
    line: goes.line,
    sid: hit.sid,
    keyword: 'sid',
    reason: taken
      ? 'its sid belongs to a rule that Picket ships'
      : newer
        ? 'a rule with the same sid and a higher rev replaces it'
        : 'a rule with the same sid is loaded already',
  }
}

/** Anything but a Refused is our own mistake and stops the load. */
function refusal(file: string, { line, text }: RuleLine, error: unknown): Refusal {
  if (!(error instanceof Refused)) throw error
  const sid = /[(;]\s*sid\s*:\s*(\d{1,10})\s*;/.exec(text)?.[1]
  return {
    file,
    line,
    sid: sid === undefined ? undefined : Number(sid),
    keyword: error.keyword,
    reason: error.message,
  }
}

/** Of a rule that names none, and of all that Picket ships. */
const GID = 1
const SEVERITY_ORDER = ['critical', 'high', 'medium', 'low']
const ACTIONS: readonly RuleAction[] = ['pass', 'drop', 'reject', 'alert']

/** Pass first, then what sets flow bits before what asks for them, then the worst. */
function order(signatures: Signature[], actions: readonly RuleAction[]): void {
  const place = ({ action }: Signature) => actions.indexOf(action)
  const setter = ({ bitChanges, bitTests }: Signature) =>
    bitChanges.length > 0 ? (bitTests.length > 0 ? 1 : 0) : bitTests.length > 0 ? 2 : 0
  const severity = ({ hit }: Signature) => SEVERITY_ORDER.indexOf(hit.severity)
  const worst = (a: Signature, b: Signature) =>
    severity(a) - severity(b) || a.hit.priority - b.hit.priority || a.hit.sid - b.hit.sid
  signatures.sort((a, b) => place(a) - place(b) || setter(a) - setter(b) || worst(a, b))
  signatures.forEach((signature, index) => {
    signature.index = index
  })
  const ranked = [...signatures].sort(
    (a, b) => Number(b.action === 'pass') - Number(a.action === 'pass') || worst(a, b),
  )
  ranked.forEach((signature, rank) => {
    signature.rank = rank
  })
}

/** However many others match everything, and however bad they say they are. */
function shippedFirst(signatures: readonly Signature[], rules: readonly CompiledRule[]): void {
  const shipped = new Set(rules.flatMap((rule) => (rule.shipped ? rule.signatures : [])))
  if (shipped.size === 0) return
  const last = (signature: Signature) => Number(!shipped.has(signature))
  const ranked = [...signatures].sort((a, b) => last(a) - last(b) || a.rank - b.rank)
  for (const [rank, signature] of ranked.entries()) signature.rank = rank
}

/** `picket rules check`: what would load, and why the rest would not. */
export function checkRules(
  files: readonly RuleFile[],
  variables: Variables = defaultVariables(),
): { total: number; loaded: number; refused: Refusal[] } {
  const { total, loaded, refused } = RuleSet.load(files, variables)
  return { total, loaded, refused }
}
