/** What one side of a TLS flow sends after what is in the clear: whether encryption has begun. Nothing is kept but half a header. */

export const TLS_RECORD = { change: 20, handshake: 22, data: 23 } as const
const ALERT = 21
const HEADER_BYTES = 5
/** Records in which the other side has time to begin too. */
const RECORDS_MAX = 8

export class SealedRecords {
  /** An encrypted record was seen. */
  begun = false
  /** Nothing more is to be learned here. */
  settled = false
  /** The cipher was changed, or there is no such record (TLS 1.3) and data come. */
  #changed = false
  #records = 0
  /** Of the header in hand: how many bytes have come, and what they say. */
  #have = 0
  #type = 0
  #major = 0
  #size = 0
  /** Bytes of the record in hand that are still to come. */
  #skip = 0

  stop(): void {
    this.settled = true
  }

  add(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.settled) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, bytes.length - at)
        this.#skip -= size
        at += size
        continue
      }
      this.#header(bytes[at++] as number)
    }
  }

  #header(byte: number): void {
    if (this.#have === 0) this.#type = byte
    else if (this.#have === 1) this.#major = byte
    else this.#size = ((this.#size << 8) | byte) & 0xffff
    if (++this.#have === HEADER_BYTES) this.#record()
  }

  #record(): void {
    const type = this.#type
    this.#have = 0
    this.#skip = this.#size
    const odd = type < TLS_RECORD.change || type === ALERT || this.#major !== 3
    if (odd || ++this.#records >= RECORDS_MAX) this.settled = true
    if (type === TLS_RECORD.change) this.#changed = true
    else if (type === TLS_RECORD.data || (type === TLS_RECORD.handshake && this.#changed))
      this.begun = true
  }
}
