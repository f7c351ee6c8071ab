/** What the signature engine asks of the flow stage; a flow is its row number. FlowTable has these. */
export interface FlowTableLike {
  /** Rows are 0 … flowsMax − 1. */
  readonly flowsMax: number
  /** Four words a row, as in base/address. */
  readonly client: Uint32Array
  readonly server: Uint32Array
  readonly clientPort: Uint16Array
  readonly serverPort: Uint16Array
  /** IP protocol number. */
  readonly protocol: Uint8Array
  /** 0 free, 1 new, 2 established (TCP: shaken hands; others: both sides have spoken), 3 closed. */
  readonly state: Uint8Array
  /** Of that direction, the packet in hand counted. */
  packets(flow: number, toServer: boolean): number
}

export const STATE_ESTABLISHED = 2
