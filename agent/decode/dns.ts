/**
 * DNS messages (RFC 1035) as carried by DNS, mDNS and LLMNR.
 *
 * The input is hostile: names may loop, counts may lie. Every loop below is bounded by a constant, so the
 * worst message costs RECORDS_MAX records of two names of NAME_BYTES_MAX and HOPS_MAX each.
 */
import { addressText } from '../base/address.ts'
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import type { DnsMessage, DnsQuestion, DnsRecord } from './records.ts'

const NAME_BYTES_MAX = 255 // RFC 1035 §2.3.4
/** Read of one message; what the header counts beyond them is told in `skipped`. */
export const RECORDS_MAX = 128
const HOPS_MAX = 16 // compression pointers in one name; real encoders use one or two
const HEADER_BYTES = 12

const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const
const DNAME = 39
const DOT = 0x2e
/** Of the name in hand: made text once, not by labels. */
const letters = Buffer.alloc(NAME_BYTES_MAX)

/** Decodes one message that fills `bytes` from `start` to `end`. */
export function decodeDns(bytes: Buffer, start = 0, end = bytes.length): DnsMessage | Fault {
  const cursor = new Cursor(bytes, start, end)
  const id = cursor.u16()
  const flags = cursor.u16()
  const counts = [cursor.u16(), cursor.u16(), cursor.u16(), cursor.u16()] as const
  if (cursor.fault !== undefined) return cursor.fault

  let room = RECORDS_MAX
  const questions: DnsQuestion[] = []
  for (let i = 0; i < counts[0] && room > 0 && !cursor.fault; i++, room--)
    questions.push(readQuestion(cursor, start))
  const sections: DnsRecord[][] = [[], [], []]
  for (let section = 0; section < 3; section++) {
    const records = sections[section] as DnsRecord[]
    for (let i = 0; i < (counts[section + 1] as number) && room > 0 && !cursor.fault; i++, room--)
      records.push(readRecord(cursor, start))
  }
  const [answers, authorities, additionals] = sections as [DnsRecord[], DnsRecord[], DnsRecord[]]
  return (
    cursor.fault ?? {
      id,
      flags,
      response: flags >>> 15 === 1,
      opcode: (flags >>> 11) & 0xf,
      rcode: flags & 0xf,
      questions,
      answers,
      authorities,
      additionals,
      skipped: counts[0] + counts[1] + counts[2] + counts[3] - (RECORDS_MAX - room),
    }
  )
}

/**
 * Whether a datagram on some other port is DNS: one question of class IN, counts that fit, and no byte left over. Eleven
 * of the first twelve bytes have few legal values, so other protocols fail here before a name is read.
 */
export function looksLikeDns(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < HEADER_BYTES + 5) return false
  const flags = bytes.readUInt16BE(start + 2)
  const response = flags >>> 15 === 1
  const [questions, answers] = [bytes.readUInt16BE(start + 4), bytes.readUInt16BE(start + 6)]
  const [authorities, additionals] = [bytes.readUInt16BE(start + 8), bytes.readUInt16BE(start + 10)]
  if (questions !== 1 || (flags & 0x7800) !== 0 || (flags & 0xf) > 5) return false
  if (answers > 64 || authorities > 32 || additionals > 64) return false
  if (!response && (answers !== 0 || authorities !== 0 || additionals > 2 || (flags & 0xf) !== 0))
    return false
  const cursor = new Cursor(bytes, start + HEADER_BYTES, end)
  const question = readQuestion(cursor, start)
  if (cursor.fault || question.class !== 1 || question.type === 0) return false
  for (let i = answers + authorities + additionals; i > 0 && !cursor.fault; i--)
    readRecord(cursor, start)
  return cursor.fault === undefined && cursor.left === 0
}

function readQuestion(cursor: Cursor, base: number): DnsQuestion {
  const name = readName(cursor, base)
  return { name, type: cursor.u16(), class: cursor.u16() }
}

function readRecord(cursor: Cursor, base: number): DnsRecord {
  const { name, type, class: kind } = readQuestion(cursor, base)
  const ttl = cursor.u32()
  const size = cursor.u16()
  const next = cursor.offset + size
  if (size > cursor.left) cursor.fail('truncated')
  const head = { name, type, class: kind, ttl }
  if (type === TYPE.TXT && cursor.fault === undefined) {
    const strings = readStrings(cursor, size)
    return { ...head, data: strings.join(''), strings }
  }
  const data = cursor.fault === undefined ? readData(cursor, { type, size, base }) : ''
  if (cursor.fault === undefined) cursor.offset = next
  return { ...head, data }
}

function readData(
  cursor: Cursor,
  { type, size, base }: { type: number; size: number; base: number },
): string {
  switch (type) {
    case TYPE.A:
      return size === 4 ? addressV4(cursor) : cursor.take(size).toString('hex')
    case TYPE.AAAA:
      return size === 16 ? addressV6(cursor) : cursor.take(size).toString('hex')
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case DNAME:
      return readName(cursor, base)
    case TYPE.MX:
      return `${cursor.u16()} ${readName(cursor, base)}`
    case TYPE.SRV:
      return `${cursor.u16()} ${cursor.u16()} ${cursor.u16()} ${readName(cursor, base)}`
    case TYPE.SOA: {
      const names = `${readName(cursor, base)} ${readName(cursor, base)}`
      const numbers = [cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()]
      return `${names} ${numbers.join(' ')}`
    }
    default:
      return cursor.take(size).toString('hex')
  }
}

function addressV4(cursor: Cursor): string {
  return `${cursor.u8()}.${cursor.u8()}.${cursor.u8()}.${cursor.u8()}`
}

function addressV6(cursor: Cursor): string {
  return addressText(Uint32Array.of(cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()))
}

/** Character strings (RFC 1035 §3.3.14). */
function readStrings(cursor: Cursor, size: number): string[] {
  const end = cursor.offset + size
  const strings: string[] = []
  while (cursor.offset < end && cursor.fault === undefined) {
    const length = cursor.u8()
    if (cursor.offset + length > end) cursor.fail('bad-length')
    else strings.push(cursor.latin1(length))
  }
  return strings
}

/**
 * Reads a name, following compression pointers, which count from `base`. RFC 1035 §4.1.4 lets them aim only back, but
 * resolvers follow others too, so a pointer that aims ahead would hide a name from us and not from them: any aim is
 * followed, and the walk ends by HOPS_MAX and by the bytes a name may have.
 */
function readName(cursor: Cursor, base: number): string {
  const { bytes } = cursor
  let size = 0
  let resume = -1
  let hops = 0
  for (let length = cursor.u8(); length !== 0; length = cursor.u8()) {
    if (length < 0x40) {
      if (size + length + 1 > NAME_BYTES_MAX) cursor.fail('name-too-long')
      else if (length > cursor.left) cursor.fail('truncated')
      else {
        const from = cursor.offset
        for (let i = 0; i < length; i++) letters[size + i] = bytes[from + i] as number
        letters[size + length] = DOT
        size += length + 1
        cursor.offset = from + length
      }
    } else if (length < 0xc0) {
      cursor.fail('bad-label')
    } else {
      const target = base + (((length & 0x3f) << 8) | cursor.u8())
      if (cursor.fault) break
      if (resume === -1) resume = cursor.offset
      if (target >= cursor.end || ++hops > HOPS_MAX) cursor.fail('bad-pointer')
      else cursor.offset = target
    }
  }
  if (resume !== -1 && cursor.fault === undefined) cursor.offset = resume
  return letters.toString('latin1', 0, Math.max(0, size - 1))
}
