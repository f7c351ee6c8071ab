/** What a sticky buffer is: what it is called, in which protocols it can be read, when, and how. */
import type { Transaction } from '../../decode/records.ts'

export type TxProto = Transaction['proto']

/** One value, as text whose characters are bytes or as bytes, several (each judged by itself), or none: the message has no such part. */
export type BufferValue = string | Uint8Array | readonly Uint8Array[] | undefined

export interface BufferSource {
  name: string
  /** Protocols whose records have it: a rule that names none is judged in each of them. */
  protos: readonly TxProto[]
  /** Whose message it is in; `both`: the rule's direction decides. */
  side: 'request' | 'response' | 'both'
  /** Grows after the headers: may be read early, is settled late. */
  body: boolean
  multi: boolean
  read(transaction: Transaction, response: boolean): BufferValue
}

/** An empty text is no buffer, as in Suricata. */
export function textOf(text: string): string | undefined {
  return text === '' ? undefined : text
}

/** Each text as bytes; a list of none is no buffer. */
export function eachOf(texts: readonly string[]): readonly Uint8Array[] | undefined {
  return texts.length === 0 ? undefined : texts.map((text) => Buffer.from(text, 'latin1'))
}

export function some(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes
}
