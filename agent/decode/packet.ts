import type { Fault } from '../base/fault.ts'
import { readU48 } from './bytes.ts'
import type { PacketEvent } from './events.ts'

const EVENTS_MAX = 8

/** TCP flag bits (RFC 9293 §3.1). */
export const TCP = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const

/**
 * One decoded frame: offsets into the batch it came in, and numbers. There is one Packet a shard; it is
 * overwritten by the next frame, so nothing may keep it, or a view of `bytes`, past the call.
 */
export class Packet {
  /** The batch's memory; the frame is [start, end), `wireBytes` long on the wire. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  wireBytes = 0
  /** Microseconds since 1970, from capture. As for `seq` and `ack`, -0: a field that begins as a small integer has all code made again at its first that is none. */
  timeUs = -0
  /** Counts frames of this run from 1: `pcap_cnt` of EVE. */
  number = 0
  fault: Fault | undefined = undefined
  /** What is odd about it: the first `eventCount` of these. */
  readonly events: PacketEvent[] = []
  eventCount = 0
  /**
   * Whether a length of 0 in IP or UDP is read as all that is there: a segment that its sender left to the network card to cut
   * (offload), or a jumbogram. Set once, by who reads frames.
   */
  readsOffloaded = true

  /** The Ethernet header, or -1 when the link has none. */
  linkOffset = -1
  /** The ARP message (IPv4 over Ethernet), or -1. */
  arpOffset = -1
  vlanCount = 0
  vlan0 = 0
  vlan1 = 0
  vlan2 = 0
  etherType = 0
  /** 0 when the frame is not IP. */
  ipVersion = 0
  ipOffset = 0
  ipHeaderBytes = 0
  /** Total bytes of the datagram by its header, cut to what was captured. */
  ipBytes = 0
  ttl = 0
  tos = 0
  ipId = 0
  /** Whether this frame is one fragment (not yet whole). A reassembled datagram is handed over with false. */
  fragment = false
  fragmentOffset = 0
  moreFragments = false
  protocol = 0
  /** Addresses as in base/address: four words each. */
  readonly src = new Uint32Array(4)
  readonly dest = new Uint32Array(4)
  srcPort = 0
  destPort = 0
  icmpType = 0
  icmpCode = 0
  l4Offset = 0
  payloadOffset = 0
  payloadBytes = 0
  /** Payload bytes that the header announces but the snap length cut off. */
  payloadCut = 0
  tcpFlags = 0
  seq = -0
  ack = -0
  window = 0
  urgent = 0
  /** TCP options; 0 and -1 when absent. */
  mss = 0
  windowScale = -1

  /** How many tunnels it came out of, and the ends of the one around it; those stand only where `depth` is not 0. */
  depth = 0
  readonly outerSrc = new Uint32Array(4)
  readonly outerDest = new Uint32Array(4)
  outerProtocol = 0
  outerSrcPort = 0
  outerDestPort = 0

  /** Set by the flow stage: the row in the flow table, or -1. */
  flow = -1
  /** Set by the flow stage: sent by the side that opened the flow. */
  toServer = true

  /** What is around it is a tunnel: its ends are kept, for they are gone when the inside is decoded. */
  enter(): void {
    this.depth++
    for (let i = 0; i < 4; i++) {
      this.outerSrc[i] = this.src[i] as number
      this.outerDest[i] = this.dest[i] as number
    }
    this.outerProtocol = this.protocol
    this.outerSrcPort = this.srcPort
    this.outerDestPort = this.destPort
  }

  /** A frame of the wire is in no tunnel. */
  leave(): void {
    this.depth = 0
    this.outerSrc.fill(0)
    this.outerDest.fill(0)
    this.outerProtocol = 0
    this.outerSrcPort = 0
    this.outerDestPort = 0
  }

  /** The MAC address at `linkOffset + at` as a number; -1 where the link has none. */
  mac(at: 0 | 6): number {
    const { bytes, linkOffset } = this
    if (linkOffset < 0) return -1
    return readU48(bytes, linkOffset + at)
  }

  /** The word for what is wrong, noted by the name rules have for it. */
  odd(event: PacketEvent, fault: Fault): Fault {
    this.note(event)
    return fault
  }

  note(event: PacketEvent): void {
    for (let i = 0; i < this.eventCount; i++) if (this.events[i] === event) return
    if (this.eventCount < EVENTS_MAX) this.events[this.eventCount++] = event
  }
}
