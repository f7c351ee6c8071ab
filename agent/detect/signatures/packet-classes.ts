/** Rules that no literal is looked for, by what a packet shows at once: most ask for flags, a protocol or a port that few packets have. */
import type { Packet } from '../../decode/packet.ts'
import { type FlowTableLike, STATE_ESTABLISHED } from './flows.ts'
import { isFirst, protocolFits } from './header-match.ts'
import { PacketEnds } from './packet-ends.ts'
import type { PacketTest, Signature } from './rule.ts'

/** TCP by its flags, others by their number; each in three directions, in two states, whole or a fragment, the first of its flow or not, with bytes or without. */
const CLASSES_MAX = (256 + 256) * 48
/** Places for lists by class and ends; who comes with more is given all rules to ask. */
const PLACES_MAX = 262_144

const NONE: readonly Signature[] = []

export class PacketClasses {
  readonly #all: readonly Signature[]
  readonly ends: PacketEnds
  /** Made when the first packet of a class comes; by its ends. */
  readonly #known: ((readonly Signature[] | undefined)[] | undefined)[]
  #places = 0
  #renewed = 0

  constructor(all: readonly Signature[], ends = new PacketEnds()) {
    this.#all = all
    this.#known = Array.from({ length: all.length > 0 ? CLASSES_MAX : 1 }, () => undefined)
    this.ends = ends
  }

  /** Those that this packet, with these ends, may satisfy. */
  of(packet: Packet, ends: number, flows: FlowTableLike): readonly Signature[] {
    if (!this.ends.areAsked(ends)) return NONE
    if (this.ends.renewed !== this.#renewed) this.#forget()
    const { protocol, tcpFlags, flow, toServer, fragment } = packet
    const empty = packet.payloadBytes === 0
    const established = flow >= 0 && (flows.state[flow] as number) >= STATE_ESTABLISHED
    const first = flow < 0 || isFirst(packet, flows)
    const way = flow < 0 ? 0 : toServer ? 1 : 2
    const shown = protocol === 6 ? tcpFlags & 0xff : 256 + (protocol & 0xff)
    const bits = (established ? 1 : 0) | (fragment ? 2 : 0) | (first ? 4 : 0) | (empty ? 8 : 0)
    const place = (shown * 3 + way) * 16 + bits
    return this.#known[place]?.[ends] ?? this.#list(packet, place, ends, { established, first })
  }

  #list(
    packet: Packet,
    place: number,
    ends: number,
    seen: { established: boolean; first: boolean },
  ): readonly Signature[] {
    const lists = this.#known[place] ?? []
    const missing = Math.max(0, ends + 1 - lists.length)
    if (this.#places + missing > PLACES_MAX) return this.#all
    this.#places += missing
    const made = this.#all.filter((each) => may(each, packet, seen) && this.#reaches(each, packet))
    while (lists.length <= ends) lists.push(undefined)
    lists[ends] = made
    this.#known[place] = lists
    return made
  }

  /** Ends have other numbers now. */
  #forget(): void {
    this.#known.fill(undefined)
    this.#places = 0
    this.#renewed = this.ends.renewed
  }

  /** As far as its ends tell: other addresses are asked packet by packet. */
  #reaches({ header: { source, destination } }: Signature, { src, dest }: Packet): boolean {
    if (this.ends.tells(source) && !source.has(src, 0)) return false
    return !this.ends.tells(destination) || destination.has(dest, 0)
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
  if (signature.fast !== undefined && packet.payloadBytes === 0) return false
  if (packetTests.some((test: PacketTest) => test.ofClass && !test(packet))) return false
  if (packet.flow < 0) return !needsFlow && side === 0 && asked === 0
  if (side !== 0 && (side === 1) !== packet.toServer) return false
  if (ipOnly && !first) return false
  return asked === 0 || (asked === 1) === established
}
