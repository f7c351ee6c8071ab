/**
 * Thrift compact protocol, as far as Parquet's footer and page heads need it. It reads what our own
 * pinned engine wrote a moment ago, never bytes from outside; odd input throws.
 */

export const BOOL_TRUE = 1
export const BOOL_FALSE = 2
export const I8 = 3
export const I32 = 5
export const I64 = 6
const I16 = 4
export const DOUBLE = 7
export const BINARY = 8
export const LIST = 9
export const SET = 10
export const STRUCT = 12

export type Struct = Field[]
export interface Field {
  id: number
  type: number
  value: Value
}
export interface List {
  elementType: number
  items: Value[]
}
export type Value = boolean | number | bigint | Buffer | List | Struct

export class ThriftReader {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  struct(): Struct {
    const fields: Struct = []
    let id = 0
    for (;;) {
      const head = this.#u8()
      if (head === 0) return fields
      const type = head & 0x0f
      const delta = head >> 4
      id = delta > 0 ? id + delta : Number(this.#zigzag())
      fields.push({ id, type, value: this.#value(type) })
    }
  }

  #value(type: number): Value {
    switch (type) {
      case BOOL_TRUE:
        return true
      case BOOL_FALSE:
        return false
      case I8:
        return (this.#u8() << 24) >> 24
      case I16:
      case I32:
      case I64:
        return this.#zigzag()
      case DOUBLE:
        return this.#take(8)
      case BINARY:
        return this.#take(Number(this.#varint()))
      case LIST:
      case SET:
        return this.#list()
      case STRUCT:
        return this.struct()
      default:
        throw new Error(`thrift type ${type}`)
    }
  }

  #list(): List {
    const head = this.#u8()
    const elementType = head & 0x0f
    const size = head >> 4 === 15 ? Number(this.#varint()) : head >> 4
    const items: Value[] = []
    const isBool = elementType === BOOL_TRUE || elementType === BOOL_FALSE
    for (let i = 0; i < size; i++)
      items.push(isBool ? this.#u8() === BOOL_TRUE : this.#value(elementType))
    return { elementType, items }
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#u8()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }

  #zigzag(): bigint {
    const raw = this.#varint()
    return (raw >> 1n) ^ -(raw & 1n)
  }

  #take(length: number): Buffer {
    const bytes = this.#bytes.subarray(this.at, this.at + length)
    if (bytes.length !== length) throw new Error('thrift: truncated')
    this.at += length
    return bytes
  }

  #u8(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw new Error('thrift: truncated')
    return byte
  }
}

export function writeStruct(struct: Struct): Buffer {
  const out: number[] = []
  putStruct(out, struct)
  return Buffer.from(out)
}

function putStruct(out: number[], struct: Struct): void {
  let last = 0
  for (const { id, type, value } of struct) {
    const wireType = typeof value === 'boolean' ? (value ? BOOL_TRUE : BOOL_FALSE) : type
    const delta = id - last
    if (delta > 0 && delta < 16) out.push((delta << 4) | wireType)
    else {
      out.push(wireType)
      putZigzag(out, BigInt(id))
    }
    if (typeof value !== 'boolean') putValue(out, type, value)
    last = id
  }
  out.push(0)
}

function putValue(out: number[], type: number, value: Value): void {
  if (typeof value === 'bigint') putZigzag(out, value)
  else if (typeof value === 'number') out.push(value & 0xff)
  else if (typeof value === 'boolean') out.push(value ? BOOL_TRUE : BOOL_FALSE)
  else if (Buffer.isBuffer(value)) {
    if (type === BINARY) putVarint(out, BigInt(value.length))
    for (const byte of value) out.push(byte)
  } else if (Array.isArray(value)) putStruct(out, value)
  else {
    const { elementType, items } = value
    if (items.length < 15) out.push((items.length << 4) | elementType)
    else {
      out.push(0xf0 | elementType)
      putVarint(out, BigInt(items.length))
    }
    for (const item of items) putValue(out, elementType, item)
  }
}

function putVarint(out: number[], value: bigint): void {
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
}

function putZigzag(out: number[], value: bigint): void {
  putVarint(out, value >= 0n ? value << 1n : (-value << 1n) - 1n)
}

export function get(struct: Struct, id: number): Value | undefined {
  return struct.find((field) => field.id === id)?.value
}

export function set(struct: Struct, field: Field): void {
  const at = struct.findIndex(({ id }) => id >= field.id)
  if (at < 0) struct.push(field)
  else struct.splice(at, struct[at]?.id === field.id ? 1 : 0, field)
}

export function drop(struct: Struct, ...ids: number[]): void {
  for (const id of ids) {
    const at = struct.findIndex((field) => field.id === id)
    if (at >= 0) struct.splice(at, 1)
  }
}
