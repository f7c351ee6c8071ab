/** Rules without a literal, by what a packet shows at once: most ask for flags, or for a protocol, that few packets have. */
import type { Packet } from '../../decode/packet.ts'
import { protocolFits } from './header-match.ts'
import type { PacketTest, Signature } from './rule.ts'

/** TCP by its flags, others by their number; each in three directions, in two states, whole or a fragment. */
const CLASSES_MAX = (256 + 256) * 12

export class PacketClasses {
  readonly #all: readonly Signature[]
  /** Made when the first packet of a class comes; at most CLASSES_MAX. */
  readonly #known: (readonly Signature[] | undefined)[] = Array.from(
    { length: CLASSES_MAX },
    () => undefined,
  )

  constructor(all: readonly Signature[]) {
    this.#all = all
  }

  /** Those that this packet may satisfy. */
  of(packet: Packet, established: boolean): readonly Signature[] {
    if (this.#all.length === 0) return this.#all
    const { protocol, tcpFlags, flow, toServer, fragment } = packet
    const way = flow < 0 ? 0 : toServer ? 1 : 2
    const shown = protocol === 6 ? tcpFlags & 0xff : 256 + (protocol & 0xff)
    const place = ((shown * 3 + way) * 2 + (established ? 1 : 0)) * 2 + (fragment ? 1 : 0)
    let known = this.#known[place]
    if (!known) {
      known = this.#all.filter((each) => may(each, packet, established))
      this.#known[place] = known
    }
    return known
  }
}

function may(signature: Signature, packet: Packet, established: boolean): boolean {
  const { header, side, established: asked, needsFlow, packetTests } = signature
  if (!protocolFits(header, packet.protocol)) return false
  if (packetTests.some((test: PacketTest) => test.ofClass && !test(packet))) return false
  if (packet.flow < 0) return !needsFlow && side === 0 && asked === 0
  if (side !== 0 && (side === 1) !== packet.toServer) return false
  return asked === 0 || (asked === 1) === established
}
