/** Rules without a literal, by what a packet shows at once: most ask for flags, a protocol or a port that few packets have. */
import type { Packet } from '../../decode/packet.ts'
import { type FlowTableLike, STATE_ESTABLISHED } from './flows.ts'
import { isFirst, protocolFits } from './header-match.ts'
import type { PortGroup } from './port-group.ts'
import type { PacketTest, Signature } from './rule.ts'

/** TCP by its flags, others by their number; each in three directions, in two states, whole or a fragment, the first of its flow or not. */
const CLASSES_MAX = (256 + 256) * 24
/** Lists by class and ports; who comes with more is given all rules to ask. */
const LISTS_MAX = 16_384
const PORTS = 65_536

export class PacketClasses {
  readonly #all: readonly Signature[]
  readonly #from: PortClasses
  readonly #to: PortClasses
  /** Made when the first packet of a class comes; by the classes of its ports. */
  readonly #known: (Map<number, readonly Signature[]> | undefined)[]
  #lists = 0

  constructor(all: readonly Signature[]) {
    this.#all = all
    this.#known = Array.from({ length: all.length > 0 ? CLASSES_MAX : 1 }, () => undefined)
    this.#from = new PortClasses(all.map(({ header }) => header.sourcePorts))
    this.#to = new PortClasses(all.map(({ header }) => header.destinationPorts))
  }

  /** Before the first packet, in small parts. */
  *parts(): Generator<void> {
    yield* this.#from.parts()
    yield* this.#to.parts()
  }

  /** Those that this packet may satisfy. */
  of(packet: Packet, flows: FlowTableLike): readonly Signature[] {
    const { protocol, tcpFlags, flow, toServer, fragment, srcPort, destPort } = packet
    const established = flow >= 0 && (flows.state[flow] as number) >= STATE_ESTABLISHED
    const first = flow < 0 || isFirst(packet, flows)
    const way = flow < 0 ? 0 : toServer ? 1 : 2
    const shown = protocol === 6 ? tcpFlags & 0xff : 256 + (protocol & 0xff)
    const bits = (established ? 1 : 0) | (fragment ? 2 : 0) | (first ? 4 : 0)
    const place = (shown * 3 + way) * 8 + bits
    const ports = this.#from.of(srcPort) * PORTS + this.#to.of(destPort)
    const known = this.#known[place]?.get(ports)
    return known ?? this.#list(packet, place, ports, { established, first })
  }

  #list(
    packet: Packet,
    place: number,
    ports: number,
    seen: { established: boolean; first: boolean },
  ): readonly Signature[] {
    if (this.#lists >= LISTS_MAX) return this.#all
    this.#lists++
    const made = this.#all.filter((each) => may(each, packet, seen))
    let known = this.#known[place]
    if (!known) {
      known = new Map()
      this.#known[place] = known
    }
    known.set(ports, made)
    return made
  }
}

function may(
  signature: Signature,
  packet: Packet,
  { established, first }: { established: boolean; first: boolean },
): boolean {
  const { header, side, established: asked, needsFlow, packetTests, ipOnly } = signature
  const { sourcePorts, destinationPorts } = header
  if (!protocolFits(header, packet.protocol)) return false
  if (!sourcePorts.has(packet.srcPort) || !destinationPorts.has(packet.destPort)) return false
  if (packet.fragment && !(sourcePorts.any && destinationPorts.any)) return false
  if (packetTests.some((test: PacketTest) => test.ofClass && !test(packet))) return false
  if (packet.flow < 0) return !needsFlow && side === 0 && asked === 0
  if (side !== 0 && (side === 1) !== packet.toServer) return false
  if (ipOnly && !first) return false
  return asked === 0 || (asked === 1) === established
}

const ONE_CLASS = new Uint16Array(PORTS)

/** Ports that all of these groups treat alike are one class. */
class PortClasses {
  readonly #of: Uint16Array
  readonly #groups: ReadonlySet<PortGroup>
  #count = 1

  constructor(groups: readonly PortGroup[]) {
    this.#groups = new Set(groups.filter(({ any }) => !any))
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

  #divide(group: PortGroup): void {
    const made = new Int32Array(this.#count * 2).fill(-1)
    this.#count = 0
    for (let port = 0; port < PORTS; port++) {
      const key = (this.#of[port] as number) * 2 + (group.has(port) ? 1 : 0)
      if (made[key] === -1) made[key] = this.#count++
      this.#of[port] = made[key] as number
    }
  }
}
