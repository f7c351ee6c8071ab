/** Which industrial protocol a flow speaks, by the first bytes of either direction; the port is only a hint. */
import { isDnp3Header } from '../decode/dnp3.ts'
import type { IcsProto } from '../decode/records.ts'

type IcsGuess = IcsProto | 'more' | 'none'

const DNP3_HEADER_BYTES = 10

/** The first bytes of one direction of a TCP flow. */
export function guessIcs(bytes: Buffer, _serverPort: number): IcsGuess {
  return guessDnp3(bytes)
}

/** One datagram of a flow that is not known yet. */
export function guessIcsDatagram(bytes: Buffer, _serverPort: number): IcsProto | 'none' {
  return isDnp3Header(bytes, 0, bytes.length) ? 'dnp3' : 'none'
}

/** The checksum of the header makes a port needless. */
function guessDnp3(bytes: Buffer): IcsGuess {
  if (isDnp3Header(bytes, 0, bytes.length)) return 'dnp3'
  if (bytes.length >= DNP3_HEADER_BYTES) return 'none'
  return bytes[0] === 0x05 && (bytes.length < 2 || bytes[1] === 0x64) ? 'more' : 'none'
}
