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
/** Protocol, depth and outermost VLAN; the other two, and whether both ends are IPv4. */
const KIND = 3
const VLANS = 4
const CLIENT = 8
const SERVER = 12
const WORDS = 16
/** Of an address its last word, which is all that differs in IPv4. */
const LAST = 3
/** In VLANS. */
const BOTH_V4 = 1 << 30

const ICMP = 1
const ICMP6 = 58

export class FlowKeys {
  readonly #words: Int32Array
  readonly #buckets: Int32Array
  readonly #mask: number
  /** Odd numbers that nobody outside knows: of the port, of the last word of an address, of the others. */
  readonly #ofPort: number
  readonly #ofLast: number
  readonly #ofWords: readonly number[]
  /** Of the packet last looked up. */
  #hash = 0
  #ports = 0
  #vlans = 0

  /** `seed`: nobody outside can aim at one chain, for the hash multiplies by what comes of it. Mixed in by sums or xor it would cancel out. */
  constructor(rows: number, seed: number) {
    this.#words = new Int32Array(rows * WORDS)
    // A bucket a row: the fewer, the more of them stay near.
    const buckets = 2 ** Math.ceil(Math.log2(rows))
    this.#buckets = new Int32Array(buckets).fill(-1)
    this.#mask = buckets - 1
    const secret = (i: number): number => stir(stir(seed ^ Math.imul(i, 0x9e3779b1))) | 1
    this.#ofPort = secret(1)
    this.#ofLast = secret(2)
    this.#ofWords = [secret(3), secret(4), secret(5)]
  }

  /** The row of the packet's flow, or -1. Also sets packet.toServer. */
  find(packet: Packet): number {
    const { protocol, src, dest } = packet
    const icmp = protocol === ICMP || protocol === ICMP6
    const sport = icmp ? icmpEnd(packet, true) : packet.srcPort
    const dport = icmp ? icmpEnd(packet, false) : packet.destPort
    const kind = kindOf(packet)
    const v4 = packet.ipVersion === 4 || (isV4(src) && isV4(dest))
    const from = (src[LAST] as number) | 0
    const to = (dest[LAST] as number) | 0
    // Each sum is a word again at once: else all that follows is reckoned with fractions.
    let a = (Math.imul(from, this.#ofLast) + Math.imul(sport, this.#ofPort)) | 0
    let b = (Math.imul(to, this.#ofLast) + Math.imul(dport, this.#ofPort)) | 0
    if (!v4) {
      a = (a + this.#others(src)) | 0
      b = (b + this.#others(dest)) | 0
    }
    // The same for both directions.
    const both = (stir(a) + stir(b)) | 0
    const hash = stir(both ^ kind ^ packet.vlan1)
    const vlans = (packet.vlan1 << 16) | packet.vlan2 | (v4 ? BOTH_V4 : 0)
    const there = (sport << 16) | dport
    const back = (dport << 16) | sport
    this.#hash = hash
    this.#ports = there
    this.#vlans = vlans
    const words = this.#words
    let row = this.#buckets[hash & this.#mask] as number
    while (row >= 0) {
      const at = row * WORDS
      if (words[at + HASH] === hash && words[at + KIND] === kind && words[at + VLANS] === vlans) {
        const ports = words[at + PORTS]
        const client = words[at + CLIENT + LAST]
        const server = words[at + SERVER + LAST]
        if (
          ports === there &&
          client === from &&
          server === to &&
          (v4 || this.#joins(at, src, dest))
        ) {
          packet.toServer = true
          return row
        }
        if (
          ports === back &&
          client === to &&
          server === from &&
          (v4 || this.#joins(at, dest, src))
        ) {
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
    words[at + VLANS] = this.#vlans
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

  /** Rows of the longest chain: what somebody who could aim would make long. */
  longestChain(): number {
    let most = 0
    for (const first of this.#buckets) {
      let count = 0
      for (let row = first; row >= 0; count++) row = this.#words[row * WORDS + NEXT] as number
      most = Math.max(most, count)
    }
    return most
  }

  /**
   * What the first three words of an address add: of IPv4 they are always the same, of all else they count, or many ends would share a chain.
   * Stirred one after the other: of a mere sum of products the upper bits of two words cancel out, whatever they are multiplied by.
   */
  #others(address: Uint32Array): number {
    let sum = 0
    for (let i = 0; i < LAST; i++)
      sum = stir(sum + Math.imul(address[i] as number, this.#ofWords[i] as number))
    return sum
  }

  /** Whether the first three words of both ends are the row's: the last were compared. */
  #joins(at: number, client: Uint32Array, server: Uint32Array): boolean {
    const words = this.#words
    for (let i = 0; i < LAST; i++) {
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

/** Lets every bit of a word touch the lower ones, by which a chain is chosen. */
function stir(word: number): number {
  const stirred = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d)
  return stirred ^ (stirred >>> 16)
}
