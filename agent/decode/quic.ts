/**
 * QUIC Initial packets (RFC 9000 §17.2.2, RFC 9369). Their keys come from a number in the clear (RFC 9001 §5.2), so anyone on
 * the path may read the two hellos inside. Everything after them stays encrypted.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'

/** A client pads its first datagrams to this size, or the server throws them away (RFC 9000 §14.1). */
export const INITIAL_BYTES_MIN = 1200
const ID_BYTES_MAX = 20
const TAG_BYTES = 16
const SAMPLE_BYTES = 16
const FRAMES_MAX = 256
const ACK_RANGES_MAX = 256

interface Version {
  name: string
  salt: Buffer
  /** Before each word of a key. */
  label: string
  initialType: number
}

const V1_SALT = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex')
const V2_SALT = Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex')
const DRAFT_29_SALT = Buffer.from('afbfec289993d24c9e9786f19c6111e04390a899', 'hex')
const DRAFT_23_SALT = Buffer.from('c3eef712c72ebb5a11a7d2432bb46365bef9f502', 'hex')
const DRAFT = 0xff00_0000

function versionOf(number: number): Version | undefined {
  if (number === 1) return { name: '1', salt: V1_SALT, label: 'quic ', initialType: 0 }
  if (number === 0x6b33_43cf) return { name: '2', salt: V2_SALT, label: 'quicv2 ', initialType: 1 }
  const draft = number - DRAFT
  if (draft < 23 || draft > 34) return undefined
  const salt = draft >= 33 ? V1_SALT : draft >= 29 ? DRAFT_29_SALT : DRAFT_23_SALT
  return { name: `draft-${draft}`, salt, label: 'quic ', initialType: 0 }
}

/** Whether a datagram may be a client's first: size, long header, a version we read, the type. */
export function looksLikeQuic(bytes: Buffer): boolean {
  if (bytes.length < INITIAL_BYTES_MIN || ((bytes[0] as number) & 0xc0) !== 0xc0) return false
  const version = versionOf(bytes.readUInt32BE(1))
  const type = ((bytes[0] as number) >> 4) & 3
  return version?.initialType === type && (bytes[5] as number) <= ID_BYTES_MAX
}

export interface Initial {
  version: string
  versionNumber: number
  dcid: Buffer
  /** The sender's own id. */
  scid: Buffer
  /** The whole packet, and where its protected packet number begins. */
  start: number
  numberAt: number
  end: number
}

/** The Initial packet at `start` of a datagram; undefined: another kind stands there. */
export function findInitial(bytes: Buffer, start: number): Initial | undefined | Fault {
  const cursor = new Cursor(bytes, start)
  const first = cursor.u8()
  const versionNumber = cursor.u32()
  if (cursor.fault || (first & 0xc0) !== 0xc0) return undefined
  const version = versionOf(versionNumber)
  if (!version || ((first >> 4) & 3) !== version.initialType) return undefined
  const size = cursor.u8()
  if (size > ID_BYTES_MAX) return 'bad-length'
  const dcid = cursor.take(size)
  const scid = cursor.take(cursor.u8())
  cursor.take(readVarint(cursor)) // a token
  const length = readVarint(cursor)
  const numberAt = cursor.offset
  cursor.take(length)
  if (cursor.fault) return cursor.fault
  const { name } = version
  return { version: name, versionNumber, dcid, scid, start, numberAt, end: cursor.offset }
}

export interface InitialKeys {
  key: Buffer
  iv: Buffer
  mask: Buffer
}

/** What a side protects its Initial packets with, from the id the client first sent to. */
export function initialKeys(
  versionNumber: number,
  dcid: Buffer,
  side: 'client' | 'server',
): InitialKeys | undefined {
  const version = versionOf(versionNumber)
  if (!version) return undefined
  const secret = expand(hmac(version.salt, dcid), `${side} in`, 32)
  return {
    key: expand(secret, `${version.label}key`, 16),
    iv: expand(secret, `${version.label}iv`, 12),
    mask: expand(secret, `${version.label}hp`, 16),
  }
}

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

/** By label: the few there are. */
const infos = new Map<string, Buffer>()

/** HKDF-Expand-Label (RFC 8446 §7.1) of at most one block. */
function expand(secret: Buffer, label: string, size: number): Buffer {
  let info = infos.get(label)
  if (!info) {
    const name = Buffer.from(`tls13 ${label}`, 'latin1')
    info = Buffer.concat([Buffer.from([0, size, name.length]), name, Buffer.from([0, 1])])
    infos.set(label, info)
  }
  return hmac(secret, info).subarray(0, size)
}

/** The frames inside, or undefined where these keys do not open it. */
export function openInitial(
  bytes: Buffer,
  { start, numberAt, end }: Initial,
  { key, iv, mask }: InitialKeys,
): Buffer | undefined {
  if (numberAt + 4 + SAMPLE_BYTES > end) return undefined
  const sample = bytes.subarray(numberAt + 4, numberAt + 4 + SAMPLE_BYTES)
  const veil = createCipheriv('aes-128-ecb', mask, null).update(sample)
  const first = (bytes[start] as number) ^ ((veil[0] as number) & 0x0f)
  const numberBytes = (first & 3) + 1
  const header = Buffer.from(bytes.subarray(start, numberAt + numberBytes))
  header[0] = first
  const nonce = Buffer.from(iv)
  for (let i = 0; i < numberBytes; i++) {
    const at = header.length - numberBytes + i
    header[at] = (header[at] as number) ^ (veil[1 + i] as number)
    const place = nonce.length - numberBytes + i
    nonce[place] = (nonce[place] as number) ^ (header[at] as number)
  }
  const body = numberAt + numberBytes
  if (body + TAG_BYTES > end) return undefined
  const opener = createDecipheriv('aes-128-gcm', key, nonce)
  opener.setAAD(header)
  opener.setAuthTag(bytes.subarray(end - TAG_BYTES, end))
  const plain = opener.update(bytes.subarray(body, end - TAG_BYTES))
  try {
    opener.final()
    return plain
  } catch {
    return undefined // the tag is wrong: other keys, or not QUIC
  }
}

/** Calls `each` with every piece of the handshake in these frames; gives the fault, if any. */
export function readCrypto(
  frames: Buffer,
  each: (offset: number, data: Buffer) => void,
): Fault | undefined {
  const cursor = new Cursor(frames)
  for (let count = 0; cursor.left > 0; ) {
    const type = cursor.u8()
    if (type === FRAME.padding) {
      // A byte each, and most of the packet.
      let at = cursor.offset
      while (frames[at] === FRAME.padding) at++
      cursor.offset = at
      continue
    }
    if (++count > FRAMES_MAX) return 'too-many-records'
    if (type === FRAME.crypto) {
      const offset = readVarint(cursor)
      const data = cursor.take(readVarint(cursor))
      if (cursor.fault === undefined) each(offset, data)
    } else if (type === FRAME.ack || type === FRAME.ackEcn) skipAck(cursor, type)
    else if (type === FRAME.close) return undefined
    else if (type !== FRAME.ping) return 'bad-record'
  }
  return cursor.fault
}

const FRAME = { padding: 0, ping: 1, ack: 2, ackEcn: 3, crypto: 6, close: 0x1c } as const

function skipAck(cursor: Cursor, type: number): void {
  readVarint(cursor)
  readVarint(cursor)
  const ranges = readVarint(cursor)
  readVarint(cursor)
  if (ranges > ACK_RANGES_MAX) cursor.fail('too-many-records')
  for (let i = 0; i < ranges * 2 && cursor.fault === undefined; i++) readVarint(cursor)
  if (type === FRAME.ackEcn) for (let i = 0; i < 3; i++) readVarint(cursor)
}

/** RFC 9000 §16: the two highest bits say how many bytes; past 2^53 a number is no length of anything. */
function readVarint(cursor: Cursor): number {
  const first = cursor.u8()
  const more = (1 << (first >> 6)) - 1
  let value = first & 0x3f
  for (let i = 0; i < more; i++) value = value * 256 + cursor.u8()
  return Number.isSafeInteger(value) ? value : cursor.fail('bad-length')
}
