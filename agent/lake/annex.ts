/**
 * The annex: what a tenant adds to its events, as (event_id, name, value) and never as a column (L2). A name and a
 * value are data everywhere; the same name may hold a number here and a text at the neighbour's.
 */
import { UUID } from '../base/ids.ts'
import { visible } from '../base/text.ts'
import { objectOf, wrongLine } from './ndjson.ts'

export const ANNEX_NAME_MAX = 64 // characters
export const ANNEX_VALUE_BYTES_MAX = 1024
export const ANNEX_EVENT_VALUES_MAX = 64
export const ANNEX_TENANT_VALUES_MAX = 200_000
export const ANNEX_TENANT_BYTES_MAX = 64 << 20
/** Of one act; more are brought in several. */
export const ANNEX_BROUGHT_MAX = ANNEX_TENANT_VALUES_MAX

export type ValueType = 'text' | 'number' | 'boolean' | 'json'

export interface AnnexValue {
  event_id: string
  name: string
  /** Null takes it away. */
  value: string | null
  value_type: ValueType
}

/** What is wrong with it, in the words of a sentence; nothing when it is well. */
export function annexFault({ event_id, name, value }: AnnexValue): string | undefined {
  if (!UUID.test(event_id)) return 'event_id is no id of an event'
  if (name === '' || name.length > ANNEX_NAME_MAX)
    return `a name of the annex has 1 to ${ANNEX_NAME_MAX} characters`
  // A name that looks like another, or like nothing, would deceive whoever asks for it.
  if (visible(name) !== name) return 'a name of the annex has a character that cannot be seen'
  if (value !== null && Buffer.byteLength(value) > ANNEX_VALUE_BYTES_MAX)
    return `a value of the annex has at most ${ANNEX_VALUE_BYTES_MAX} bytes`
  if (value !== null && !value.isWellFormed()) return 'a value of the annex is no text'
  return undefined
}

/** A JSON value as text and type; its digits are kept as JSON has them. */
export function typed(value: unknown): Pick<AnnexValue, 'value' | 'value_type'> {
  switch (typeof value) {
    case 'string':
      return { value, value_type: 'text' }
    case 'number':
      return { value: String(value), value_type: 'number' }
    case 'boolean':
      return { value: String(value), value_type: 'boolean' }
    default:
      return { value: value == null ? null : JSON.stringify(value), value_type: 'json' }
  }
}

const NUMBER = /^-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,3})?$/

/** A value as it is written on a command line: a number or true and false where it is one, else text. */
export function typedText(text: string): Pick<AnnexValue, 'value' | 'value_type'> {
  if (NUMBER.test(text)) return { value: text, value_type: 'number' }
  return { value: text, value_type: text === 'true' || text === 'false' ? 'boolean' : 'text' }
}

const FIELDS = new Set(['tenant_id', 'event_id', 'name', 'value'])

/** A line of an import: {event_id, name, value}, and tenant_id if it names the tenant. */
export function readAnnexLine(
  line: string,
  number: number,
): { tenant_id: unknown; value: AnnexValue } {
  const row = objectOf(line, number)
  const other = Object.keys(row).find((name) => !FIELDS.has(name))
  if (other !== undefined) throw wrongLine(number, `${visible(other).slice(0, 64)} is not of the annex`) // biome-ignore format: one line
  const { tenant_id, event_id, name } = row
  if (typeof event_id !== 'string' || typeof name !== 'string' || !('value' in row))
    throw wrongLine(number, 'event_id, name and value are needed')
  const value = { event_id: event_id.toLowerCase(), name, ...typed(row.value) }
  const fault = annexFault(value)
  if (fault) throw wrongLine(number, fault)
  return { tenant_id, value }
}
