/** Which protocol a TCP flow speaks, by its first bytes in either direction; the port is only a hint. */
import type { AppProto } from '../decode/records.ts'
import { guessItStream, namesMail } from './app-it.ts'
import { guessIcs } from './app-probe-ics.ts'

/** First bytes kept of each direction while it is not clear. */
export const PROBE_BYTES_MAX = 2048

export type Guess = Exclude<AppProto, 'unknown' | 'failed'> | 'more' | 'none'

const SSH = Buffer.from('SSH-')
const METHODS = new Set(
  (
    'GET POST HEAD PUT DELETE OPTIONS CONNECT TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK ' +
    'UNLOCK REPORT SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE CHECKOUT MERGE INVOKE PURGE LINK UNLINK DEBUG RPC_IN_DATA RPC_OUT_DATA'
  ).split(' '),
)
const HTTP_PORTS = new Set([80, 81, 591, 3128, 8000, 8008, 8080, 8081, 8888])
const [UPPER_A, UPPER_Z] = [0x41, 0x5a]
const REQUEST_LINE_MAX = 2048
const FOREIGN_VERSION = /[ \t](?:(?:RTSP|SIPS?|ICAP)\/\d|HTTP\/[2-9])/i
/** Up to the sizes that must agree. */
const OLD_HELLO_BYTES = 11
const PORT = { ssh: 22, dns: 53, modbus: 502 } as const

/** `client` and `server` are the first bytes of each direction, either may be empty. */
export function guess(client: Buffer, server: Buffer, serverPort: number): Guess {
  if (client.length === 0) return guessByServer(server, serverPort)
  if (isTlsHello(client, 1) || isOldHello(client)) return 'tls'
  if (begins(client, SSH)) return 'ssh'
  if (serverPort === PORT.dns) {
    const http = guessHttp(client, serverPort)
    return http === 'http' ? http : guessDns(client)
  }
  const modbus = guessModbus(client, server, serverPort)
  if (modbus !== 'none') return modbus
  const office = guessItStream(client, server, serverPort)
  if (office !== 'none' && office !== 'more') return office // RDP begins as S7 does, and is told sooner
  const ics = guessIcs(client, serverPort)
  if (ics !== 'none') return ics
  const http = guessHttp(client, serverPort)
  if (http !== 'none') return http
  if (office === 'more') return 'more'
  const short =
    client.length < 6 && (client[0] === 0x16 || SSH.subarray(0, client.length).equals(client))
  return short || mayBeOldHello(client) ? 'more' : 'none'
}

/** The header of a record that holds the beginning of a client hello (1) or server hello (2). */
export function isTlsHello(bytes: Buffer, type: 1 | 2): boolean {
  if (bytes.length < 6 || bytes[0] !== 0x16 || bytes[1] !== 3 || (bytes[2] as number) > 4)
    return false
  const size = bytes.readUInt16BE(3)
  return size >= 4 && size <= 18_432 && bytes[5] === type
}

/** By its first byte: whether what is watched may be a hello of TLS or a request here. */
export function mayTurn(first: number): boolean {
  return first === 0x16 || (first >= UPPER_A && first <= UPPER_Z)
}

/** A hello in the way of SSL 2 that asks for SSL 3 or TLS (RFC 5246 §E.2), by lengths that must agree. */
export function isOldHello(bytes: Buffer): boolean {
  if (bytes.length < OLD_HELLO_BYTES || (bytes[0] as number) >> 7 !== 1) return false
  if (bytes[2] !== 1 || bytes[3] !== 3) return false
  const [ciphers, session, challenge] = [5, 7, 9].map((at) => bytes.readUInt16BE(at)) as [number, number, number] // biome-ignore format: one read
  const size = bytes.readUInt16BE(0) & 0x7fff
  return ciphers % 3 === 0 && challenge >= 16 && size === 9 + ciphers + session + challenge
}

function mayBeOldHello(bytes: Buffer): boolean {
  const { length } = bytes
  if (length >= OLD_HELLO_BYTES || (bytes[0] as number) >> 7 !== 1) return false
  return (length < 3 || bytes[2] === 1) && (length < 4 || bytes[3] === 3)
}

/** Too few bytes to say; none of them says no. */
export function mayBeTlsHello(bytes: Buffer): boolean {
  return bytes.length < 6 && bytes[0] === 0x16 && (bytes.length < 2 || bytes[1] === 3)
}

function begins(bytes: Buffer, mark: Buffer): boolean {
  return bytes.length >= mark.length && bytes.compare(mark, 0, mark.length, 0, mark.length) === 0
}

/** Only the server has spoken, or only it is seen. */
function guessByServer(server: Buffer, serverPort: number): Guess {
  if (begins(server, SSH)) return 'ssh'
  if (serverPort === PORT.dns) return guessDns(server)
  if (isTlsHello(server, 2)) return 'tls'
  if (namesMail(server, serverPort)) return 'smtp'
  const ics = guessIcs(server, serverPort)
  if (ics !== 'none' && ics !== 'more') return ics
  if (server.toString('latin1', 0, 7) === 'HTTP/1.') return 'http'
  // RFC 4253 §4.2 lets an SSH server say other lines first.
  if (serverPort === PORT.ssh && server.includes('\nSSH-')) return 'ssh'
  return server.length >= PROBE_BYTES_MAX ? 'none' : 'more'
}

function guessDns(client: Buffer): Guess {
  if (client.length < 6) return 'more'
  const size = client.readUInt16BE(0)
  const opcode = (client.readUInt16BE(4) >> 11) & 0xf
  return size >= 12 && opcode <= 6 ? 'dns' : 'none'
}

/** On its port the protocol id is enough, so that a length that lies is a fault; elsewhere both sides must agree. */
function guessModbus(client: Buffer, server: Buffer, serverPort: number): Guess {
  if (serverPort === PORT.modbus) {
    if (client.length < 4) return 'more'
    return client.readUInt16BE(2) === 0 ? 'modbus' : 'none'
  }
  const size = aduSize(client)
  if (size === 0 || size !== client.length) return 'none'
  if (server.length === 0) return 'more'
  const same =
    aduSize(server) > 0 &&
    server.readUInt16BE(0) === client.readUInt16BE(0) &&
    server[6] === client[6] &&
    ((server[7] as number) & 0x7f) === client[7]
  return same ? 'modbus' : 'none'
}

/** A controller that connects to its client, or whose answer is the first that is seen: the ends are the other way round. */
export function isTurnedModbus(first: Buffer, clientPort: number, serverPort: number): boolean {
  if (clientPort !== PORT.modbus || serverPort === PORT.modbus) return false
  return first.length >= 4 && first.readUInt16BE(2) === 0
}

/** Bytes of the ADU that begins here; 0 when it is none. */
function aduSize(bytes: Buffer): number {
  if (bytes.length < 8 || bytes.readUInt16BE(2) !== 0) return 0
  const size = bytes.readUInt16BE(4)
  const code = bytes[7] as number
  return size < 2 || size > 254 || (code & 0x7f) === 0 ? 0 : 6 + size
}

const BLANKS_MAX = 8
const isBlank = (c: number) => c === 13 || c === 10 || c === 32 || c === 9

function guessHttp(client: Buffer, serverPort: number): Guess {
  let start = 0
  // Servers read over empty lines and blanks before a request.
  while (start < client.length && start < BLANKS_MAX && isBlank(client[start] as number)) start++
  const head = client.toString('latin1', start, Math.min(client.length, start + 512))
  const match = /^([A-Z][A-Z_-]{1,20})(?:$|[ \t]+([^ \t\r\n]*))/.exec(head)
  if (!match) return head === '' || /^[A-Z]$/.test(head) ? 'more' : 'none'
  const [, method = '', target] = match
  if (target === undefined) {
    const begun = HTTP_PORTS.has(serverPort) || [...METHODS].some((name) => name.startsWith(method))
    return begun ? 'more' : 'none'
  }
  if (!METHODS.has(method) && !HTTP_PORTS.has(serverPort)) return 'none'
  if (/^(?:sips?|rtsp|icap|tel):/i.test(target)) return 'none'
  const line = /^[^\r\n]*(?=\r?\n)/.exec(head)?.[0]
  if (line === undefined) return target.length >= 8 ? 'http' : 'more'
  if (/[ \t]HTTP\/[01]\.\d[ \t]*$/i.test(line)) return 'http'
  // HTTP/0.9 has no version, and a broken one stops not every server: as much is taken for HTTP as when the line comes in
  // pieces and its end is not seen yet. RTSP, SIP, ICAP and HTTP/2's preface have a version of their own.
  if (FOREIGN_VERSION.test(line.slice(match[0].length))) return 'none'
  return METHODS.has(method) && target.startsWith('/') ? 'http' : 'none'
}

/** A whole request line of a known method, as it must be to stand behind other words. */
export function isHttpRequest(bytes: Buffer): boolean {
  const first = bytes[0] ?? 0
  if (first < UPPER_A || first > UPPER_Z) return false
  const line = bytes.toString('latin1', 0, Math.min(bytes.length, REQUEST_LINE_MAX))
  const [, method = ''] = /^([A-Z_]{3,16}) [^ \r\n]+ HTTP\/1\.\d\r?\n/.exec(line) ?? []
  return METHODS.has(method)
}

/** The beginning of a request of a known method, cut before its line ends. */
export function isBegunRequest(client: Buffer): boolean {
  const [, method = ''] = /^([A-Z]{3,16}) \//.exec(client.toString('latin1', 0, 32)) ?? []
  return METHODS.has(method)
}
