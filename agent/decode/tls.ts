/**
 * TLS hellos and certificates (RFC 8446, RFC 5246): the parts that travel in the clear. Input is the body of one
 * handshake message; records and reassembly are in flow/app-tls.ts. Lists are bounded by the message (64 kB).
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { type JaTransport, ja3sText, ja3Text, ja4, md5 } from './ja.ts'
import { NOTED, type TlsHello } from './records.ts'

export const HANDSHAKE = {
  clientHello: 1,
  serverHello: 2,
  certificate: 11,
  serverKeyExchange: 12,
  serverDone: 14,
} as const

const EXTENSION = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  preSharedKey: 41,
  supportedVersions: 43,
  keyShare: 51,
} as const
const DRAFT = 0x7f
const CERTIFICATES_MAX = 16
const EXTENSIONS_MAX = 256
const ALPN_MAX = 32
const NOTHING = new Uint8Array(0)

/** What is asked for by few: a fingerprint takes as long as reading the hello. */
export class Hello implements TlsHello {
  version = 0
  random = NOTHING
  sni = ''
  alpn: string[] = []
  ciphers: number[] = []
  extensions: number[] = []
  groups: number[] = []
  pointFormats: number[] = []
  signatureAlgorithms: number[] = []
  supportedVersions: number[] = []
  serverVersion = 0
  serverRandom = NOTHING
  serverCipher = 0
  serverExtensions: number[] = []
  serverAlpn = ''
  serverGroup = 0
  resumed = false
  established = false
  certificates: Uint8Array[] = [];
  [NOTED]: object | undefined = undefined
  /** What the client's hello came over, by JA4's letter; undefined before it was read whole. */
  #over: JaTransport | undefined
  /** The version that the server's hello has in its head; -1 before it. */
  #serverLegacy = -1
  #ja3: string | undefined
  #ja4: string | undefined

  get ja3Text(): string {
    return this.#over === undefined ? '' : ja3Text(this)
  }

  get ja3(): string {
    if (this.#over === undefined) return ''
    this.#ja3 ??= md5(ja3Text(this))
    return this.#ja3
  }

  get ja4(): string {
    if (this.#over === undefined) return ''
    this.#ja4 ??= ja4(this, this.#over)
    return this.#ja4
  }

  get ja3sText(): string {
    const version = this.#serverLegacy
    if (version < 0) return ''
    return ja3sText({ version, cipher: this.serverCipher, extensions: this.serverExtensions })
  }

  get ja3s(): string {
    return this.#serverLegacy < 0 ? '' : md5(this.ja3sText)
  }

  clientRead(over: JaTransport): void {
    this.#over = over
    this.#ja3 = undefined
    this.#ja4 = undefined
  }

  serverRead(legacyVersion: number): void {
    this.#serverLegacy = legacyVersion
  }
}

export function emptyHello(): Hello {
  return new Hello()
}

/** Fills the client's half of `hello`; returns the fault, if any. Over datagrams (DTLS) a cookie stands behind the session. */
export function decodeClientHello(
  body: Buffer,
  hello: Hello,
  over: JaTransport = 't',
): Fault | undefined {
  const cursor = new Cursor(body)
  hello.version = cursor.u16()
  hello.random = new Uint8Array(cursor.take(32))
  cursor.skip(cursor.u8()) // session id
  if (over === 'd') cursor.skip(cursor.u8())
  hello.ciphers = readU16s(cursor, cursor.u16())
  cursor.skip(cursor.u8()) // compression
  readExtensions(cursor, (type, data) => {
    hello.extensions.push(type)
    readClientExtension(type, data, hello)
    if (data.fault) cursor.fail('bad-handshake')
  })
  if (cursor.fault) return cursor.fault
  hello.clientRead(over)
  return undefined
}

function readClientExtension(type: number, data: Cursor, hello: TlsHello): void {
  switch (type) {
    case EXTENSION.serverName:
      if (data.left > 0) hello.sni = readServerName(data)
      break
    case EXTENSION.groups:
      hello.groups = readU16s(data, data.u16())
      break
    case EXTENSION.pointFormats:
      hello.pointFormats = [...data.take(data.u8())]
      break
    case EXTENSION.signatureAlgorithms:
      hello.signatureAlgorithms = readU16s(data, data.u16())
      break
    case EXTENSION.alpn:
      hello.alpn = readAlpn(data)
      break
    case EXTENSION.supportedVersions:
      hello.supportedVersions = readU16s(data, data.u8())
      break
  }
}

/** Fills the server's half of `hello`; returns the fault, if any. Broken extensions do not take back what stood before them. */
export function decodeServerHello(body: Buffer, hello: Hello): Fault | undefined {
  const cursor = new Cursor(body)
  const legacy = cursor.u16()
  hello.serverRandom = new Uint8Array(cursor.take(32))
  // Drafts of TLS 1.3 up to 21 said so in this field, and had neither session nor compression here.
  const draft = legacy >> 8 === DRAFT
  if (!draft) cursor.skip(cursor.u8())
  const cipher = cursor.u16()
  if (!draft) cursor.u8() // compression
  if (cursor.fault) return cursor.fault
  let version = legacy
  hello.serverExtensions = []
  readExtensions(cursor, (type, data) => {
    hello.serverExtensions.push(type)
    if (type === EXTENSION.supportedVersions) version = data.u16()
    if (type === EXTENSION.keyShare) hello.serverGroup = data.u16()
    if (type === EXTENSION.preSharedKey) hello.resumed = true
    if (type === EXTENSION.alpn) hello.serverAlpn = readAlpn(data)[0] ?? ''
    if (data.fault) cursor.fail('bad-handshake')
  })
  hello.serverVersion = version
  hello.serverCipher = cipher
  hello.serverRead(legacy)
  return cursor.fault
}

const NAMED_CURVE = 3 // RFC 8422 §5.4

/** The group of a server's key exchange; other kinds of it say none. */
export function decodeKeyExchange(body: Buffer, hello: TlsHello): void {
  if (body.length >= 3 && body[0] === NAMED_CURVE) hello.serverGroup = body.readUInt16BE(1)
}

/** Certificates of TLS 1.2 and below (RFC 5246 §7.4.2), as copies. */
export function decodeCertificates(body: Buffer, hello: TlsHello): Fault | undefined {
  const cursor = new Cursor(body)
  const size = cursor.u24()
  if (size !== cursor.left) cursor.fail('bad-length')
  while (cursor.left > 0 && hello.certificates.length < CERTIFICATES_MAX) {
    const der = cursor.take(cursor.u24())
    if (cursor.fault === undefined) hello.certificates.push(new Uint8Array(der))
  }
  return cursor.fault
}

/** Calls `each` with a cursor over one extension's data. No extensions at all is legal. */
function readExtensions(cursor: Cursor, each: (type: number, data: Cursor) => void): void {
  if (cursor.fault || cursor.left === 0) return
  const size = cursor.u16()
  if (size !== cursor.left) {
    cursor.fail('bad-length')
    return
  }
  for (let i = 0; cursor.left > 0 && i < EXTENSIONS_MAX; i++) {
    const type = cursor.u16()
    const length = cursor.u16()
    const at = cursor.offset
    cursor.skip(length)
    if (cursor.fault === undefined) each(type, new Cursor(cursor.bytes, at, at + length))
  }
}

function readU16s(cursor: Cursor, size: number): number[] {
  const list: number[] = []
  if (size > cursor.left + (size % 2)) cursor.fail('truncated')
  else for (let i = 0; i + 1 < size; i += 2) list.push(cursor.u16())
  return list
}

/** The first host name (RFC 6066 §3). */
function readServerName(data: Cursor): string {
  data.u16() // the list's size: one entry is all that exists
  const type = data.u8()
  const name = data.latin1(data.u16())
  return type === 0 ? name : ''
}

function readAlpn(data: Cursor): string[] {
  const end = Math.min(data.u16() + data.offset, data.end)
  const names: string[] = []
  while (data.offset < end && names.length < ALPN_MAX) names.push(data.latin1(data.u8()))
  return names
}
