import type { Fault } from './fault.ts'

/**
 * A forward reader over the bytes of one packet.
 *
 * It never throws and never reads outside its window. The first failure is kept in `fault`; after
 * it, every read gives zero. So a decoder reads straight through and looks at `fault` once, at the
 * end — provided each of its loops has a bound of its own.
 */
export class Cursor {
  bytes: Buffer
  end = 0
  offset = 0
  fault: Fault | undefined = undefined

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  /** Begins anew over [offset, end) of other bytes: one reader serves where a message is read at a time. */
  over(bytes: Buffer, offset: number, end: number): void {
    this.bytes = bytes
    this.offset = offset
    this.end = end
    this.fault = undefined
  }

  get left(): number {
    return this.end - this.offset
  }

  fail(fault: Fault): 0 {
    this.fault ??= fault
    this.offset = this.end
    return 0
  }

  u8(): number {
    const at = this.offset
    if (at + 1 > this.end) return this.fail('truncated')
    this.offset = at + 1
    return this.bytes[at] as number
  }

  u16(): number {
    const at = this.offset
    if (at + 2 > this.end) return this.fail('truncated')
    this.offset = at + 2
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  u24(): number {
    return this.u8() * 0x1_0000 + this.u16()
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16()
  }

  skip(size: number): void {
    if (size > this.left) this.fail('truncated')
    else this.offset += size
  }

  /** The next `size` bytes, as a view: copy it if it must outlive the packet. */
  take(size: number): Buffer {
    const at = this.offset
    if (at + size > this.end) {
      this.fail('truncated')
      return this.bytes.subarray(at, at)
    }
    this.offset = at + size
    return this.bytes.subarray(at, at + size)
  }

  /** The next `size` bytes as numbers: of a few a list is made sooner than an array of bytes. */
  values(size: number): number[] {
    const at = this.offset
    if (at + size > this.end) {
      this.fail('truncated')
      return []
    }
    this.offset = at + size
    const own = new Array<number>(size) // what is pushed to has room for 17 at the first
    for (let i = 0; i < size; i++) own[i] = this.bytes[at + i] as number
    return own
  }

  /** The next `size` bytes as text, one character a byte. */
  latin1(size: number): string {
    const at = this.offset
    if (at + size > this.end) {
      this.fail('truncated')
      return ''
    }
    this.offset = at + size
    return this.bytes.toString('latin1', at, at + size)
  }
}
