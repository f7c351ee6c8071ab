/** Goes through Thrift's compact protocol without building it up: a footer of 47 million rows has a quarter of a million fields. */
import { BINARY, BOOL_FALSE, BOOL_TRUE, DOUBLE, I8, LIST, SET, STRUCT } from './thrift.ts'

const DEPTH_MAX = 32

export class ThriftSkimmer {
  readonly bytes: Buffer
  at: number
  /** Of the field or list that it stands before. */
  #type = 0

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  /** The id of the next field of a struct after the one with id `last`; 0 at its end. Then go past its value by a method below. */
  field(last: number): number {
    const head = this.#u8()
    if (head === 0) return 0
    this.#type = head & 0x0f
    const id = head >> 4 > 0 ? last + (head >> 4) : this.number()
    if (id <= 0) throw new Error('thrift: a field without an id')
    return id
  }

  /** Goes past the value of the field it stands before. */
  skip(): void {
    this.#skip(this.#type, 0)
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
    this.#pass(length)
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

  #skip(type: number, depth: number): void {
    switch (type) {
      case BOOL_TRUE:
      case BOOL_FALSE:
        return
      case I8:
        this.#pass(1)
        return
      case DOUBLE:
        this.#pass(8)
        return
      case BINARY:
        this.#pass(this.#varint())
        return
      case LIST:
      case SET: {
        if (depth >= DEPTH_MAX) throw new Error('thrift: too deep')
        const size = this.listSize()
        const element = this.#type
        const isBool = element === BOOL_TRUE || element === BOOL_FALSE
        for (let i = 0; i < size; i++)
          if (isBool) this.#pass(1)
          else this.#skip(element, depth + 1)
        return
      }
      case STRUCT:
        if (depth >= DEPTH_MAX) throw new Error('thrift: too deep')
        for (let id = this.field(0); id > 0; id = this.field(id)) this.#skip(this.#type, depth + 1)
        return
      default: // i16, i32, i64; the rest is in no footer
        while (this.#u8() >= 0x80);
    }
  }

  #pass(bytes: number): void {
    this.at += bytes
    if (this.at > this.bytes.length) throw new Error('thrift: truncated')
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
