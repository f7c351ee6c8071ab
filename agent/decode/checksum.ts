/** Internet checksums (RFC 1071) of a decoded packet. Interfaces that leave them to hardware show wrong ones. */
import { memoryOf } from '../capture/frame-memory.ts'
import type { Packet } from './packet.ts'
import { type SumKernel, sumKernelOver } from './sum-kernel.ts'
import { PROTOCOL } from './transport.ts'

const { TCP, UDP, ICMP, ICMP6 } = PROTOCOL // what is imported is looked up at each use
/** A header without options, and the addresses at its end. */
const V4_BYTES = 20
const V4_ENDS_BYTES = 8
/** Sums of bytes are folded at this. */
const SUM_MAX = 2 ** 29

export function ipv4ChecksumOk(packet: Packet): boolean {
  if (packet.ipVersion !== 4) return true
  const { bytes, ipOffset, ipHeaderBytes } = packet
  return fold(sum(bytes, ipOffset, ipOffset + ipHeaderBytes)) === 0xffff
}

/** TCP, UDP, ICMP and ICMPv6; true where it cannot be known (fragments, cut frames, other protocols). */
export function transportChecksumOk(packet: Packet): boolean {
  const { bytes, protocol, l4Offset } = packet
  if (packet.ipVersion === 0 || packet.fragment || packet.payloadCut > 0) return true
  const end = packet.payloadOffset + packet.payloadBytes
  if (protocol === ICMP) return fold(sum(bytes, l4Offset, end)) === 0xffff
  if (protocol !== TCP && protocol !== UDP && protocol !== ICMP6) return true
  if (protocol === UDP && bytes[l4Offset + 6] === 0 && bytes[l4Offset + 7] === 0)
    return packet.ipVersion === 4 // none was computed; IPv6 does not allow that (RFC 8200 §8.1)
  const about = protocol + (end - l4Offset)
  // What is summed of a header of IPv4 without options stands right before.
  if (packet.ipVersion === 4 && l4Offset === packet.ipOffset + V4_BYTES)
    return fold(about + sum(bytes, l4Offset - V4_ENDS_BYTES, end)) === 0xffff
  return fold(about + endsSum(packet) + sum(bytes, l4Offset, end)) === 0xffff
}

/** Of both addresses: the words before the last are the same in all of IPv4, and not its own. */
function endsSum({ ipVersion, src, dest }: Packet): number {
  let total = 0
  for (let i = ipVersion === 4 ? 3 : 0; i < 4; i++) {
    const a = src[i] as number
    const b = dest[i] as number
    total += (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff)
  }
  return total
}

/** Whose bytes were summed last, and the kernel over their memory: packets of a batch share one. */
let summed: Uint8Array = new Uint8Array(0)
let kernel: SumKernel | undefined
let base = 0

function look(bytes: Uint8Array): void {
  const memory = memoryOf(bytes)
  summed = bytes
  kernel = memory && sumKernelOver(memory)
  base = bytes.byteOffset
}

/** As 16-bit numbers in network order; the caller folds. What came out of a tunnel or fragments may lie in other memory. */
function sum(bytes: Uint8Array, from: number, end: number): number {
  if (bytes !== summed) look(bytes)
  if (kernel === undefined) return sumBytes(bytes, from, end, from)
  const total = kernel.sum(base + from, base + end)
  return ((total & 255) << 8) | (total >>> 8) // its numbers have the lower byte first (RFC 1071 §2B)
}

/** `start` is where the first pair begins. */
function sumBytes(bytes: Uint8Array, from: number, end: number, start: number): number {
  let total = 0
  for (let at = from; at < end; at++) {
    total += (bytes[at] as number) << (((at - start) & 1) === 1 ? 0 : 8)
    if (total > SUM_MAX) total = fold(total)
  }
  return total
}

/** Of less than 2^31. */
function fold(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return folded
}
