/** Goes through Thrift's compact protocol without building it up: a footer of 47 million rows has a quarter of a million fields. */
import { BINARY, BOOL_FALSE, BOOL_TRUE, DOUBLE, I8, LIST, SET, STRUCT } from './thrift.ts'

const DEPTH_MAX = 32

export class ThriftSkimmer {
  readonly bytes: Buffer
  at: number
  /** Of the field that `struct` is at. */
  #type = 0
  #depth = 0

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  /** Calls `field` for each; it must go past the value by one of the methods below. */
  struct(field: (id: number) => void): void {
    if (++this.#depth > DEPTH_MAX) throw new Error('thrift: too deep')
    let id = 0
    for (;;) {
      const head = this.#u8()
      if (head === 0) break
      id = head >> 4 > 0 ? id + (head >> 4) : this.number()
      this.#type = head & 0x0f
      field(id)
    }
    this.#depth--
  }

  skip(): void {
    this.#skip(this.#type)
  }

  /** How many elements follow. */
  listSize(): number {
    const head = this.#u8()
    this.#type = head & 0x0f
    const size = head >> 4 === 15 ? this.#varint() : head >> 4
    if (size > this.bytes.length - this.at) throw new Error('thrift: truncated') // an element is a byte at least
    return size
  }

  /** Of an i16, i32 or i64 that a double can hold. */
  number(): number {
    const raw = this.#varint()
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  binary(): Buffer {
    const length = this.#varint()
    this.at += length
    if (this.at > this.bytes.length) throw new Error('thrift: truncated')
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** The first of a list of texts. */
  firstText(): string {
    const size = this.listSize()
    let first = ''
    for (let i = 0; i < size; i++) {
      const text = this.binary()
      if (i === 0) first = text.toString('utf8')
    }
    return first
  }

  #skip(type: number): void {
    switch (type) {
      case BOOL_TRUE:
      case BOOL_FALSE:
        return
      case I8:
        this.at++
        return
      case DOUBLE:
        this.at += 8
        return
      case BINARY:
        this.binary()
        return
      case LIST:
      case SET: {
        const size = this.listSize()
        const element = this.#type
        const isBool = element === BOOL_TRUE || element === BOOL_FALSE
        for (let i = 0; i < size; i++)
          if (isBool) this.at++
          else this.#skip(element)
        return
      }
      case STRUCT:
        this.struct(() => this.skip())
        return
      default: // i16, i32, i64; the rest is in no footer
        this.#varint()
    }
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  #u8(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new Error('thrift: truncated')
    return byte
  }
}
