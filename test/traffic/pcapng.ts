/** pcapng files block by block, in either byte order. */

export class Pcapng {
  readonly #parts: Buffer[] = []
  readonly #little: boolean

  constructor(little = true) {
    this.#little = little
    const body = Buffer.alloc(16)
    this.#put32(body, 0x1a2b3c4d, 0)
    this.#put16(body, 1, 4)
    body.fill(0xff, 8)
    this.block(0x0a0d0d0a, body)
  }

  interface(linkType = 1, options: Uint8Array = new Uint8Array(0), snapLength = 0): this {
    const body = Buffer.alloc(8)
    this.#put16(body, linkType, 0)
    this.#put32(body, snapLength, 4)
    return this.block(1, Buffer.concat([body, options]))
  }

  /** An option of up to four bytes of value. */
  option(code: number, value: Uint8Array): Buffer {
    const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
    this.#put16(bytes, code, 0)
    this.#put16(bytes, value.length, 2)
    bytes.set(value, 4)
    return bytes
  }

  enhanced(frame: Uint8Array, ticks: bigint, id = 0, wire = frame.length): this {
    const body = Buffer.alloc(20)
    this.#put32(body, id, 0)
    this.#put32(body, Number(ticks >> 32n), 4)
    this.#put32(body, Number(ticks & 0xffffffffn), 8)
    this.#put32(body, frame.length, 12)
    this.#put32(body, wire, 16)
    return this.block(6, Buffer.concat([body, frame]))
  }

  old(frame: Uint8Array, ticks: bigint, id = 0): this {
    const body = Buffer.alloc(20)
    this.#put16(body, id, 0)
    this.#put32(body, Number(ticks >> 32n), 4)
    this.#put32(body, Number(ticks & 0xffffffffn), 8)
    this.#put32(body, frame.length, 12)
    this.#put32(body, frame.length, 16)
    return this.block(2, Buffer.concat([body, frame]))
  }

  simple(frame: Uint8Array): this {
    const body = Buffer.alloc(4)
    this.#put32(body, frame.length, 0)
    return this.block(3, Buffer.concat([body, frame]))
  }

  /** Any block; `length` overrides the two length fields. */
  block(type: number, body: Uint8Array, length?: number): this {
    const padded = Math.ceil(body.length / 4) * 4
    const bytes = Buffer.alloc(12 + padded)
    this.#put32(bytes, type, 0)
    this.#put32(bytes, length ?? bytes.length, 4)
    bytes.set(body, 8)
    this.#put32(bytes, length ?? bytes.length, 8 + padded)
    this.#parts.push(bytes)
    return this
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #put16(bytes: Buffer, value: number, at: number): void {
    if (this.#little) bytes.writeUInt16LE(value, at)
    else bytes.writeUInt16BE(value, at)
  }

  #put32(bytes: Buffer, value: number, at: number): void {
    if (this.#little) bytes.writeUInt32LE(value >>> 0, at)
    else bytes.writeUInt32BE(value >>> 0, at)
  }
}
