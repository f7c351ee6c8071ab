/** The record of an event for people: indented JSON, and its payload as bytes. */
import type { EventRow } from '../../agent/base/event.ts'
import { record } from './tell.ts'

const JSON_CHARS_MAX = 16_000
const DUMP_BYTES_MAX = 256

/** Indented JSON without the payload, which is shown as bytes. */
export function recordText(row: EventRow): string {
  const { payload: _, ...rest } = record(row)
  const text = JSON.stringify(rest, null, 2)
  return text.length <= JSON_CHARS_MAX
    ? text
    : `${text.slice(0, JSON_CHARS_MAX)}\n… ${text.length - JSON_CHARS_MAX} more characters; the API gives them all`
}

/** EVE keeps a payload as base64: shown as offset, hex and the printable characters. */
export function payloadOf(row: EventRow): string | undefined {
  const { payload } = record(row)
  if (typeof payload !== 'string' || !/^[\w+/]+=*$/.test(payload)) return
  const bytes = Buffer.from(payload, 'base64')
  if (bytes.length === 0) return
  const dump: string[] = []
  for (let at = 0; at < Math.min(bytes.length, DUMP_BYTES_MAX); at += 16) {
    const part = bytes.subarray(at, Math.min(at + 16, DUMP_BYTES_MAX))
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...part]
      .map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·'))
      .join('')
    dump.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`)
  }
  if (bytes.length > DUMP_BYTES_MAX) dump.push(`… ${bytes.length - DUMP_BYTES_MAX} more bytes`)
  return dump.join('\n')
}
