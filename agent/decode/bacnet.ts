/**
 * BACnet/IP (ASHRAE 135, annex J and clauses 6 and 20): BVLC, NPDU, APDU. Each segment of a long message names its service, so
 * none needs the others to be told; the object and property of a read or write are in the first.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { type IcsSpan, icsMessage, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'

export const BACNET_BYTES_MAX = 65_535
const BVLC = 0x81
const BVLC_BYTES = 4
const FORWARDED = 0x04

const BVLC_FUNCTIONS: Record<number, Operation> = {
  0: { name: 'bvlc_result' },
  1: { name: 'write_broadcast_table', write: true },
  2: { name: 'read_broadcast_table' },
  3: { name: 'read_broadcast_table_ack' },
  5: { name: 'register_foreign_device' },
  6: { name: 'read_foreign_devices' },
  7: { name: 'read_foreign_devices_ack' },
  8: { name: 'delete_foreign_device', write: true },
  12: { name: 'secure_bvll' },
}
const BVLC_ANSWERS = new Set([0x00, 0x03, 0x07])
/** With a network message behind: forwarded, to be distributed, to one, to all. */
const BVLC_CARRIES = new Set([FORWARDED, 0x09, 0x0a, 0x0b])

const { parameter, restart } = TECHNIQUE

const CONFIRMED: Operation[] = [
  { name: 'acknowledge_alarm', write: true },
  { name: 'confirmed_cov_notification' },
  { name: 'confirmed_event_notification' },
  { name: 'get_alarm_summary' },
  { name: 'get_enrollment_summary' },
  { name: 'subscribe_cov' },
  { name: 'atomic_read_file' },
  { name: 'atomic_write_file', write: true },
  { name: 'add_list_element', write: true },
  { name: 'remove_list_element', write: true },
  { name: 'create_object', write: true },
  { name: 'delete_object', write: true },
  { name: 'read_property' },
  { name: 'read_property_conditional' },
  { name: 'read_property_multiple' },
  { name: 'write_property', write: true, attackIds: [parameter] },
  { name: 'write_property_multiple', write: true, attackIds: [parameter] },
  { name: 'device_communication_control', write: true },
  { name: 'confirmed_private_transfer' },
  { name: 'confirmed_text_message' },
  { name: 'reinitialize_device', write: true, attackIds: [restart] },
  { name: 'vt_open' },
  { name: 'vt_close' },
  { name: 'vt_data' },
  { name: 'authenticate' },
  { name: 'request_key' },
  { name: 'read_range' },
  { name: 'life_safety_operation', write: true },
  { name: 'subscribe_cov_property' },
  { name: 'get_event_information' },
  { name: 'subscribe_cov_property_multiple' },
  { name: 'confirmed_cov_notification_multiple' },
]
const UNCONFIRMED: Operation[] = [
  { name: 'i_am' },
  { name: 'i_have' },
  { name: 'cov_notification' },
  { name: 'event_notification' },
  { name: 'private_transfer' },
  { name: 'text_message' },
  { name: 'time_synchronization', write: true },
  { name: 'who_has' },
  { name: 'who_is' },
  { name: 'utc_time_synchronization', write: true },
  { name: 'write_group', write: true },
  { name: 'cov_notification_multiple' },
]
/** Of unconfirmed services, those that ask for something. */
const ASKS = new Set([
  'time_synchronization',
  'who_has',
  'who_is',
  'utc_time_synchronization',
  'write_group',
])
/** Object and property are the first two fields of these. */
const NAMES_PROPERTY = new Set([12, 15])
/** The object alone is. */
const NAMES_OBJECT = new Set([14, 16])

const OBJECTS: Record<number, string> = {
  0: 'analog input',
  1: 'analog output',
  2: 'analog value',
  3: 'binary input',
  4: 'binary output',
  5: 'binary value',
  6: 'calendar',
  8: 'device',
  9: 'event enrollment',
  10: 'file',
  12: 'loop',
  13: 'multi-state input',
  14: 'multi-state output',
  15: 'notification class',
  16: 'program',
  17: 'schedule',
  19: 'multi-state value',
  20: 'trend log',
}
const PROPERTIES: Record<number, string> = {
  28: 'description',
  36: 'event state',
  75: 'object identifier',
  76: 'object list',
  77: 'object name',
  79: 'object type',
  81: 'out of service',
  85: 'present value',
  87: 'priority array',
  103: 'reliability',
  104: 'relinquish default',
  111: 'status flags',
}

/** On its port a first byte and a version are enough, so that a length that lies is a fault; elsewhere it must agree. */
export function isBacnet(bytes: Uint8Array, itsPort: boolean): boolean {
  if (bytes.length < BVLC_BYTES || bytes[0] !== BVLC) return false
  const code = bytes[1] as number
  if (!itsPort && lengthOf(bytes, 0) !== bytes.length) return false
  if (BVLC_FUNCTIONS[code]) return true
  return BVLC_CARRIES.has(code) && bytes[code === FORWARDED ? 10 : 4] === 1
}

/** The one datagram that fills the span. Devices answer messages whose length is wrong, so it is a fault beside. */
export function decodeBacnet(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault {
  if (end - start < BVLC_BYTES) return 'truncated'
  if (bytes[start] !== BVLC) return 'bad-record'
  const message = decodeMessage(bytes, { start, end, toServer })
  if (typeof message !== 'string' && lengthOf(bytes, start) !== end - start)
    message.fault ??= 'bad-length'
  return message
}

function lengthOf(bytes: Uint8Array, start: number): number {
  return ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number)
}

function decodeMessage(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault {
  const cursor = new Cursor(bytes, start + BVLC_BYTES, end)
  const code = bytes[start + 1] as number
  const fields: Record<string, unknown> = { bvlc: code }
  if (!BVLC_CARRIES.has(code)) {
    const known = BVLC_FUNCTIONS[code]
    if (!known) return 'bad-function'
    return icsMessage(known, { toServer, request: !BVLC_ANSWERS.has(code), about: '', fields })
  }
  if (code === FORWARDED) fields.origin = origin(cursor)
  const network = readNetwork(cursor, fields)
  if (cursor.fault) return cursor.fault
  if (network !== undefined) {
    const name = `network_message_${network}`
    return icsMessage({ name }, { toServer, request: false, about: '', fields })
  }
  return decodeApplication(cursor, toServer, fields)
}

/** Who sent what a device of another network passes on. */
function origin(cursor: Cursor): string {
  const address = [cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8()].join('.')
  return `${address}:${cursor.u16()}`
}

/** The NPDU; gives the type of a network layer message, undefined where an APDU follows. */
function readNetwork(cursor: Cursor, fields: Record<string, unknown>): number | undefined {
  if (cursor.u8() !== 1) cursor.fail('bad-version')
  const control = cursor.u8()
  if (control & 0x20) {
    fields.destination_network = cursor.u16()
    cursor.take(cursor.u8())
  }
  if (control & 0x08) {
    fields.source_network = cursor.u16()
    cursor.take(cursor.u8())
  }
  if (control & 0x20) cursor.u8() // hop count
  return control & 0x80 ? cursor.u8() : undefined
}

const APDU = [
  'confirmed',
  'unconfirmed',
  'simple_ack',
  'complex_ack',
  'segment_ack',
  'error',
  'reject',
  'abort',
] as const

function decodeApplication(
  cursor: Cursor,
  toServer: boolean,
  fields: Record<string, unknown>,
): IcsMessage | Fault {
  const first = cursor.u8()
  const type = APDU[first >> 4]
  if (cursor.fault) return cursor.fault
  if (type === undefined) return 'bad-function'
  fields.apdu = type
  let [operation, request, about] = [{ name: type } as Operation, false, '']
  if (type === 'unconfirmed') {
    const service = cursor.u8()
    operation = UNCONFIRMED[service] ?? { name: `unconfirmed_${service}` }
    request = ASKS.has(operation.name)
  } else {
    if (type === 'confirmed') cursor.u8() // the most it takes
    fields.invoke_id = cursor.u8()
    const segmented = (type === 'confirmed' || type === 'complex_ack') && (first & 0x08) !== 0
    if (segmented) readSegment(cursor, first, fields)
    if (type === 'reject' || type === 'abort') fields.reason = cursor.u8()
    else if (type !== 'segment_ack') {
      const service = cursor.u8()
      fields.service = service
      request = type === 'confirmed'
      operation = CONFIRMED[service] ?? { name: `confirmed_${service}` }
      if (request && (fields.segment ?? 0) === 0) about = readTarget(cursor, service, fields)
    }
  }
  // A request in segments is counted once, at its first.
  if (Number(fields.segment ?? 0) > 0) request = false
  return icsMessage(operation, { toServer, request, about, fields, fault: cursor.fault })
}

function readSegment(cursor: Cursor, first: number, fields: Record<string, unknown>): void {
  fields.segment = cursor.u8()
  cursor.u8() // the window
  fields.more = (first & 0x04) !== 0
}

/** `analog value 3, present value`: of the services whose first fields are an object and a property. */
function readTarget(cursor: Cursor, service: number, fields: Record<string, unknown>): string {
  if (!NAMES_PROPERTY.has(service) && !NAMES_OBJECT.has(service)) return ''
  if (cursor.u8() !== 0x0c) return '' // context tag 0, four bytes
  const word = cursor.u32()
  if (cursor.fault) return ''
  const type = Math.floor(word / 0x40_0000)
  const object = `${OBJECTS[type] ?? `object ${type}`} ${word % 0x40_0000}`
  fields.object = object
  if (!NAMES_PROPERTY.has(service)) return object
  const tag = cursor.u8()
  if (tag !== 0x19 && tag !== 0x1a) return object
  const property = tag === 0x19 ? cursor.u8() : cursor.u16()
  if (cursor.fault) return object
  fields.property = PROPERTIES[property] ?? property
  return `${object}, ${PROPERTIES[property] ?? `property ${property}`}`
}
