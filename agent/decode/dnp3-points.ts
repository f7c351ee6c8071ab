/** The points of DNP3 objects (IEEE 1815 annex A) whose fields EVE has: inputs, outputs, counters, analogues, commands, times. */
import type { Cursor } from '../base/cursor.ts'
import { little } from './ics.ts'

export type PointFields = Record<string, number | string>

const QUALITY = ['online', 'restart', 'comm_lost', 'remote_forced', 'local_forced']
const BINARY = [...QUALITY, 'chatter_filter', 'reserved', 'state']
/** The state takes two bits. */
const DOUBLE = [...QUALITY, 'chatter_filter']
const OUTPUT = [...QUALITY, 'reserved0', 'reserved1', 'state']
const COUNTER = [...QUALITY, 'rollover', 'discontinuity', 'reserved0']
const ANALOGUE = [...QUALITY, 'over_range', 'reference_err', 'reserved0']
const COUNTERS = new Set([20, 21, 22, 23])
const ANALOGUES = new Set([30, 31, 32, 33, 40, 42])
/** Of each analogue group, the first variation with a floating point. */
const FLOAT_FIRST: Record<number, number> = { 30: 5, 31: 7, 32: 5, 33: 5, 40: 3, 42: 5 }
const TIME_BYTES = 6

/** One point of `size` bytes; undefined where its group has no fields here. The cursor may be left anywhere inside. */
export function readPoint(
  cursor: Cursor,
  { group, variation }: { group: number; variation: number },
  size: number,
): PointFields | undefined {
  if (COUNTERS.has(group)) return readCounter(cursor, size)
  if (ANALOGUES.has(group)) return readAnalogue(cursor, group, variation, size)
  switch (group) {
    case 1:
    case 2:
      if (group === 2 && variation === 1) return { state: cursor.u8() }
      return timed(cursor, flags(cursor.u8(), BINARY), size - 1)
    case 3:
    case 4: {
      const byte = cursor.u8()
      return timed(cursor, { ...flags(byte, DOUBLE), state: byte >> 6 }, size - 1)
    }
    case 10:
    case 11:
      return timed(cursor, flags(cursor.u8(), OUTPUT), size - 1)
    case 12:
      return variation === 1 ? readControl(cursor) : undefined
    case 41:
      return readCommand(cursor, variation)
    case 50:
      return variation === 1 ? { timestamp: little(cursor, TIME_BYTES) } : undefined
    default:
      return undefined
  }
}

function flags(byte: number, names: readonly string[]): PointFields {
  const fields: PointFields = {}
  for (const [bit, name] of names.entries()) fields[name] = (byte >> bit) & 1
  return fields
}

/** What is left of an event is its time. */
function timed(cursor: Cursor, fields: PointFields, left: number): PointFields {
  if (left === TIME_BYTES) fields.timestamp = little(cursor, TIME_BYTES)
  return fields
}

/** Sizes with flags are odd, those without even. */
function readCounter(cursor: Cursor, size: number): PointFields {
  const flagged = size % 2
  const fields = flagged === 1 ? flags(cursor.u8(), COUNTER) : {}
  const bytes = size - flagged > TIME_BYTES ? size - flagged - TIME_BYTES : size - flagged
  fields.count = little(cursor, bytes)
  return timed(cursor, fields, size - flagged - bytes)
}

function readAnalogue(cursor: Cursor, group: number, variation: number, size: number): PointFields {
  const flagged = size % 2
  const fields = flagged === 1 ? flags(cursor.u8(), ANALOGUE) : {}
  const left = size - flagged
  if (variation >= (FLOAT_FIRST[group] ?? 256)) {
    const bytes = left === 8 || left === 14 ? 8 : 4
    const four = cursor.take(bytes)
    if (four.length === bytes)
      fields.value = finite(bytes === 8 ? four.readDoubleLE(0) : four.readFloatLE(0))
    return timed(cursor, fields, left - bytes)
  }
  const bytes = left > TIME_BYTES ? left - TIME_BYTES : left
  fields.value = signed(little(cursor, bytes), bytes)
  return timed(cursor, fields, left - bytes)
}

function signed(value: number, bytes: number): number {
  const half = 2 ** (bytes * 8 - 1)
  return value >= half ? value - half * 2 : value
}

/** JSON has no other numbers. */
function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** A control relay output block. */
function readControl(cursor: Cursor): PointFields {
  const code = cursor.u8()
  const count = cursor.u8()
  const ontime = little(cursor, 4)
  const offtime = little(cursor, 4)
  const status = cursor.u8()
  return {
    op_type: code & 0x0f,
    qu: (code >> 4) & 1,
    cr: (code >> 5) & 1,
    tcc: code >> 6,
    count,
    ontime,
    offtime,
    status_code: status & 0x7f,
    reserved: status >> 7,
  }
}

/** An analogue output: 32 and 16 bit whole numbers; others are passed over. */
function readCommand(cursor: Cursor, variation: number): PointFields | undefined {
  if (variation !== 1 && variation !== 2) return undefined
  const bytes = variation === 1 ? 4 : 2
  const value = signed(little(cursor, bytes), bytes)
  return { value, status_code: cursor.u8() }
}
