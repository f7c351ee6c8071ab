/** Community ID v1: one text for a flow in every tool that has seen it (github.com/corelight/community-id-spec). */
import { hash } from 'node:crypto'

/** Question and answer of ICMP and ICMPv6, both ways; other types are one-way. */
const PAIRS_V4 = [8, 0, 10, 9, 13, 14, 15, 16, 17, 18]
const PAIRS_V6 = [128, 129, 130, 131, 133, 134, 135, 136, 139, 140, 144, 145]
const ONE_WAY = 255

const COUNTERPART_V4 = counterparts(PAIRS_V4)
const COUNTERPART_V6 = counterparts(PAIRS_V6)

function counterparts(pairs: readonly number[]): Uint8Array {
  const table = new Uint8Array(256).fill(ONE_WAY)
  for (let i = 0; i < pairs.length; i += 2) {
    const [question, answer] = [pairs[i] as number, pairs[i + 1] as number]
    table[question] = answer
    table[answer] = question
  }
  return table
}

/** What an ICMP message has in place of a port: its type at the source, and its counterpart at the other end. */
export function icmpPort(v6: boolean, type: number, code: number, source: boolean): number {
  if (source) return type
  const other = (v6 ? COUNTERPART_V6 : COUNTERPART_V4)[type] as number
  return other === ONE_WAY ? code : other
}

function icmpOneWay(v6: boolean, type: number): boolean {
  return (v6 ? COUNTERPART_V6 : COUNTERPART_V4)[type] === ONE_WAY
}

export interface FlowEnds {
  protocol: number
  /** Four words each, from `at`. */
  src: Uint32Array
  srcAt?: number
  dest: Uint32Array
  destAt?: number
  srcPort: number
  destPort: number
  icmpType?: number
  icmpCode?: number
}

const PORTED = new Set([1, 6, 17, 58, 132])

export function communityId(ends: FlowEnds, seed = 0): string {
  const { protocol } = ends
  let [srcPort, destPort, oneWay] = [ends.srcPort, ends.destPort, false]
  if (protocol === 1 || protocol === 58) {
    const [type, code] = [ends.icmpType ?? 0, ends.icmpCode ?? 0]
    srcPort = icmpPort(protocol === 58, type, code, true)
    destPort = icmpPort(protocol === 58, type, code, false)
    oneWay = icmpOneWay(protocol === 58, type)
  }
  const srcSize = putAddress(src, ends.src, ends.srcAt ?? 0)
  const destSize = putAddress(dest, ends.dest, ends.destAt ?? 0)
  const order = src.compare(dest, 0, destSize, 0, srcSize)
  const keep = oneWay || order < 0 || (order === 0 && srcPort < destPort)
  message.writeUInt16BE(seed, 0)
  const [first, second] = keep ? [src, dest] : [dest, src]
  const [firstSize, secondSize] = keep ? [srcSize, destSize] : [destSize, srcSize]
  first.copy(message, 2, 0, firstSize)
  second.copy(message, 2 + firstSize, 0, secondSize)
  let end = 2 + srcSize + destSize
  message.writeUInt16BE(protocol << 8, end)
  end += 2
  if (PORTED.has(protocol)) {
    message.writeUInt16BE(keep ? srcPort : destPort, end)
    message.writeUInt16BE(keep ? destPort : srcPort, end + 2)
    end += 4
  }
  return `1:${hash('sha1', message.subarray(0, end), 'base64')}`
}

/** Of the flow in hand: nothing is made for one but its text. */
const src = Buffer.alloc(16)
const dest = Buffer.alloc(16)
/** Seed, addresses, protocol and a zero, ports. */
const message = Buffer.alloc(2 + 16 + 16 + 2 + 4)

/** 4 bytes for IPv4, 16 for IPv6; gives how many. */
function putAddress(bytes: Buffer, words: Uint32Array, at: number): number {
  const v4 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff
  let size = 0
  for (let i = v4 ? 3 : 0; i < 4; i++, size += 4) bytes.writeUInt32BE(words[at + i] as number, size)
  return size
}
