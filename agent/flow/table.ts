/**
 * The flow table: one row a flow, columns as typed arrays, because an object a flow costs six times as
 * much and lets the garbage collector stop the capture. A row number is valid from the first packet to
 * FlowListener.ended.
 */
import { addressText } from '../base/address.ts'
import { V4_WORD } from '../decode/bytes.ts'
import type { Packet } from '../decode/packet.ts'
import { icmpPort } from './community-id.ts'

/** Life of a flow as EVE says it. */
export const FLOW = { FREE: 0, NEW: 1, ESTABLISHED: 2, CLOSED: 3 } as const
export const FLOW_STATES = ['free', 'new', 'established', 'closed'] as const

/** 280 bytes a row: 64 Ki flows are 18 MB. */
export const FLOWS_MAX = 65_536

export interface FlowTableOptions {
  flowsMax?: number
  /** Mixed into the hash so that nobody outside can aim at one chain. */
  seed?: number
  /** Make flow ids unique: of this run (15 bits) and of this shard (4 bits). */
  run?: number
  shard?: number
}

export class FlowTable {
  readonly flowsMax: number
  /** Four words a row, as in base/address. */
  readonly client: Uint32Array
  readonly server: Uint32Array
  /** 0 where the protocol has none. */
  readonly clientPort: Uint16Array
  readonly serverPort: Uint16Array
  readonly protocol: Uint8Array
  /** Type and code of the first packet of an ICMP flow. */
  readonly icmpType: Uint8Array
  readonly icmpCode: Uint8Array
  /** Of the first answer of an ICMP flow: type * 256 + code; -1 before it. */
  readonly icmpAnswer: Int32Array
  /** VLAN ids, outermost first; 0 where there is none. */
  readonly vlan0: Uint16Array
  readonly vlan1: Uint16Array
  readonly vlan2: Uint16Array
  /** Tunnels it came out of: what is inside is never one flow with what is outside. */
  readonly depth: Uint8Array
  /** MAC addresses of the first frame, as numbers; -1 where the link has none. */
  readonly clientMac: Float64Array
  readonly serverMac: Float64Array
  readonly startUs: Float64Array
  readonly lastUs: Float64Array
  readonly packetsToServer: Float64Array
  readonly packetsToClient: Float64Array
  /** Bytes on the wire, link header included, as Suricata counts them. */
  readonly bytesToServer: Float64Array
  readonly bytesToClient: Float64Array
  /** TCP flags seen, or-ed. */
  readonly flagsToServer: Uint8Array
  readonly flagsToClient: Uint8Array
  /** One of FLOW. */
  readonly state: Uint8Array
  /** 1 once both directions of the TCP handshake were seen: the addresses are not forged. */
  readonly established: Uint8Array
  /** 1 when the TCP flow was picked up after its handshake. */
  readonly midstream: Uint8Array
  /** 1 once a bound was met: not every byte of this flow was inspected. */
  readonly incomplete: Uint8Array
  /** `pcap_cnt` of the first packet. */
  readonly firstPacket: Float64Array

  /** Rows in use, and the first row that was never used. */
  live = 0
  top = 0

  readonly #number: Float64Array
  readonly #hash: Int32Array
  readonly #buckets: Int32Array
  readonly #next: Int32Array
  readonly #mask: number
  readonly #seed: number
  readonly #idBase: number
  /** The first of those given back; -1: none. */
  #free = 0
  #created = 0
  /** Of the packet last looked up: whether its source sorts first, and its hash. */
  #keyHash = 0

  constructor(options: FlowTableOptions = {}) {
    const rows = options.flowsMax ?? FLOWS_MAX
    this.flowsMax = rows
    this.#free = -1 // set here: code is made for what has only had one value, and again at its second
    this.client = new Uint32Array(rows * 4)
    this.server = new Uint32Array(rows * 4)
    this.clientPort = new Uint16Array(rows)
    this.serverPort = new Uint16Array(rows)
    this.protocol = new Uint8Array(rows)
    this.icmpType = new Uint8Array(rows)
    this.icmpCode = new Uint8Array(rows)
    this.icmpAnswer = new Int32Array(rows)
    this.vlan0 = new Uint16Array(rows)
    this.vlan1 = new Uint16Array(rows)
    this.vlan2 = new Uint16Array(rows)
    this.depth = new Uint8Array(rows)
    this.clientMac = new Float64Array(rows)
    this.serverMac = new Float64Array(rows)
    this.startUs = new Float64Array(rows)
    this.lastUs = new Float64Array(rows)
    this.packetsToServer = new Float64Array(rows)
    this.packetsToClient = new Float64Array(rows)
    this.bytesToServer = new Float64Array(rows)
    this.bytesToClient = new Float64Array(rows)
    this.flagsToServer = new Uint8Array(rows)
    this.flagsToClient = new Uint8Array(rows)
    this.state = new Uint8Array(rows)
    this.established = new Uint8Array(rows)
    this.midstream = new Uint8Array(rows)
    this.incomplete = new Uint8Array(rows)
    this.firstPacket = new Float64Array(rows)
    this.#number = new Float64Array(rows)
    this.#hash = new Int32Array(rows)
    this.#next = new Int32Array(rows)
    const buckets = 2 ** Math.ceil(Math.log2(rows * 2))
    this.#buckets = new Int32Array(buckets).fill(-1)
    this.#mask = buckets - 1
    this.#seed = (options.seed ?? 0) | 0
    this.#idBase = ((options.run ?? 0) & 0x7fff) * 2 ** 38 + ((options.shard ?? 0) & 15) * 2 ** 34
  }

  get full(): boolean {
    return this.live === this.flowsMax
  }

  /** The row of the packet's flow, or -1. Also sets packet.toServer. */
  find(packet: Packet): number {
    const sport = keyPort(packet, true)
    const dport = keyPort(packet, false)
    const hash = this.#hashOf(packet, sport, dport)
    this.#keyHash = hash
    let row = this.#buckets[hash & this.#mask] as number
    while (row >= 0) {
      if (this.#hash[row] === hash && this.#same(row, packet, sport, dport)) return row
      row = this.#next[row] as number
    }
    return -1
  }

  /**
   * A row for the packet that `find` has just not found; `toServer` says whether its sender is the
   * client. The table must not be full.
   */
  create(packet: Packet, toServer: boolean): number {
    let row = this.#free
    if (row >= 0) this.#free = this.#next[row] as number
    else row = this.top++
    this.live++
    const client = toServer ? packet.src : packet.dest
    const server = toServer ? packet.dest : packet.src
    for (let i = 0; i < 4; i++) {
      this.client[row * 4 + i] = client[i] as number
      this.server[row * 4 + i] = server[i] as number
    }
    this.clientPort[row] = toServer ? packet.srcPort : packet.destPort
    this.serverPort[row] = toServer ? packet.destPort : packet.srcPort
    this.protocol[row] = packet.protocol
    this.icmpType[row] = packet.icmpType
    this.icmpCode[row] = packet.icmpCode
    this.icmpAnswer[row] = -1
    this.vlan0[row] = packet.vlan0
    this.vlan1[row] = packet.vlan1
    this.vlan2[row] = packet.vlan2
    this.depth[row] = packet.depth
    this.clientMac[row] = packet.mac(toServer ? 6 : 0)
    this.serverMac[row] = packet.mac(toServer ? 0 : 6)
    this.startUs[row] = packet.timeUs
    this.lastUs[row] = packet.timeUs
    this.packetsToServer[row] = 0
    this.packetsToClient[row] = 0
    this.bytesToServer[row] = 0
    this.bytesToClient[row] = 0
    this.flagsToServer[row] = 0
    this.flagsToClient[row] = 0
    this.state[row] = FLOW.NEW
    this.established[row] = 0
    this.midstream[row] = 0
    this.incomplete[row] = 0
    this.firstPacket[row] = packet.number
    this.#number[row] = this.#created++
    const hash = this.#keyHash
    this.#hash[row] = hash
    this.#next[row] = this.#buckets[hash & this.#mask] as number
    this.#buckets[hash & this.#mask] = row
    return row
  }

  /** Takes a row out. */
  remove(row: number): void {
    const at = (this.#hash[row] as number) & this.#mask
    let before = this.#buckets[at] as number
    if (before === row) this.#buckets[at] = this.#next[row] as number
    else {
      while (this.#next[before] !== row) before = this.#next[before] as number
      this.#next[before] = this.#next[row] as number
    }
    this.state[row] = FLOW.FREE
    this.#next[row] = this.#free
    this.#free = row
    this.live--
  }

  /** Unique over runs and shards; below 2^53, so that JSON readers keep every digit. */
  flowId(row: number): string {
    return String(this.#idBase + (this.#number[row] as number) + 1)
  }

  clientText(row: number): string {
    return addressText(this.client, row * 4)
  }

  serverText(row: number): string {
    return addressText(this.server, row * 4)
  }

  /** The same for both directions: the two ends are mixed in an order of their own. */
  #hashOf(packet: Packet, sport: number, dport: number): number {
    const { src, dest, protocol, vlan0, vlan1, depth } = packet
    // Of IPv4 the first three words are always the same. Of all else they count, or many ends would share a chain.
    const first = isV4(src) && isV4(dest) ? 3 : 0
    let a = this.#seed ^ sport
    let b = this.#seed ^ dport
    for (let i = first; i < 4; i++) {
      a = mix(a, src[i] as number)
      b = mix(b, dest[i] as number)
    }
    const both = a < b ? mix(a, b) : mix(b, a)
    const hash = mix(both, protocol ^ (vlan0 << 8) ^ (vlan1 << 20) ^ (depth << 28))
    return hash ^ (hash >>> 15)
  }

  #same(row: number, packet: Packet, sport: number, dport: number): boolean {
    if (
      this.protocol[row] !== packet.protocol ||
      this.vlan0[row] !== packet.vlan0 ||
      this.vlan1[row] !== packet.vlan1 ||
      this.vlan2[row] !== packet.vlan2 ||
      this.depth[row] !== packet.depth
    )
      return false
    let client = this.clientPort[row] as number
    let server = this.serverPort[row] as number
    if (packet.protocol === 1 || packet.protocol === 58) {
      const v6 = packet.protocol === 58
      const type = this.icmpType[row] as number
      const code = this.icmpCode[row] as number
      client = icmpPort(v6, type, code, true)
      server = icmpPort(v6, type, code, false)
    }
    const at = row * 4
    if (sport === client && dport === server && this.#ends(at, packet.src, packet.dest)) {
      packet.toServer = true
      return true
    }
    if (sport === server && dport === client && this.#ends(at, packet.dest, packet.src)) {
      packet.toServer = false
      return true
    }
    return false
  }

  #ends(at: number, client: Uint32Array, server: Uint32Array): boolean {
    for (let i = 3; i >= 0; i--)
      if (this.client[at + i] !== client[i] || this.server[at + i] !== server[i]) return false
    return true
  }
}

function isV4(words: Uint32Array): boolean {
  return words[2] === V4_WORD && words[1] === 0 && words[0] === 0
}

/** What stands for the port in the key: an ICMP question and its answer are one flow. */
function keyPort(packet: Packet, source: boolean): number {
  const { protocol } = packet
  if (protocol === 1 || protocol === 58)
    return icmpPort(protocol === 58, packet.icmpType, packet.icmpCode, source)
  return source ? packet.srcPort : packet.destPort
}

/** One round of MurmurHash3 (public domain). */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  let h = hash ^ Math.imul(k, 0x1b873593)
  h = (h << 13) | (h >>> 19)
  return (Math.imul(h, 5) + 0xe6546b64) | 0
}
