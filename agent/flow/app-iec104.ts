/** IEC 60870-5-104 on one flow: an APDU is a message, nothing is kept between them. */
import { APDU_BYTES_MAX, apduBytes, decodeApdu } from '../decode/iec104.ts'
import type { IcsFrames } from './app-ics.ts'

export class ApduFrames implements IcsFrames {
  readonly proto = 'iec104'
  readonly frameBytesMax = APDU_BYTES_MAX
  readonly held = 0
  readonly size = apduBytes
  readonly frame = decodeApdu

  /** The start byte is looked for: it may be one of data, then another fault says so. */
  resume(bytes: Buffer, from: number): number {
    const at = bytes.indexOf(0x68, from)
    return at < 0 ? bytes.length : at
  }

  lost(): void {}
}
