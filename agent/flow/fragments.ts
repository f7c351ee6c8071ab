/**
 * IPv4 and IPv6 datagrams put together from their fragments (RFC 791, RFC 8200 §4.5). Where two fragments
 * bring different bytes for one place the first wins and it is a fault: no honest sender does that.
 */
import type { Fault } from '../base/fault.ts'
import { decodeDatagram } from '../decode/frame.ts'
import type { Packet } from '../decode/packet.ts'
import type { FlowCounters } from './counters.ts'

/** Datagrams half built at a time; each may take 73 KiB. */
export const FRAGMENTED_MAX = 256
const DATAGRAM_BYTES_MAX = 65_535
const HEADER_ROOM = 40
/** Link header of the first fragment, kept before the datagram; a longer one is left out. */
const LINK_ROOM = 64
const UNIT = 8
const UNITS_MAX = 8192
const TIMEOUT_US = 30_000_000

interface Slot {
  /** Room for a link header and an IP header, then the payload. */
  bytes: Uint8Array
  linkBytes: number
  covered: Uint8Array
}

export class Fragments {
  readonly #counters: FlowCounters
  readonly #slots: (Slot | undefined)[]
  /** By slot: 0 when free. */
  readonly #used: Uint8Array
  readonly #firstUs: Float64Array
  readonly #id: Uint32Array
  readonly #protocol: Uint8Array
  readonly #version: Uint8Array
  readonly #vlan: Uint32Array
  readonly #ends: Uint32Array
  /** Payload bytes of the whole; -1 until the last fragment came. */
  readonly #total: Int32Array
  readonly #units: Int32Array
  /** Where the furthest of its fragments ends. */
  readonly #reach: Int32Array
  live = 0
  fault: Fault | undefined = undefined

  constructor(counters: FlowCounters, slots: number = FRAGMENTED_MAX) {
    this.#counters = counters
    this.#slots = Array<Slot | undefined>(slots).fill(undefined)
    this.#used = new Uint8Array(slots)
    this.#firstUs = new Float64Array(slots)
    this.#id = new Uint32Array(slots)
    this.#protocol = new Uint8Array(slots)
    this.#version = new Uint8Array(slots)
    this.#vlan = new Uint32Array(slots)
    this.#ends = new Uint32Array(slots * 8)
    this.#total = new Int32Array(slots)
    this.#units = new Int32Array(slots)
    this.#reach = new Int32Array(slots)
  }

  /**
   * Takes in a fragment; `fault` is then what is wrong with it. True when it makes its datagram whole: the
   * packet has become that datagram, whose bytes are valid until the next call.
   */
  add(packet: Packet): boolean {
    this.fault = shapeFault(packet)
    if (this.fault !== undefined) return false
    let slot = this.#find(packet)
    if (slot < 0) slot = this.#open(packet)
    this.fault = this.#place(slot, packet)
    const total = this.#total[slot] as number
    if (total < 0 || (this.#units[slot] as number) < Math.ceil(total / UNIT)) return false
    this.#close(slot)
    this.#counters.datagramsReassembled++
    become(packet, this.#slots[slot] as Slot, total)
    return true
  }

  /** Gives up datagrams whose rest has not come for 30 s. */
  expire(nowUs: number): void {
    if (this.live === 0) return
    for (let slot = 0; slot < this.#used.length; slot++)
      if (this.#used[slot] === 1 && nowUs - (this.#firstUs[slot] as number) > TIMEOUT_US) {
        this.#close(slot)
        this.#counters.fragmentTimeouts++
        this.#counters.fault('fragment-timeout')
      }
  }

  #find(packet: Packet): number {
    const vlan = vlanKey(packet)
    for (let slot = 0, left = this.live; left > 0; slot++) {
      if (this.#used[slot] === 0) continue
      left--
      if (
        this.#id[slot] !== packet.ipId ||
        this.#version[slot] !== packet.ipVersion ||
        this.#vlan[slot] !== vlan ||
        // RFC 8200 §4.5: for IPv6 the protocol of the first fragment counts, and is no part of the key.
        (packet.ipVersion === 4 && this.#protocol[slot] !== packet.protocol)
      )
        continue
      let same = true
      for (let i = 0; i < 4 && same; i++)
        same =
          this.#ends[slot * 8 + i] === packet.src[i] &&
          this.#ends[slot * 8 + 4 + i] === packet.dest[i]
      if (same) return slot
    }
    return -1
  }

  /** A free slot, or that of the datagram that has waited longest. */
  #open(packet: Packet): number {
    let slot = this.#used.indexOf(0)
    if (slot < 0) {
      slot = 0
      for (let i = 1; i < this.#used.length; i++)
        if ((this.#firstUs[i] as number) < (this.#firstUs[slot] as number)) slot = i
      this.#close(slot)
      this.#counters.fragmentsEvicted++
      this.#counters.fault('fragments-full')
    }
    const memory = this.#slots[slot]
    if (memory) {
      memory.covered.fill(0)
      memory.linkBytes = 0
    } else
      this.#slots[slot] = {
        bytes: new Uint8Array(LINK_ROOM + HEADER_ROOM + DATAGRAM_BYTES_MAX + 1),
        linkBytes: 0,
        covered: new Uint8Array(UNITS_MAX),
      }
    this.#used[slot] = 1
    this.live++
    this.#firstUs[slot] = packet.timeUs
    this.#id[slot] = packet.ipId
    this.#protocol[slot] = packet.protocol
    this.#version[slot] = packet.ipVersion
    this.#vlan[slot] = vlanKey(packet)
    for (let i = 0; i < 4; i++) {
      this.#ends[slot * 8 + i] = packet.src[i] as number
      this.#ends[slot * 8 + 4 + i] = packet.dest[i] as number
    }
    this.#total[slot] = -1
    this.#units[slot] = 0
    this.#reach[slot] = 0
    return slot
  }

  #close(slot: number): void {
    this.#used[slot] = 0
    this.live--
  }

  /** Copies what is new into the slot. */
  #place(slot: number, packet: Packet): Fault | undefined {
    const memory = this.#slots[slot] as Slot
    const { bytes, covered } = memory
    const from = packet.fragmentOffset
    const end = from + packet.payloadBytes
    const total = this.#total[slot] as number
    if (packet.fragmentOffset === 0) {
      this.#protocol[slot] = packet.protocol
      keepLink(memory, packet)
    } else packet.protocol = this.#protocol[slot] as number
    if (total >= 0 && (end > total || (!packet.moreFragments && end !== total)))
      return this.#overlapped(packet)
    const reach = this.#reach[slot] as number
    if (!packet.moreFragments) {
      // What came before may not reach past the end that this one sets.
      if (reach > Math.ceil(end / UNIT) * UNIT) return this.#overlapped(packet)
      this.#total[slot] = end
    }
    if (end > reach) this.#reach[slot] = end
    if (from >= reach) {
      this.#append(slot, packet)
      return undefined
    }
    let differ = false
    let again = false
    for (let at = from; at < end; at += UNIT) {
      const size = Math.min(UNIT, end - at)
      const source = packet.payloadOffset + at - from
      const target = LINK_ROOM + HEADER_ROOM + at
      if (covered[at / UNIT] === 1) {
        again = true
        for (let i = 0; i < size; i++)
          if (bytes[target + i] !== packet.bytes[source + i]) differ = true
        continue
      }
      for (let i = 0; i < size; i++) bytes[target + i] = packet.bytes[source + i] as number
      covered[at / UNIT] = 1
      this.#units[slot] = (this.#units[slot] as number) + 1
    }
    if (again && !differ) this.#noteOverlap(packet)
    return differ ? this.#overlapped(packet) : undefined
  }

  /** As most come: nothing stands there yet. */
  #append(slot: number, packet: Packet): void {
    const { bytes, covered } = this.#slots[slot] as Slot
    const { payloadOffset, payloadBytes, fragmentOffset } = packet
    const payload = packet.bytes.subarray(payloadOffset, payloadOffset + payloadBytes)
    bytes.set(payload, LINK_ROOM + HEADER_ROOM + fragmentOffset)
    const units = Math.ceil(payloadBytes / UNIT)
    covered.fill(1, fragmentOffset / UNIT, fragmentOffset / UNIT + units)
    this.#units[slot] = (this.#units[slot] as number) + units
  }

  #noteOverlap(packet: Packet): void {
    packet.note(packet.ipVersion === 4 ? 'ipv4.frag_overlap' : 'ipv6.frag_overlap')
  }

  #overlapped(packet: Packet): Fault {
    this.#noteOverlap(packet)
    this.#counters.fragmentOverlaps++
    return 'fragment-overlap'
  }
}

/** What a fragment may not be, before we look where it belongs. */
function shapeFault(packet: Packet): Fault | undefined {
  const { payloadBytes } = packet
  const v4 = packet.ipVersion === 4
  if (packet.payloadCut > 0) return 'truncated'
  if (payloadBytes === 0) return 'bad-length'
  const ragged = packet.moreFragments && payloadBytes % UNIT !== 0
  if (ragged && !v4) packet.note('ipv6.frag_invalid_length')
  if ((v4 ? 20 : 0) + packet.fragmentOffset + payloadBytes > DATAGRAM_BYTES_MAX) {
    packet.note(v4 ? 'ipv4.frag_pkt_too_large' : 'ipv6.frag_pkt_too_large')
    return 'fragment-too-big'
  }
  if (ragged) return 'bad-length'
  return undefined
}

function vlanKey(packet: Packet): number {
  return ((packet.vlan0 << 12) | packet.vlan1) >>> 0
}

/** Right before the IP header that will be written. */
function keepLink(slot: Slot, packet: Packet): void {
  const size = packet.ipOffset - packet.start
  if (size > LINK_ROOM) return
  const end = LINK_ROOM + HEADER_ROOM - headerSize(packet)
  slot.bytes.set(packet.bytes.subarray(packet.start, packet.ipOffset), end - size)
  slot.linkBytes = size
}

function headerSize({ ipVersion }: Packet): number {
  return ipVersion === 4 ? 20 : 40
}

/** Writes a plain header before the payload and lets the packet be that datagram. */
function become(packet: Packet, { bytes, linkBytes }: Slot, total: number): void {
  const headerBytes = headerSize(packet)
  const at = LINK_ROOM + HEADER_ROOM - headerBytes
  bytes.fill(0, at, at + headerBytes)
  if (packet.ipVersion === 4) {
    bytes[at] = 0x45
    bytes[at + 1] = packet.tos
    put16(bytes, at + 2, headerBytes + total)
    put16(bytes, at + 4, packet.ipId)
    bytes[at + 8] = packet.ttl
    bytes[at + 9] = packet.protocol
    put32(bytes, at + 12, packet.src[3] as number)
    put32(bytes, at + 16, packet.dest[3] as number)
    put16(bytes, at + 10, headerChecksum(bytes, at))
  } else {
    put16(bytes, at, 0x6000 | (packet.tos << 4))
    put16(bytes, at + 4, total)
    bytes[at + 6] = packet.protocol
    bytes[at + 7] = packet.ttl
    for (let i = 0; i < 4; i++) {
      put32(bytes, at + 8 + i * 4, packet.src[i] as number)
      put32(bytes, at + 24 + i * 4, packet.dest[i] as number)
    }
  }
  packet.bytes = bytes
  packet.start = at - linkBytes
  packet.end = at + headerBytes + total
  if (packet.linkOffset >= 0) packet.linkOffset = linkBytes >= 14 ? packet.start : -1
  decodeDatagram(packet, at)
}

/** Of 20 bytes whose checksum is 0 (RFC 791). */
function headerChecksum(bytes: Uint8Array, at: number): number {
  let sum = 0
  for (let i = at; i < at + 20; i += 2)
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value & 255
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16)
  put16(bytes, at + 2, value & 0xffff)
}
