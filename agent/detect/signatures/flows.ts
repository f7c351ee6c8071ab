/** What the signature engine asks of the flow table; a flow is its row number. */
import type { AppProto } from '../../decode/records.ts'

export interface FlowTableLike {
  /** Rows are 0 … capacity − 1. */
  readonly capacity: number
  /** Four words a row, as in base/address. */
  readonly clientAddress: Uint32Array
  readonly serverAddress: Uint32Array
  readonly clientPort: Uint16Array
  readonly serverPort: Uint16Array
  /** IP protocol number. */
  readonly protocol: Uint8Array
  /** TCP: the handshake was seen whole. Others: both sides have spoken. */
  established(flow: number): boolean
  appProto(flow: number): AppProto
}
