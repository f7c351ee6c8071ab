/** An AF_PACKET socket with a TPACKET_V3 ring: numbers and structures of linux/if_packet.h. */
import koffi from 'koffi'
import { Failure } from '../base/failure.ts'
import * as libc from './libc.ts'
import { LINK } from './source.ts'

const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const ETH_P_ALL = 0x0003
const SOL_PACKET = 263
const SOL_SOCKET = 1
const SO_ERROR = 4
const SO_ATTACH_FILTER = 26
const SO_DETACH_FILTER = 27
const PACKET_ADD_MEMBERSHIP = 1
const PACKET_RX_RING = 5
const PACKET_STATISTICS = 6
const PACKET_VERSION = 10
const PACKET_FANOUT = 18
const PACKET_IGNORE_OUTGOING = 23
const TPACKET_V3 = 2
const MR_PROMISC = 1
const FANOUT_HASH = 0
const FANOUT_IGNORE_OUTGOING = 0x4000 // the group's hook has a flag of its own (Linux 5.18)
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const FRAME_BYTES = 2048 // of no meaning in version 3, but it must divide the block
const POLLIN = 1
const POLLERR = 8

/** The program `ret 0`, which takes no packet, and the structure that points at it. */
const TAKE_NOTHING = Buffer.from('0600000000000000', 'hex')

export interface Geometry {
  blockBytes: number
  blocks: number
  /** A block that is not full is handed over after this long. */
  retireMs: number
}

export class PacketSocket {
  readonly fd: number
  readonly index: number
  readonly name: string
  #ring: { pointer: bigint; size: number } | undefined
  readonly #pollfd = Buffer.alloc(8)
  readonly #statistics = Buffer.alloc(12)

  /** Opened deaf: nothing is received before `hear`. */
  constructor(name: string) {
    this.name = name
    this.index = libc.ifNameToIndex(name)
    if (this.index === 0)
      throw new Failure('not-found', `There is no network interface ${name} here.`, {
        interface: name,
      })
    this.fd = libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)
    if (this.fd < 0) throw this.#failure('open a packet socket')
    this.#pollfd.writeInt32LE(this.fd)
    this.#pollfd.writeInt16LE(POLLIN, 4)
  }

  /** Makes the ring and maps it. */
  ring(geometry: Geometry): ArrayBuffer {
    const { blockBytes, blocks, retireMs } = geometry
    this.#set(SOL_PACKET, PACKET_VERSION, words(TPACKET_V3), 'choose TPACKET_V3')
    const request = words(
      blockBytes,
      blocks,
      FRAME_BYTES,
      (blockBytes / FRAME_BYTES) * blocks,
      retireMs,
      0,
      0,
    )
    this.#set(SOL_PACKET, PACKET_RX_RING, request, 'get memory for the ring')
    const size = blockBytes * blocks
    const pointer = libc.mmap(null, size, PROT_READ_WRITE, MAP_SHARED, this.fd, 0)
    if (pointer === null || BigInt.asIntN(64, pointer) === -1n) throw this.#failure('map the ring')
    this.#ring = { pointer, size }
    return libc.memory(pointer, size)
  }

  /** Binds, still deaf, sees every frame of the wire but none that this machine sends. */
  join(fanoutGroup: number | undefined): void {
    this.deafen()
    this.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, words(1), 'leave outgoing frames out')
    const address = Buffer.alloc(20)
    address.writeUInt16LE(AF_PACKET)
    address.writeUInt16BE(ETH_P_ALL, 2)
    address.writeInt32LE(this.index, 4)
    if (libc.bind(this.fd, address, address.length) < 0) throw this.#failure('bind')
    const membership = Buffer.alloc(16)
    membership.writeInt32LE(this.index)
    membership.writeUInt16LE(MR_PROMISC, 4)
    this.#set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, 'see frames for others')
    if (fanoutGroup === undefined) return
    const member = (type: number) => words((fanoutGroup & 0xffff) | (type << 16))
    const flagged = member(FANOUT_HASH | FANOUT_IGNORE_OUTGOING)
    if (libc.setsockopt(this.fd, SOL_PACKET, PACKET_FANOUT, flagged, 4) === 0) return
    this.#set(SOL_PACKET, PACKET_FANOUT, member(FANOUT_HASH), 'share the interface among shards')
  }

  /** From the return of this call on, frames are received. */
  hear(): void {
    this.#set(SOL_SOCKET, SO_DETACH_FILTER, words(0), 'begin to receive')
  }

  /** From the return of this call on, no frame is received. */
  deafen(): void {
    const program = Buffer.alloc(16)
    program.writeUInt16LE(1)
    program.writeBigUInt64LE(koffi.address(TAKE_NOTHING), 8)
    this.#set(SOL_SOCKET, SO_ATTACH_FILTER, program, 'set a filter')
  }

  /** Waits for a block. 'error' when the interface has something to say (`error`). */
  wait(ms: number): 'ready' | 'idle' | 'error' {
    this.#pollfd.writeInt16LE(0, 6)
    if (libc.poll(this.#pollfd, 1, ms) <= 0) return 'idle'
    return (this.#pollfd.readInt16LE(6) & POLLERR) !== 0 ? 'error' : 'ready'
  }

  /** Takes the pending error off the socket; throws when the interface is gone for good. */
  settle(): void {
    libc.getsockopt(this.fd, SOL_SOCKET, SO_ERROR, Buffer.alloc(4), [4])
    if (libc.ifNameToIndex(this.name) === this.index) return // only down: the kernel goes on when it is up
    throw new Failure('unavailable', `The network interface ${this.name} is gone.`, {
      interface: this.name,
    })
  }

  /** Frames the ring took and frames it had no room for, since the last call. */
  statistics(): { taken: number; dropped: number } {
    this.#statistics.fill(0)
    if (libc.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, this.#statistics, [12]) < 0)
      return { taken: 0, dropped: 0 }
    const dropped = this.#statistics.readUInt32LE(4)
    return { taken: this.#statistics.readUInt32LE(0) - dropped, dropped }
  }

  /** The link type of pcap files for what this interface carries. */
  linkType(): number {
    const address = Buffer.alloc(20)
    if (libc.getsockname(this.fd, address, [20]) < 0) throw this.#failure('ask for the link type')
    const hardware = address.readUInt16LE(8)
    // ARPHRD_ETHER, ARPHRD_LOOPBACK; tunnels and tun devices carry bare datagrams.
    if (hardware === 1 || hardware === 772) return LINK.ETHERNET
    if (hardware === 0xfffe || hardware === 768 || hardware === 769 || hardware === 776)
      return LINK.RAW
    throw new Failure(
      'invalid',
      `${this.name} is of a kind (ARPHRD ${hardware}) whose frames are not understood.`,
      { interface: this.name },
    )
  }

  /** The mapping goes with it: views of the ring must not be touched any more. */
  close(): void {
    if (this.#ring) libc.munmap(this.#ring.pointer, this.#ring.size)
    this.#ring = undefined
    libc.close(this.fd)
  }

  #set(level: number, option: number, value: Buffer, what: string): void {
    if (libc.setsockopt(this.fd, level, option, value, value.length) < 0) throw this.#failure(what)
  }

  #failure(what: string): Failure {
    const code = libc.errorName()
    const about = { interface: this.name, code }
    if (code === 'EPERM' || code === 'EACCES')
      return new Failure(
        'unavailable',
        `Capturing on ${this.name} is not permitted: the process needs CAP_NET_RAW.`,
        about,
      )
    return new Failure(
      'unavailable',
      `Capturing on ${this.name} failed to ${what}: ${code}.`,
      about,
    )
  }
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value >>> 0, i * 4)
  })
  return bytes
}
