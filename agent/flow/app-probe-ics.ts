/** Which industrial protocol a flow speaks, by the first bytes of either direction; the port is only a hint. */
import { isBacnet } from '../decode/bacnet.ts'
import { isDnp3Header } from '../decode/dnp3.ts'
import { enipBytes, isEnipHeader } from '../decode/enip.ts'
import { apduBytes, isApduControl } from '../decode/iec104.ts'
import type { IcsProto } from '../decode/records.ts'
import { COTP, decodeCotp, isS7, tpktBytes } from '../decode/s7.ts'

type IcsGuess = IcsProto | 'more' | 'none'

const DNP3_HEADER_BYTES = 10
const ISO_PACKETS_MAX = 8
const IEC104_PORT = 2404
/** Each BACnet network on one wire has a port of its own. */
const BACNET_PORT_FIRST = 47_808
const BACNET_PORT_LAST = 47_823
const ENIP_PORT = 44_818
const REGISTERED_BYTES = 28
const REGISTER_SESSION = Buffer.from('65000400', 'hex')
const STARTDT = Buffer.from('680407000000', 'hex')

/** The first bytes of one direction of a TCP flow. */
export function guessIcs(bytes: Buffer, serverPort: number): IcsGuess {
  for (const guess of [guessDnp3, guessS7, guessIec104, guessEnip]) {
    const proto = guess(bytes, serverPort)
    if (proto !== 'none') return proto
  }
  return 'none'
}

/** One datagram of a flow that is not known yet. */
export function guessIcsDatagram(bytes: Buffer, serverPort: number): IcsProto | 'none' {
  if (isDnp3Header(bytes, 0, bytes.length)) return 'dnp3'
  if (isBacnet(bytes, isBacnetPort(serverPort))) return 'bacnet'
  if (serverPort === ENIP_PORT && enipBytes(bytes, 0, bytes.length) === bytes.length) return 'enip'
  return 'none'
}

function isBacnetPort(port: number): boolean {
  return port >= BACNET_PORT_FIRST && port <= BACNET_PORT_LAST
}

/** The checksum of the header makes a port needless. */
function guessDnp3(bytes: Buffer): IcsGuess {
  if (isDnp3Header(bytes, 0, bytes.length)) return 'dnp3'
  if (bytes.length >= DNP3_HEADER_BYTES) return 'none'
  return bytes[0] === 0x05 && (bytes.length < 2 || bytes[1] === 0x64) ? 'more' : 'none'
}

/**
 * ISO transport carries other protocols too (remote desktop, MMS): only the first data say which. So the packets that open
 * the connection are waited out, on any port.
 */
function guessS7(bytes: Buffer): IcsGuess {
  for (let at = 0, packets = 0; packets < ISO_PACKETS_MAX; packets++) {
    const size = tpktBytes(bytes, at, bytes.length)
    if (typeof size === 'string') return 'none'
    if (bytes.length > at + 1 && bytes[at + 1] !== 0) return 'none'
    if (size === 0 || at + size > bytes.length)
      return mayBeIso(bytes.subarray(at)) ? 'more' : 'none'
    const cotp = decodeCotp(bytes, at, at + size)
    if (typeof cotp === 'string') return 'none'
    if (cotp.type === COTP.data && cotp.at < at + size)
      return isS7(bytes, cotp.at, at + size) ? 's7' : 'none'
    if (cotp.type !== COTP.data && cotp.type !== COTP.connect && cotp.type !== COTP.confirm)
      return 'none'
    at += size
  }
  return 'none'
}

/** The beginning of one packet: of what is there, nothing says no. */
function mayBeIso(bytes: Buffer): boolean {
  if (bytes.length < 6) return true
  const type = (bytes[5] as number) >> 4
  if (type === COTP.connect || type === COTP.confirm) return true
  return type === COTP.data && (bytes.length < 8 || isS7(bytes, 7, bytes.length))
}

/** On its port the start byte is enough; elsewhere the words that open a connection, or nothing but whole APDUs. */
function guessIec104(bytes: Buffer, serverPort: number): IcsGuess {
  if (serverPort === IEC104_PORT) return bytes[0] === STARTDT[0] ? 'iec104' : 'none'
  const begun = Math.min(bytes.length, STARTDT.length)
  if (bytes.compare(STARTDT, 0, begun, 0, begun) === 0)
    return begun === STARTDT.length ? 'iec104' : 'more'
  for (let at = 0; at < bytes.length; ) {
    const size = apduBytes(bytes, at, bytes.length)
    if (typeof size === 'string' || size === 0 || at + size > bytes.length) return 'none'
    if (!isApduControl(bytes, at + 2, size - 2)) return 'none'
    at += size
  }
  return 'iec104'
}

/** On its port a known command is enough; elsewhere the words that open a session, or one whole message. */
function guessEnip(bytes: Buffer, serverPort: number): IcsGuess {
  if (serverPort === ENIP_PORT) {
    const size = enipBytes(bytes, 0, bytes.length)
    return typeof size === 'string' ? 'none' : size === 0 ? 'more' : 'enip'
  }
  const begun = Math.min(bytes.length, REGISTER_SESSION.length)
  if (bytes.compare(REGISTER_SESSION, 0, begun, 0, begun) === 0) {
    if (bytes.length < REGISTERED_BYTES) return 'more'
    return isEnipHeader(bytes, 0, bytes.length) ? 'enip' : 'none'
  }
  // Without a session or data a header is hardly more than zeros: other protocols have those too.
  if (!isEnipHeader(bytes, 0, bytes.length) || bytes.readUInt32LE(4) === 0) return 'none'
  return enipBytes(bytes, 0, bytes.length) === bytes.length ? 'enip' : 'none'
}
