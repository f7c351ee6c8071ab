/**
 * The ends of packets, as far as rules tell them apart: packets whose ports and addresses all rules treat alike have one number, which
 * a flow keeps for each direction, so that ports and addresses are looked up once a flow, and a rule that is not for them is left out.
 */
import type { Packet } from '../../decode/packet.ts'
import type { AddressGroup } from './address-group.ts'
import type { OpenPorts } from './open-ports.ts'
import type { Header, Signature } from './rule.ts'

/** Kinds of ends; when there are more, all are told apart anew. */
const ENDS_MAX = 4096
/** Address groups that are told apart, a bit each: those that most rules name. Others are asked packet by packet. */
const GROUPS_MAX = 8
const PORTS = 65_536
/** For which rules are left out, of all kinds together; with further ones rules are asked packet by packet. */
const OUT_BYTES_MAX = 8_388_608

interface Ports {
  /** Ports that it tells from all others. */
  told(): Uint16Array
}

export class PacketEnds {
  /** How often they were told apart anew: numbers mean something else since. */
  renewed = 0
  readonly #from: PortClasses
  readonly #to: PortClasses
  readonly #opened: readonly OpenPorts[]
  readonly #groups: readonly AddressGroup[]
  readonly #rules: number
  readonly #always: readonly Signature[]
  /** By the classes of both ports, then by the groups of both addresses. */
  readonly #known = new Map<number, Map<number, number>>()
  /** By number: of which of `opened` a port is open. */
  readonly #open: number[] = []
  /** By number: whether the ports are those of one of `always`. */
  readonly #asked: boolean[] = []
  /** By number: which rules are left out, a bit each. */
  readonly #out: (Uint32Array | undefined)[] = []
  #outBytes = 0

  /** `headers`: of all rules that such packets may meet, of which `always` are met without a literal; `rules`: how many the set has. */
  constructor({
    headers = [] as readonly Header[],
    always = [] as readonly Signature[],
    opened = [] as readonly OpenPorts[],
    rules = 0,
  } = {}) {
    this.#always = always
    this.#opened = opened
    this.#rules = rules
    this.#from = new PortClasses([
      ...headers.flatMap(({ sourcePorts: ports }) => (ports.any ? [] : [ports])),
      ...opened.map((each) => ({ told: () => each.told('from') })),
    ])
    this.#to = new PortClasses([
      ...headers.flatMap(({ destinationPorts: ports }) => (ports.any ? [] : [ports])),
      ...opened.map((each) => ({ told: () => each.told('to') })),
    ])
    this.#groups = mostNamed(headers)
  }

  /** Before the first packet, in small parts. */
  *parts(): Generator<void> {
    yield* this.#from.parts()
    yield* this.#to.parts()
  }

  /** Whether packets with the same number agree on this group. */
  tells(group: AddressGroup): boolean {
    return this.#groups.includes(group)
  }

  of({ srcPort, destPort, src, dest }: Packet): number {
    const ports = this.#from.of(srcPort) * PORTS + this.#to.of(destPort)
    const addresses = (this.#groupsOf(src) << GROUPS_MAX) | this.#groupsOf(dest)
    const known = this.#known.get(ports)?.get(addresses)
    return known ?? this.#number(ports, addresses, srcPort, destPort)
  }

  /** A bit for each of `opened` for which a port of theirs is open. */
  open(ends: number): number {
    return this.#open[ends] as number
  }

  /** Whether the rule of this number is for other ends. */
  isOut(ends: number, rule: number): boolean {
    const out = this.#out[ends]
    return out !== undefined && ((out[rule >>> 5] as number) & (1 << (rule & 31))) !== 0
  }

  /** A rule that did not fit a packet or flow between such ends is left out from now on, if it is for that. */
  leaveOut(
    ends: number,
    { index, header }: Signature,
    { from, fromAt, fromPort, to, toAt, toPort }: Ends,
  ): void {
    const { source, destination, sourcePorts, destinationPorts } = header
    const ports = sourcePorts.has(fromPort) && destinationPorts.has(toPort)
    const leaves = (group: AddressGroup, address: Uint32Array, at: number) =>
      this.tells(group) && !group.has(address, at)
    if (ports && !leaves(source, from, fromAt) && !leaves(destination, to, toAt)) return
    const out = this.#out[ends] ?? this.#makeOut(ends)
    if (out) out[index >>> 5] = (out[index >>> 5] as number) | (1 << (index & 31))
  }

  #makeOut(ends: number): Uint32Array | undefined {
    const made = new Uint32Array((this.#rules >>> 5) + 1)
    if (this.#outBytes + made.byteLength > OUT_BYTES_MAX) return undefined
    this.#outBytes += made.byteLength
    this.#out[ends] = made
    return made
  }

  /** Whether they may be those of a rule without a literal. */
  areAsked(ends: number): boolean {
    return this.#asked[ends] as boolean
  }

  #number(ports: number, addresses: number, from: number, to: number): number {
    if (this.#open.length >= ENDS_MAX) this.#renew()
    const number = this.#open.length
    let known = this.#known.get(ports)
    if (!known) {
      known = new Map()
      this.#known.set(ports, known)
    }
    known.set(addresses, number)
    let open = 0
    for (const [i, each] of this.#opened.entries()) if (each.areOpen(from, to)) open |= 1 << i
    this.#open.push(open)
    this.#out.push(undefined)
    const ofRule = ({ header: { sourcePorts, destinationPorts } }: Signature) =>
      sourcePorts.has(from) && destinationPorts.has(to)
    this.#asked.push(this.#always.some(ofRule))
    return number
  }

  #renew(): void {
    this.renewed++
    this.#known.clear()
    this.#open.length = 0
    this.#asked.length = 0
    this.#out.length = 0
    this.#outBytes = 0
  }

  #groupsOf(address: Uint32Array): number {
    let bits = 0
    for (let i = 0; i < this.#groups.length; i++)
      if ((this.#groups[i] as AddressGroup).has(address, 0)) bits |= 1 << i
    return bits
  }
}

/** Addresses are four words, from there on. */
export interface Ends {
  from: Uint32Array
  fromAt: number
  fromPort: number
  to: Uint32Array
  toAt: number
  toPort: number
}

function mostNamed(headers: readonly Header[]): AddressGroup[] {
  const named = new Map<AddressGroup, number>()
  for (const { source, destination } of headers)
    for (const group of [source, destination])
      if (!group.any) named.set(group, (named.get(group) ?? 0) + 1)
  const most = [...named].sort(([, a], [, b]) => b - a).slice(0, GROUPS_MAX)
  return most.map(([group]) => group)
}

/** What flows keep of it: a number of theirs for each direction. */
export class FlowEnds {
  /** -1: not asked yet. */
  readonly #ends: Int16Array

  constructor(flowsMax: number) {
    this.#ends = new Int16Array(flowsMax * 2).fill(-1)
  }

  /** `ends`: always the same for a flow. */
  of(packet: Packet, ends: PacketEnds): number {
    const key = packet.flow * 2 + (packet.toServer ? 1 : 0)
    const known = key < 0 ? -1 : (this.#ends[key] as number)
    if (known >= 0) return known
    const { renewed } = ends
    const number = ends.of(packet)
    if (ends.renewed !== renewed) this.clear()
    if (key >= 0) this.#ends[key] = number
    return number
  }

  /** Of a direction; -1: no packet has been asked for it. */
  known(key: number): number {
    return this.#ends[key] as number
  }

  /** Of a direction: as `PacketEnds.open`; all, where no packet has been asked for it. */
  open(key: number, ends: PacketEnds): number {
    const known = this.#ends[key] as number
    return known < 0 ? -1 : ends.open(known)
  }

  forget(flow: number): void {
    this.#ends[flow * 2] = -1
    this.#ends[flow * 2 + 1] = -1
  }

  /** Other rules come. */
  clear(): void {
    this.#ends.fill(-1)
  }
}

const ONE_CLASS = new Uint16Array(PORTS)

/** Ports that all of these groups treat alike are one class. */
class PortClasses {
  readonly #of: Uint16Array
  readonly #groups: ReadonlySet<Ports>
  /** By class. */
  readonly #sizes = [PORTS]

  constructor(groups: readonly Ports[]) {
    this.#groups = new Set(groups)
    this.#of = this.#groups.size > 0 ? new Uint16Array(PORTS) : ONE_CLASS
  }

  *parts(): Generator<void> {
    for (const group of this.#groups) {
      this.#divide(group.told())
      yield
    }
  }

  of(port: number): number {
    return this.#of[port] as number
  }

  /** Of each class that these are a part of, they become another. */
  #divide(ports: Uint16Array): void {
    const inside = new Uint32Array(this.#sizes.length)
    for (const port of ports) {
      const own = this.#of[port] as number
      inside[own] = (inside[own] as number) + 1
    }
    const made = new Map<number, number>()
    for (const [own, count] of inside.entries()) {
      if (count === 0 || count === this.#sizes[own]) continue
      made.set(own, this.#sizes.length)
      this.#sizes[own] = (this.#sizes[own] as number) - count
      this.#sizes.push(count)
    }
    if (made.size === 0) return
    for (const port of ports) {
      const own = this.#of[port] as number
      this.#of[port] = made.get(own) ?? own
    }
  }
}
