/** Rules without a literal, by what a packet shows at once: most ask for flags, or for a protocol, that few packets have. */
import type { Packet } from '../../decode/packet.ts'
import { type FlowTableLike, STATE_ESTABLISHED } from './flows.ts'
import { isFirst, protocolFits } from './header-match.ts'
import { OpenPorts } from './open-ports.ts'
import type { PacketTest, Signature } from './rule.ts'

/** TCP by its flags, others by their number; each in three directions, in two states, whole or a fragment, the first of its flow or not. */
const CLASSES_MAX = (256 + 256) * 24
/** Rules for more ports are for nearly every packet. */
const FEW_PORTS = 1024

/** The rules of one class: those for whatever ports, and all. */
interface Known {
  anyPorts: readonly Signature[]
  all: readonly Signature[]
}

export class PacketClasses {
  readonly #all: readonly Signature[]
  /** Of the rules for few ports. */
  readonly #ports = new OpenPorts()
  readonly #ported = new Set<Signature>()
  /** Made when the first packet of a class comes; at most CLASSES_MAX. */
  readonly #known: (Known | undefined)[] = Array.from({ length: CLASSES_MAX }, () => undefined)

  constructor(all: readonly Signature[]) {
    this.#all = all
    for (const signature of all) {
      const { sourcePorts, destinationPorts } = signature.header
      const to = destinationPorts.count <= FEW_PORTS
      if (!to && sourcePorts.count > FEW_PORTS) continue
      this.#ported.add(signature)
      this.#ports.open(to ? 'to' : 'from', to ? destinationPorts : sourcePorts)
    }
  }

  /** Those that this packet may satisfy. */
  of(packet: Packet, flows: FlowTableLike): readonly Signature[] {
    if (this.#all.length === 0) return this.#all
    const { protocol, tcpFlags, flow, toServer, fragment, srcPort, destPort } = packet
    const established = flow >= 0 && (flows.state[flow] as number) >= STATE_ESTABLISHED
    const first = flow < 0 || isFirst(packet, flows)
    const way = flow < 0 ? 0 : toServer ? 1 : 2
    const shown = protocol === 6 ? tcpFlags & 0xff : 256 + (protocol & 0xff)
    const bits = (established ? 1 : 0) | (fragment ? 2 : 0) | (first ? 4 : 0)
    const place = (shown * 3 + way) * 8 + bits
    let known = this.#known[place]
    if (!known) {
      const all = this.#all.filter((each) => may(each, packet, established, first))
      known = { all, anyPorts: all.filter((each) => !this.#ported.has(each)) }
      this.#known[place] = known
    }
    return this.#ports.areOpen(srcPort, destPort) ? known.all : known.anyPorts
  }
}

function may(signature: Signature, packet: Packet, established: boolean, first: boolean): boolean {
  const { header, side, established: asked, needsFlow, packetTests, ipOnly } = signature
  if (!protocolFits(header, packet.protocol)) return false
  if (packetTests.some((test: PacketTest) => test.ofClass && !test(packet))) return false
  if (packet.flow < 0) return !needsFlow && side === 0 && asked === 0
  if (side !== 0 && (side === 1) !== packet.toServer) return false
  if (ipOnly && !first) return false
  return asked === 0 || (asked === 1) === established
}
