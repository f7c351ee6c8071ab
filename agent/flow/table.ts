/**
 * The flow table: one row a flow, columns as typed arrays, because an object a flow costs six times as
 * much and lets the garbage collector stop the capture. A row number is valid from the first packet to
 * FlowListener.ended.
 */
import { addressText } from '../base/address.ts'
import type { Packet } from '../decode/packet.ts'
import { FlowKeys } from './flow-keys.ts'

/** Life of a flow as EVE says it. */
export const FLOW = { FREE: 0, NEW: 1, ESTABLISHED: 2, CLOSED: 3 } as const
export const FLOW_STATES = ['free', 'new', 'established', 'closed'] as const

/** What is counted of a flow: when its last packet came, and three numbers each way. */
const COUNTS = 8
const LAST_US = 0
const TO_SERVER = 1
const TO_CLIENT = 4
const PACKETS = 0
const BYTES = 1
/** In the memory of one, as a word. */
const FLAGS = 2

/** 230 bytes a row: 64 Ki flows are 15 MB. */
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

  /** What every packet changes, side by side as in flow-keys. */
  readonly #counts: Float64Array
  /** The same memory by words: flags are not turned into a fraction and back. */
  readonly #words: Uint32Array
  readonly #number: Float64Array
  readonly #keys: FlowKeys
  readonly #next: Int32Array
  readonly #idBase: number
  /** The first of those given back; -1: none. */
  #free = 0
  #created = 0

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
    this.#counts = new Float64Array(rows * COUNTS)
    this.#words = new Uint32Array(this.#counts.buffer)
    this.state = new Uint8Array(rows)
    this.established = new Uint8Array(rows)
    this.midstream = new Uint8Array(rows)
    this.incomplete = new Uint8Array(rows)
    this.firstPacket = new Float64Array(rows)
    this.#number = new Float64Array(rows)
    this.#keys = new FlowKeys(rows, options.seed ?? 0)
    this.#next = new Int32Array(rows)
    this.#idBase = ((options.run ?? 0) & 0x7fff) * 2 ** 38 + ((options.shard ?? 0) & 15) * 2 ** 34
  }

  get full(): boolean {
    return this.live === this.flowsMax
  }

  /** The row of the packet's flow, or -1. Also sets packet.toServer. */
  find(packet: Packet): number {
    return this.#keys.find(packet)
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
    // From minus zero on sums are fractions to the code that adds to them; from zero on they would be turned into integers and back.
    this.#counts.fill(-0, row * COUNTS, row * COUNTS + COUNTS)
    this.#counts[row * COUNTS + LAST_US] = packet.timeUs
    this.state[row] = FLOW.NEW
    this.established[row] = 0
    this.midstream[row] = 0
    this.incomplete[row] = 0
    this.firstPacket[row] = packet.number
    this.#number[row] = this.#created++
    this.#keys.add(row, packet, toServer)
    return row
  }

  /** Takes a row out. */
  remove(row: number): void {
    this.#keys.remove(row)
    this.state[row] = FLOW.FREE
    this.#next[row] = this.#free
    this.#free = row
    this.live--
  }

  /** The packet is of this flow. */
  count(row: number, packet: Packet): void {
    const counts = this.#counts
    const at = row * COUNTS
    if (packet.timeUs > (counts[at + LAST_US] as number)) counts[at + LAST_US] = packet.timeUs
    const way = at + (packet.toServer ? TO_SERVER : TO_CLIENT)
    counts[way + PACKETS] = (counts[way + PACKETS] as number) + 1
    counts[way + BYTES] = (counts[way + BYTES] as number) + packet.wireBytes
    const flags = (way + FLAGS) * 2
    this.#words[flags] = (this.#words[flags] as number) | packet.tcpFlags
  }

  /** When its last packet came. */
  lastUs(row: number): number {
    return this.#counts[row * COUNTS + LAST_US] as number
  }

  packets(row: number, toServer: boolean): number {
    return this.#sum(row * COUNTS + (toServer ? TO_SERVER : TO_CLIENT) + PACKETS)
  }

  /** On the wire, link header included, as Suricata counts them. */
  bytes(row: number, toServer: boolean): number {
    return this.#sum(row * COUNTS + (toServer ? TO_SERVER : TO_CLIENT) + BYTES)
  }

  /** Nothing is zero to who asks. */
  #sum(at: number): number {
    return (this.#counts[at] as number) + 0
  }

  /** TCP flags seen, or-ed. */
  flags(row: number, toServer: boolean): number {
    return this.#words[(row * COUNTS + (toServer ? TO_SERVER : TO_CLIENT) + FLAGS) * 2] as number
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
}
