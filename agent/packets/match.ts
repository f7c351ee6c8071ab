/** Whether a frame belongs to what was asked for: a flow by its Community ID, one or two hosts, or anything of that time. */
import { parseAddress } from '../base/address.ts'
import { readU16 } from '../decode/bytes.ts'
import { decodeFrame, decodeInside } from '../decode/frame.ts'
import { Packet } from '../decode/packet.ts'
import { PROTOCOL } from '../decode/transport.ts'
import { communityId } from '../flow/community-id.ts'

export interface WantedFrames {
  /** Packet time, microseconds since 1970, both ends included. */
  fromUs: number
  toUs: number
  community_id?: string
  /** One address, or the two ends. Not looked at where there is a Community ID. */
  hosts?: readonly string[]
}

const TUNNELS_MAX = 4
const KNOWN_MAX = 65_536
const DATAGRAMS_MAX = 4096

/** A fragment whose datagram is not known yet: the name of the datagram. */
type Undecided = { datagram: string }

export class FrameMatch {
  readonly #isAll: boolean
  readonly #community: string | undefined
  readonly #hosts: readonly Uint32Array[]
  readonly #packet = new Packet()
  readonly #known = new Map<string, boolean>()
  readonly #datagrams = new Set<string>()

  constructor({ community_id, hosts = [] }: WantedFrames) {
    this.#isAll = community_id === undefined && hosts.length === 0
    this.#community = community_id
    const read = community_id ? [] : hosts.map(parseAddress)
    // An end that is no address has no frames: it must not widen what was asked for.
    this.#hosts = read.includes(undefined) ? [] : read.filter((each) => each !== undefined)
  }

  /** Of `bytes`, the frame [start, end). Fragments behind the first are decided by the first. */
  has(
    bytes: Buffer,
    { start, end }: { start: number; end: number },
    linkType: number,
  ): boolean | Undecided {
    // biome-ignore format: one line
    if (this.#isAll) return true
    if (this.#community === undefined && this.#hosts.length === 0) return false
    const packet = this.#packet
    packet.bytes = bytes
    packet.start = start
    packet.end = end
    packet.wireBytes = end - start
    decodeFrame(packet, linkType, -1)
    for (let depth = 0; depth <= TUNNELS_MAX && packet.ipVersion !== 0; depth++) {
      const fits = this.#hosts.length > 0 ? this.#ofHosts(packet) : this.#ofFlow(packet)
      if (fits !== false) return fits
      if (!decodeInside(packet)) break
    }
    return false
  }

  /** Whether the datagram of a fragment turned out to be of the flow. */
  isOurs({ datagram }: Undecided): boolean {
    return this.#datagrams.has(datagram)
  }

  #ofHosts({ src, dest }: Packet): boolean {
    const [a, b] = this.#hosts as [Uint32Array, Uint32Array?]
    if (b === undefined) return same(src, a) || same(dest, a)
    return (same(src, a) && same(dest, b)) || (same(src, b) && same(dest, a))
  }

  #ofFlow(packet: Packet): boolean | Undecided {
    if (!packet.fragment) return this.#isFlow(packet)
    const datagram = `${packet.src.join('.')} ${packet.dest.join('.')} ${packet.protocol} ${packet.ipId}` // biome-ignore format: one line
    if (packet.fragmentOffset > 0) return this.#datagrams.has(datagram) || { datagram }
    readPorts(packet)
    if (!this.#isFlow(packet)) return false
    if (this.#datagrams.size < DATAGRAMS_MAX) this.#datagrams.add(datagram)
    return true
  }

  #isFlow({ protocol, src, dest, srcPort, destPort, icmpType, icmpCode }: Packet): boolean {
    const ends = { protocol, src, dest, srcPort, destPort, icmpType, icmpCode }
    const key = `${protocol} ${src.join('.')} ${dest.join('.')} ${srcPort} ${destPort} ${icmpType} ${icmpCode}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    const is = communityId(ends) === this.#community
    this.#known.set(key, is)
    return is
  }
}

/** A first fragment is not looked into by decode, but its ports stand there. */
function readPorts(packet: Packet): void {
  const { protocol, bytes, l4Offset, end } = packet
  if (protocol !== PROTOCOL.TCP && protocol !== PROTOCOL.UDP) return
  if (l4Offset + 4 > end) return
  packet.srcPort = readU16(bytes, l4Offset)
  packet.destPort = readU16(bytes, l4Offset + 2)
}

function same(a: Uint32Array, b: Uint32Array): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3]
}
