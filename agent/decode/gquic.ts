/**
 * Google's QUIC before it was a standard, versions Q0xx up to Q043: a public header, then frames that are in the clear up to the
 * client's hello (CHLO), a table of tags (QUIC Crypto, 2013).
 */

export const GQUIC_BYTES_MIN = 64
const VERSION_AT = 9
const VERSION_BIT = 0x01
const ID_BITS = 0x0c
const RESET_BIT = 0x02
/** Past the number, a hash of twelve bytes and the head of a frame the hello begins. */
const HELLO_AT_MAX = 64
const TABLE_AT = 8
const ENTRY_BYTES = 8
const TAGS_MAX = 128
const NAME_BYTES_MAX = 255
const CHLO = Buffer.from('CHLO')
const SNI = Buffer.from('SNI\0')

export interface GoogleHello {
  version: string
  /** Of the connection, in hex. */
  id: string
  sni: string
}

/** A header with an id and a version. */
export function isGoogleQuic(bytes: Buffer): boolean {
  if (bytes.length < GQUIC_BYTES_MIN) return false
  const flags = bytes[0] as number
  if (
    (flags & (VERSION_BIT | RESET_BIT)) !== VERSION_BIT ||
    (flags & ID_BITS) === 0 ||
    flags & 0x80
  )
    return false
  return /^Q0[0-4]\d$/.test(bytes.toString('latin1', VERSION_AT, VERSION_AT + 4))
}

/** The hello of a datagram that `isGoogleQuic`; undefined: it has none. */
export function decodeGoogleHello(bytes: Buffer): GoogleHello | undefined {
  const at = bytes.subarray(0, VERSION_AT + HELLO_AT_MAX).indexOf(CHLO)
  if (at < 0 || at + TABLE_AT > bytes.length) return undefined
  const version = bytes.toString('latin1', VERSION_AT, VERSION_AT + 4)
  const id = bytes.toString('hex', 1, VERSION_AT)
  return { version, id, sni: readSni(bytes.subarray(at)) }
}

/** Of each tag the table says where its value ends; values begin behind the table. */
function readSni(message: Buffer): string {
  const tags = Math.min(message.readUInt16LE(4), TAGS_MAX)
  const values = TABLE_AT + message.readUInt16LE(4) * ENTRY_BYTES
  let start = 0
  for (let i = 0, at = TABLE_AT; i < tags && at + ENTRY_BYTES <= message.length; i++) {
    const end = message.readUInt32LE(at + 4)
    if (message.compare(SNI, 0, SNI.length, at, at + SNI.length) === 0) {
      if (end < start || end - start > NAME_BYTES_MAX || values + end > message.length) return ''
      return message.toString('latin1', values + start, values + end)
    }
    start = end
    at += ENTRY_BYTES
  }
  return ''
}
