/**
 * The ends of packets, as far as rules tell them apart: packets whose ports and addresses all rules treat alike have one number, which
 * a flow keeps for each direction, so that ports and addresses are looked up once a flow.
 */
import type { Packet } from '../../decode/packet.ts'
import type { AddressGroup } from './address-group.ts'
import type { OpenPorts } from './open-ports.ts'
import type { Header } from './rule.ts'

/** Kinds of ends; packets of more are of the kind that may satisfy any rule. */
const ENDS_MAX = 4096
/** Any rule may fit them. */
export const ANY_ENDS = 0
const ALL_OPEN = -1
/** Address groups that are told apart, a bit each; others are asked packet by packet. */
const GROUPS_MAX = 16
const PORTS = 65_536

interface Ports {
  has(port: number): boolean
}

export class PacketEnds {
  readonly #from: PortClasses
  readonly #to: PortClasses
  readonly #opened: readonly OpenPorts[]
  readonly #groups: readonly AddressGroup[]
  /** By the classes of both ports, then by the groups of both addresses. */
  readonly #known = new Map<number, Map<number, number>>()
  /** By number: of which of `opened` a port is open. */
  readonly #open: number[] = [ALL_OPEN]
  /** By number: whether the ports are those of one of `headers`. */
  readonly #asked: boolean[] = [true]
  readonly #headers: readonly Header[]

  constructor(headers: readonly Header[], opened: readonly OpenPorts[]) {
    this.#headers = headers
    this.#opened = opened
    this.#from = new PortClasses([
      ...headers.flatMap(({ sourcePorts: ports }) => (ports.any ? [] : [ports])),
      ...opened.map((each) => ({ has: (port: number) => each.areOpen(port, 0) })),
    ])
    this.#to = new PortClasses([
      ...headers.flatMap(({ destinationPorts: ports }) => (ports.any ? [] : [ports])),
      ...opened.map((each) => ({ has: (port: number) => each.areOpen(0, port) })),
    ])
    const groups = new Set(headers.flatMap(({ source, destination }) => [source, destination]))
    this.#groups = [...groups].filter(({ any }) => !any).slice(0, GROUPS_MAX)
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

  /** Whether they may be those of a rule. */
  areAsked(ends: number): boolean {
    return this.#asked[ends] as boolean
  }

  #number(ports: number, addresses: number, from: number, to: number): number {
    const number = this.#open.length
    if (number >= ENDS_MAX) return ANY_ENDS
    let known = this.#known.get(ports)
    if (!known) {
      known = new Map()
      this.#known.set(ports, known)
    }
    known.set(addresses, number)
    let open = 0
    for (const [i, each] of this.#opened.entries()) if (each.areOpen(from, to)) open |= 1 << i
    this.#open.push(open)
    const ofRule = ({ sourcePorts, destinationPorts }: Header) =>
      sourcePorts.has(from) && destinationPorts.has(to)
    this.#asked.push(this.#headers.some(ofRule))
    return number
  }

  #groupsOf(address: Uint32Array): number {
    let bits = 0
    for (let i = 0; i < this.#groups.length; i++)
      if ((this.#groups[i] as AddressGroup).has(address, 0)) bits |= 1 << i
    return bits
  }
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
    if (packet.flow < 0) return ends.of(packet)
    const key = packet.flow * 2 + (packet.toServer ? 1 : 0)
    const known = this.#ends[key] as number
    if (known >= 0) return known
    const number = ends.of(packet)
    this.#ends[key] = number
    return number
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
  #count = 1

  constructor(groups: readonly Ports[]) {
    this.#groups = new Set(groups)
    this.#of = this.#groups.size > 0 ? new Uint16Array(PORTS) : ONE_CLASS
  }

  *parts(): Generator<void> {
    for (const group of this.#groups) {
      this.#divide(group)
      yield
    }
  }

  of(port: number): number {
    return this.#of[port] as number
  }

  #divide(group: Ports): void {
    const made = new Int32Array(this.#count * 2).fill(-1)
    this.#count = 0
    for (let port = 0; port < PORTS; port++) {
      const key = (this.#of[port] as number) * 2 + (group.has(port) ? 1 : 0)
      if (made[key] === -1) made[key] = this.#count++
      this.#of[port] = made[key] as number
    }
  }
}
