/**
 * IEC 60870-5-104: APDUs of at most 255 bytes. Those of format I carry an ASDU (IEC 60870-5-101 §7.2 with two bytes of cause,
 * two of address, three of object address); S acknowledges; U opens, closes and tests the connection.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { type IcsSpan, icsMessage, little, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'

export const APDU_BYTES_MAX = 255
const START = 0x68
const CONTROL_BYTES = 4

const FUNCTIONS_U: Record<number, string> = {
  7: 'startdt_act',
  11: 'startdt_con',
  19: 'stopdt_act',
  35: 'stopdt_con',
  67: 'testfr_act',
  131: 'testfr_con',
}
const { command, parameter, restart } = TECHNIQUE
const control = (name: string): Operation => ({ name, write: true, attackIds: [command] })
const setting = (name: string): Operation => ({ name, write: true, attackIds: [parameter] })

/** Types of ASDU, by the standard's short names in small letters. */
const TYPES: Record<number, Operation> = {
  45: control('single_command'),
  46: control('double_command'),
  47: control('regulating_step_command'),
  48: control('set_point_normalised'),
  49: control('set_point_scaled'),
  50: control('set_point_float'),
  51: control('bitstring_command'),
  58: control('single_command_time'),
  59: control('double_command_time'),
  60: control('regulating_step_command_time'),
  61: control('set_point_normalised_time'),
  62: control('set_point_scaled_time'),
  63: control('set_point_float_time'),
  64: control('bitstring_command_time'),
  70: { name: 'end_of_initialisation' },
  100: { name: 'interrogation' },
  101: { name: 'counter_interrogation' },
  102: { name: 'read' },
  103: { name: 'clock_synchronisation', write: true },
  104: { name: 'test' },
  105: { name: 'reset_process', write: true, attackIds: [restart] },
  106: { name: 'delay_acquisition', write: true },
  107: { name: 'test_time' },
  110: setting('parameter_normalised'),
  111: setting('parameter_scaled'),
  112: setting('parameter_float'),
  113: setting('parameter_activation'),
  120: { name: 'file_ready' },
  121: { name: 'section_ready' },
  122: { name: 'call_directory' },
  123: { name: 'last_section' },
  124: { name: 'acknowledge_file' },
  125: { name: 'file_segment' },
  126: { name: 'directory' },
  127: { name: 'query_log' },
}
/** Monitored values, in both forms of time tag and none. */
const VALUES: readonly (readonly [name: string, ...types: number[]])[] = [
  ['single_point', 1, 2, 30],
  ['double_point', 3, 4, 31],
  ['step_position', 5, 6, 32],
  ['bitstring', 7, 8, 33],
  ['measured_normalised', 9, 10, 21, 34],
  ['measured_scaled', 11, 12, 35],
  ['measured_float', 13, 14, 36],
  ['counter', 15, 16, 37],
  ['protection_event', 17, 18, 19, 38, 39, 40],
  ['packed_single_point', 20],
]
for (const [name, ...types] of VALUES) for (const type of types) TYPES[type] = { name }

/** Causes that ask: activation, deactivation, request. */
const CAUSE = { request: 5, activation: 6, deactivation: 8 } as const
const COMMAND_FIRST = 45
const COMMAND_LAST = 51
const TIMED_FIRST = 58
const TIMED_LAST = 64

/** How many bytes the APDU at `start` takes in all; 0: more are needed to say; else the fault. */
export function apduBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end <= start) return 0
  if (bytes[start] !== START) return 'bad-record'
  if (end - start < 2) return 0
  const length = bytes[start + 1] as number
  return length < CONTROL_BYTES || length > 253 ? 'bad-length' : 2 + length
}

/** Whether the control bytes at `at` are of one of the three formats; the APDU has `length` bytes after its length. */
export function isApduControl(bytes: Uint8Array, at: number, length: number): boolean {
  const first = bytes[at] as number
  const third = bytes[at + 2] as number
  if ((first & 1) === 0) return (third & 1) === 0 && length > CONTROL_BYTES
  if (length !== CONTROL_BYTES || bytes[at + 1] !== 0) return false
  if (first === 1) return (third & 1) === 0
  return FUNCTIONS_U[first] !== undefined && third === 0 && bytes[at + 3] === 0
}

/** The one APDU that fills the span. */
export function decodeApdu(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault {
  const size = apduBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  if (!isApduControl(bytes, start + 2, size - 2)) return 'bad-record'
  const first = bytes[start + 2] as number
  if ((first & 1) === 0) return decodeAsdu(new Cursor(bytes, start + 6, end), toServer)
  const name = first === 1 ? 'acknowledge' : (FUNCTIONS_U[first] as string)
  const apci = first === 1 ? 'S' : 'U'
  const request = name.endsWith('_act')
  return icsMessage({ name }, { toServer, request, about: '', fields: { apci, code: first } })
}

function decodeAsdu(cursor: Cursor, toServer: boolean): IcsMessage | Fault {
  const type = cursor.u8()
  const structure = cursor.u8()
  const causeByte = cursor.u8()
  const originator = cursor.u8()
  const address = little(cursor, 2)
  if (cursor.fault) return cursor.fault
  const cause = causeByte & 0x3f
  const fields: Record<string, unknown> = {
    apci: 'I',
    type_id: type,
    cause,
    originator,
    common_address: address,
    objects: structure & 0x7f,
  }
  if (causeByte & 0x40) fields.negative = true
  if (causeByte & 0x80) fields.test = true
  let about = `station ${address}`
  if ((structure & 0x7f) > 0) {
    const object = little(cursor, 3)
    fields.ioa = object
    about += ` object ${object}`
    if (isCommand(type)) about += readCommand(cursor, type, fields)
  }
  const asks = cause === CAUSE.activation || cause === CAUSE.deactivation || cause === CAUSE.request
  // What a station reports on request (5) is an answer.
  const request = asks && (type >= COMMAND_FIRST || toServer)
  const known = TYPES[type] ?? { name: `type_${type}` }
  return icsMessage(known, {
    toServer,
    request,
    write: request && known.write === true && cause === CAUSE.activation,
    about,
    fields,
    fault: cursor.fault,
  })
}

function isCommand(type: number): boolean {
  return (
    (type >= COMMAND_FIRST && type <= COMMAND_LAST) || (type >= TIMED_FIRST && type <= TIMED_LAST)
  )
}

/** The commanded state or value, and whether it only selects. */
function readCommand(cursor: Cursor, type: number, fields: Record<string, unknown>): string {
  const kind = type >= TIMED_FIRST ? type - (TIMED_FIRST - COMMAND_FIRST) : type
  if (kind <= 47) {
    const byte = cursor.u8()
    fields.state = byte & (kind === COMMAND_FIRST ? 1 : 3)
    fields.select = (byte & 0x80) !== 0
    return cursor.fault ? '' : ` state ${fields.state}${byte & 0x80 ? ', select' : ''}`
  }
  if (kind === 51) {
    fields.value = little(cursor, 4)
    return ''
  }
  if (kind === 50) {
    const four = cursor.take(4)
    if (four.length === 4) fields.value = finite(four.readFloatLE(0))
  } else fields.value = (little(cursor, 2) << 16) >> 16
  const byte = cursor.u8()
  fields.select = (byte & 0x80) !== 0
  return cursor.fault ? '' : ` value ${fields.value}${byte & 0x80 ? ', select' : ''}`
}

/** JSON has no other numbers. */
function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}
