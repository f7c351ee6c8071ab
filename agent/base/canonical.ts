/** Canonical JSON (RFC 8785, D1): the one byte string that a value has, so that it can be signed. */
import { Failure } from './failure.ts'

const DEPTH_MAX = 16
const INTEGER_MAX = Number.MAX_SAFE_INTEGER

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/** Keys sorted by UTF-16 code units, no white space, ES number form. Integers above 2^53 must be strings. */
export function canonical(value: Json): string {
  return write(value, 0)
}

/**
 * Parses bytes that claim to be canonical. Anything that would re-serialise differently is refused:
 * duplicate keys, `__proto__`, white space, lone surrogates, depth above 16, odd numbers.
 */
export function parseCanonical(bytes: Uint8Array): Json {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let source: string
  let value: Json
  try {
    source = text.decode(bytes)
    value = JSON.parse(source) as Json
  } catch (error) {
    throw new Failure('invalid', 'The signed text is not JSON in UTF-8.', {}, error)
  }
  if (write(value, 0) !== source)
    throw new Failure('invalid', 'The signed text is not canonical JSON.')
  return value
}

function write(value: Json, depth: number): string {
  if (depth > DEPTH_MAX)
    throw new Failure('invalid', `The value is nested deeper than ${DEPTH_MAX}.`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return number(value)
  if (typeof value === 'string') return string(value)
  if (Array.isArray(value)) return `[${value.map((each) => write(each, depth + 1)).join(',')}]`
  const object = value as { readonly [key: string]: Json }
  const members = Object.keys(object)
    .sort()
    .map((key) => `${name(key)}:${write(object[key] as Json, depth + 1)}`)
  return `{${members.join(',')}}`
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw new Failure('invalid', 'A number is not finite.')
  if (Number.isInteger(value) && Math.abs(value) > INTEGER_MAX)
    throw new Failure('invalid', 'An integer above 2^53 must be written as a string.')
  return JSON.stringify(value)
}

function string(value: string): string {
  if (!value.isWellFormed()) throw new Failure('invalid', 'A string holds a lone surrogate.')
  return JSON.stringify(value)
}

function name(key: string): string {
  if (key === '__proto__') throw new Failure('invalid', 'A key is named __proto__.')
  return string(key)
}
