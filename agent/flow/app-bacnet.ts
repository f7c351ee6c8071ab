/** BACnet/IP on one flow: a datagram is a message. */
import { BACNET_BYTES_MAX, decodeBacnet } from '../decode/bacnet.ts'
import type { IcsFrames } from './app-ics.ts'

export class BacnetFrames implements IcsFrames {
  readonly proto = 'bacnet'
  readonly frameBytesMax = BACNET_BYTES_MAX
  readonly held = 0
  readonly frame = decodeBacnet

  /** The length inside is not trusted: the datagram is the message. */
  size(_bytes: Buffer, start: number, end: number): number {
    return end - start
  }

  /** Never asked for: a datagram has one message. */
  resume(bytes: Buffer): number {
    return bytes.length
  }

  lost(): void {}
}
