/**
 * Which row a packet's flow has. What is compared of a flow lies side by side, one cache line a row: with columns the table would
 * cost ten, and a packet of many flows finds none of them near.
 */
import { V4_WORD } from '../decode/bytes.ts'
import type { Packet } from '../decode/packet.ts'
import { icmpPort } from './community-id.ts'

/** Words of a row. */
const HASH = 0
/** The row after it of the same hash; -1: none. */
const NEXT = 1
/** Both ports as one number, of client and server. */
const PORTS = 2
/** Protocol, depth and outermost VLAN; the other two. */
const KIND = 3
const VLANS = 4
const CLIENT = 8
const SERVER = 12
const WORDS = 16

const ICMP = 1
const ICMP6 = 58

export class FlowKeys {
  readonly #words: Int32Array
  readonly #buckets: Int32Array
  readonly #mask: number
  readonly #seed: number
  /** Of the packet last looked up. */
  #hash = 0
  #ports = 0

  /** `seed` is mixed into the hash so that nobody outside can aim at one chain. */
  constructor(rows: number, seed: number) {
    this.#words = new Int32Array(rows * WORDS)
    // A bucket a row: the fewer, the more of them stay near.
    const buckets = 2 ** Math.ceil(Math.log2(rows))
    this.#buckets = new Int32Array(buckets).fill(-1)
    this.#mask = buckets - 1
    this.#seed = seed | 0
  }

  /** The row of the packet's flow, or -1. Also sets packet.toServer. */
  find(packet: Packet): number {
    const { protocol, vlan1, vlan2 } = packet
    const icmp = protocol === ICMP || protocol === ICMP6
    const sport = icmp ? icmpEnd(packet, true) : packet.srcPort
    const dport = icmp ? icmpEnd(packet, false) : packet.destPort
    const kind = kindOf(packet)
    const vlans = (vlan1 << 16) | vlan2
    const hash = this.#hashOf(packet, sport, dport, kind ^ vlan1)
    this.#hash = hash
    const there = (sport << 16) | dport
    this.#ports = there
    const back = (dport << 16) | sport
    const words = this.#words
    let row = this.#buckets[hash & this.#mask] as number
    while (row >= 0) {
      const at = row * WORDS
      if (words[at + HASH] === hash && words[at + KIND] === kind && words[at + VLANS] === vlans) {
        if (words[at + PORTS] === there && this.#joins(at, packet.src, packet.dest)) {
          packet.toServer = true
          return row
        }
        if (words[at + PORTS] === back && this.#joins(at, packet.dest, packet.src)) {
          packet.toServer = false
          return row
        }
      }
      row = words[at + NEXT] as number
    }
    return -1
  }

  /** Gives the packet that `find` has just not found this row; `toServer`: its sender is the client. */
  add(row: number, packet: Packet, toServer: boolean): void {
    const words = this.#words
    const at = row * WORDS
    const ports = this.#ports
    const bucket = this.#hash & this.#mask
    words[at + HASH] = this.#hash
    words[at + NEXT] = this.#buckets[bucket] as number
    words[at + PORTS] = toServer ? ports : (ports << 16) | (ports >>> 16)
    words[at + KIND] = kindOf(packet)
    words[at + VLANS] = (packet.vlan1 << 16) | packet.vlan2
    const client = toServer ? packet.src : packet.dest
    const server = toServer ? packet.dest : packet.src
    for (let i = 0; i < 4; i++) {
      words[at + CLIENT + i] = client[i] as number
      words[at + SERVER + i] = server[i] as number
    }
    this.#buckets[bucket] = row
  }

  remove(row: number): void {
    const words = this.#words
    const next = words[row * WORDS + NEXT] as number
    const bucket = (words[row * WORDS + HASH] as number) & this.#mask
    let before = this.#buckets[bucket] as number
    if (before === row) {
      this.#buckets[bucket] = next
      return
    }
    while (words[before * WORDS + NEXT] !== row) before = words[before * WORDS + NEXT] as number
    words[before * WORDS + NEXT] = next
  }

  /** The same for both directions: the two ends are mixed in an order of their own. */
  #hashOf({ src, dest }: Packet, sport: number, dport: number, rest: number): number {
    let a = this.#seed ^ sport
    let b = this.#seed ^ dport
    // Of IPv4 the first three words are always the same. Of all else they count, or many ends would share a chain.
    if (!isV4(src) || !isV4(dest))
      for (let i = 0; i < 3; i++) {
        a = mix(a, src[i] as number)
        b = mix(b, dest[i] as number)
      }
    a = mix(a, src[3] as number)
    b = mix(b, dest[3] as number)
    const both = a < b ? mix(a, b) : mix(b, a)
    const hash = mix(both, rest)
    return hash ^ (hash >>> 15)
  }

  #joins(at: number, client: Uint32Array, server: Uint32Array): boolean {
    const words = this.#words
    for (let i = 3; i >= 0; i--) {
      if (words[at + CLIENT + i] !== ((client[i] as number) | 0)) return false
      if (words[at + SERVER + i] !== ((server[i] as number) | 0)) return false
    }
    return true
  }
}

/** A tunnel's inside is never one flow with what is around it. */
function kindOf({ protocol, depth, vlan0 }: Packet): number {
  return protocol | (depth << 8) | (vlan0 << 16)
}

/** An ICMP question and its answer are one flow. */
function icmpEnd({ protocol, icmpType, icmpCode }: Packet, source: boolean): number {
  return icmpPort(protocol === ICMP6, icmpType, icmpCode, source)
}

function isV4(words: Uint32Array): boolean {
  return words[2] === V4_WORD && words[1] === 0 && words[0] === 0
}

/** One round of MurmurHash3 (public domain). */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  let h = hash ^ Math.imul(k, 0x1b873593)
  h = (h << 13) | (h >>> 19)
  return (Math.imul(h, 5) + 0xe6546b64) | 0
}
