/** EtherNet/IP on one flow: each message stands for itself. */
import { decodeEnip, ENIP_BYTES_MAX, enipBytes } from '../decode/enip.ts'
import type { IcsFrames } from './app-ics.ts'

export class EnipFrames implements IcsFrames {
  readonly proto = 'enip'
  readonly frameBytesMax = ENIP_BYTES_MAX
  readonly held = 0
  readonly size = enipBytes
  readonly frame = decodeEnip

  /** A message has no mark. */
  resume(bytes: Buffer): number {
    return bytes.length
  }

  lost(): void {}
}
