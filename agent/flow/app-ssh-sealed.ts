/** What one side of an SSH flow sends after its offer: whether it has taken its new keys into use. Nothing is kept but half a header. */

const NEWKEYS = 21 // RFC 4253 §7.3
const HEAD_BYTES = 6 // length, padding length, message number
const PACKET_BYTES_MAX = 35_000 // RFC 4253 §6.1
/** An exchange of keys takes a few. */
const PACKETS_MAX = 16

export class SealedPackets {
  /** New keys are in use: what comes now is encrypted. */
  begun = false
  /** Nothing more is to be learned here. */
  settled = false
  #packets = 0
  /** Of the header in hand: how many bytes have come, and the length they say. */
  #have = 0
  #size = 0
  /** Bytes of the packet in hand that are still to come. */
  #skip = 0

  add(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && !this.settled) {
      if (this.#skip === 0) this.#header(bytes[at++] as number)
      else {
        const size = Math.min(this.#skip, bytes.length - at)
        this.#skip -= size
        at += size
      }
    }
  }

  #header(byte: number): void {
    const have = ++this.#have
    if (have < HEAD_BYTES - 1) this.#size = this.#size * 256 + byte
    if (have === HEAD_BYTES) this.#packet(byte)
  }

  #packet(message: number): void {
    this.begun = message === NEWKEYS
    this.#skip = this.#size - (HEAD_BYTES - 4)
    const odd = this.#skip < 0 || this.#size > PACKET_BYTES_MAX
    this.settled = this.begun || odd || ++this.#packets >= PACKETS_MAX
    this.#have = 0
    this.#size = 0
  }
}
