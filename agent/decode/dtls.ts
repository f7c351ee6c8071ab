/** Records and handshake fragments of DTLS up to 1.2 (RFC 6347 §4): what TLS says, each piece with its place. */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'

const MAJOR = 0xfe
const HEADER_BYTES = 13
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const FRAGMENT_HEADER_BYTES = 12

export interface DtlsRecord {
  type: number
  /** Above 0 it is encrypted. */
  epoch: number
  body: Buffer
  end: number
}

export interface DtlsFragment {
  type: number
  /** Of the whole message. */
  size: number
  sequence: number
  offset: number
  data: Buffer
}

/** Whether a datagram begins with a client hello, whole or its first part. */
export function isDtlsHello(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES + FRAGMENT_HEADER_BYTES) return false
  if (bytes[0] !== HANDSHAKE || bytes[1] !== MAJOR || bytes.readUInt16BE(3) !== 0) return false
  const size = bytes.readUInt16BE(11)
  return (
    size >= FRAGMENT_HEADER_BYTES &&
    HEADER_BYTES + size <= bytes.length &&
    bytes[HEADER_BYTES] === CLIENT_HELLO &&
    bytes.readUIntBE(HEADER_BYTES + 6, 3) === 0
  )
}

/** The record at `start` of a datagram; they follow one another. */
export function decodeDtlsRecord(bytes: Buffer, start: number): DtlsRecord | Fault {
  const cursor = new Cursor(bytes, start)
  const type = cursor.u8()
  const major = cursor.u8()
  cursor.u8()
  const epoch = cursor.u16()
  cursor.take(6) // its number
  const body = cursor.take(cursor.u16())
  if (cursor.fault) return cursor.fault
  return major === MAJOR ? { type, epoch, body, end: cursor.offset } : 'bad-record'
}

/** The pieces of messages in one handshake record. */
export function readDtlsFragments(
  body: Buffer,
  each: (fragment: DtlsFragment) => void,
): Fault | undefined {
  const cursor = new Cursor(body)
  while (cursor.left > 0) {
    const [type, size, sequence, offset] = [cursor.u8(), cursor.u24(), cursor.u16(), cursor.u24()]
    const data = cursor.take(cursor.u24())
    if (cursor.fault) return cursor.fault
    if (offset + data.length > size) return 'bad-length'
    each({ type, size, sequence, offset, data })
  }
  return undefined
}
