/** Little-endian fields by offset. Outside the bytes they read as zero, and `short` says that it happened. */
export class Little {
  readonly bytes: Buffer
  short = false

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  u8(at: number): number {
    return this.#has(at, 1) ? (this.bytes[at] as number) : 0
  }

  u16(at: number): number {
    return this.#has(at, 2) ? (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8) : 0
  }

  u32(at: number): number {
    return this.#has(at, 4) ? this.#word(at) : 0
  }

  u64(at: number): bigint {
    return this.#has(at, 8) ? this.bytes.readBigUInt64LE(at) : 0n
  }

  /** In decimal digits; below 2^53 without a big integer. */
  u64Text(at: number): string {
    if (!this.#has(at, 8)) return '0'
    const high = this.#word(at + 4)
    if (high >= 0x20_0000) return String(this.u64(at))
    return String(high * 2 ** 32 + this.#word(at))
  }

  slice(at: number, size: number): Buffer {
    return this.#has(at, size) ? this.bytes.subarray(at, at + size) : this.bytes.subarray(0, 0)
  }

  /** UTF-16 or one character a byte. */
  text(at: number, size: number, wide: boolean): string {
    const bytes = this.slice(at, wide ? size & ~1 : size)
    return bytes.toString(wide ? 'utf16le' : 'latin1')
  }

  /** Up to a zero, and where the next field begins. */
  zeroText(at: number, wide: boolean): { text: string; next: number } {
    const step = wide ? 2 : 1
    let end = at
    while (end + step <= this.bytes.length && !this.#zero(end, step)) end += step
    return { text: this.text(at, end - at, wide), next: end + step }
  }

  #zero(at: number, step: number): boolean {
    return this.bytes[at] === 0 && (step === 1 || this.bytes[at + 1] === 0)
  }

  #word(at: number): number {
    const { bytes } = this
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0
  }

  #has(at: number, size: number): boolean {
    if (at >= 0 && size >= 0 && at + size <= this.bytes.length) return true
    this.short = true
    return false
  }
}

/** Bytes of a UUID as sent by Windows: the first three parts are little-endian. */
export function uuidText(bytes: Buffer): string {
  if (bytes.length < 16) return ''
  const hex = bytes.toString('hex', 0, 16)
  const pair = (at: number) => hex.slice(at * 2, at * 2 + 2)
  const first = `${pair(3)}${pair(2)}${pair(1)}${pair(0)}-${pair(5)}${pair(4)}-${pair(7)}${pair(6)}`
  return `${first}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
