/**
 * CIP messages (ODVA, volume 1): a service, the path of the object it is for, data. A message that wraps others (an
 * unconnected send, several services in one) is told by what it wraps: the first that writes, else the first.
 */
import { Cursor } from '../base/cursor.ts'
import { icsMessage, little, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'

const DEPTH_MAX = 4
const SERVICES_MAX = 32
const TAG_CHARS_MAX = 128
const RESPONSE = 0x80

const { parameter, restart, mode, stop } = TECHNIQUE

const SERVICES: Record<number, Operation> = {
  1: { name: 'get_attributes_all' },
  2: { name: 'set_attributes_all', write: true, attackIds: [parameter] },
  3: { name: 'get_attribute_list' },
  4: { name: 'set_attribute_list', write: true, attackIds: [parameter] },
  5: { name: 'reset', write: true },
  6: { name: 'start', write: true },
  7: { name: 'stop', write: true },
  8: { name: 'create', write: true },
  9: { name: 'delete', write: true },
  10: { name: 'multiple_service' },
  13: { name: 'apply_attributes', write: true },
  14: { name: 'get_attribute_single' },
  16: { name: 'set_attribute_single', write: true, attackIds: [parameter] },
  17: { name: 'find_next_object' },
  21: { name: 'restore', write: true },
  22: { name: 'save', write: true },
  23: { name: 'nop' },
  24: { name: 'get_member' },
  25: { name: 'set_member', write: true },
  26: { name: 'insert_member', write: true },
  27: { name: 'remove_member', write: true },
}
/** Services of one class: numbers from 0x4b on mean another thing in each. */
const OF_CLASS: Record<number, Record<number, Operation>> = {
  1: { 5: { name: 'reset_device', write: true, attackIds: [restart] } },
  6: {
    78: { name: 'forward_close' },
    82: { name: 'unconnected_send' },
    84: { name: 'forward_open' },
    86: { name: 'get_connection_data' },
    90: { name: 'get_connection_owner' },
    91: { name: 'large_forward_open' },
  },
  103: { 75: { name: 'execute_pccc' } },
  // The controller's own object (Rockwell): its mode.
  142: {
    6: { name: 'plc_start', write: true, attackIds: [mode] },
    7: { name: 'plc_stop', write: true, attackIds: [mode, stop] },
  },
}
/** Of tags and their templates (Rockwell, 1756-PM020). */
const OF_TAG: Record<number, Operation> = {
  75: { name: 'execute' },
  76: { name: 'read_tag' },
  77: { name: 'write_tag', write: true, attackIds: [parameter] },
  78: { name: 'read_modify_write_tag', write: true, attackIds: [parameter] },
  82: { name: 'read_tag_fragmented' },
  83: { name: 'write_tag_fragmented', write: true, attackIds: [parameter] },
  85: { name: 'get_instance_attribute_list' },
}
const MULTIPLE_SERVICE = 0x0a

interface Service {
  code: number
  response: boolean
  operation: Operation
  about: string
  class: number | undefined
  status: number | undefined
}

/** The message that fills the cursor's window. */
export function decodeCip(
  cursor: Cursor,
  toServer: boolean,
  fields: Record<string, unknown>,
): IcsMessage {
  const services: Service[] = []
  readService(cursor, services, 0)
  const told =
    services.find(({ operation, response }) => operation.write && !response) ?? services.at(0)
  if (!told) {
    const fault = cursor.fault ?? 'truncated'
    return icsMessage({ name: 'cip' }, { toServer, request: false, about: '', fields, fault })
  }
  const others = services.filter(({ code }) => code !== MULTIPLE_SERVICE)
  return icsMessage(told.operation, {
    toServer,
    request: !told.response,
    about: told.about,
    fields: {
      ...fields,
      service: told.code,
      ...(told.class !== undefined && { class: told.class }),
      ...(told.status !== undefined && { general_status: told.status }),
      ...(others.length > 1 && { services: others.map(({ operation }) => operation.name) }),
    },
    fault: cursor.fault,
  })
}

/** Puts the innermost services into `found`. */
function readService(cursor: Cursor, found: Service[], depth: number): void {
  if (found.length >= SERVICES_MAX) return
  const byte = cursor.u8()
  const code = byte & ~RESPONSE
  if (byte & RESPONSE) {
    cursor.u8()
    const status = cursor.u8()
    cursor.take(cursor.u8() * 2)
    if (cursor.fault) return
    const operation = SERVICES[code] ?? { name: `service_${code}` }
    found.push({ code, response: true, operation, about: '', class: undefined, status })
    return
  }
  const path = readPath(cursor)
  if (cursor.fault) return
  const operation = OF_CLASS[path.class ?? -1]?.[code] ??
    SERVICES[code] ??
    OF_TAG[code] ?? { name: `service_${code}` }
  const wraps =
    depth < DEPTH_MAX &&
    (code === MULTIPLE_SERVICE
      ? readSeveral(cursor, found, depth)
      : operation.name === 'unconnected_send' && readWrapped(cursor, found, depth))
  if (wraps) return
  found.push({
    code,
    response: false,
    operation,
    about: path.about,
    class: path.class,
    status: undefined,
  })
}

/** Volume 1, 3-5.5.4: priority and ticks, then the message with its length. */
function readWrapped(cursor: Cursor, found: Service[], depth: number): boolean {
  cursor.u16()
  const length = little(cursor, 2)
  const at = cursor.offset
  cursor.take(length)
  if (cursor.fault) return false
  const before = found.length
  readService(new Cursor(cursor.bytes, at, at + length), found, depth + 1)
  return found.length > before
}

/** Volume 1, A-4.10: a count, offsets from the count on, then the messages. */
function readSeveral(cursor: Cursor, found: Service[], depth: number): boolean {
  const base = cursor.offset
  const count = little(cursor, 2)
  const before = found.length
  for (let i = 0; i < count && i < SERVICES_MAX && cursor.fault === undefined; i++) {
    const at = base + little(cursor, 2)
    if (cursor.fault || at < cursor.offset || at >= cursor.end) break
    readService(new Cursor(cursor.bytes, at, cursor.end), found, depth + 1)
  }
  return found.length > before
}

/** Logical segments (class, instance, attribute) and the tag's name; others are passed over. */
function readPath(cursor: Cursor): { class: number | undefined; about: string } {
  const end = cursor.u8() * 2 + cursor.offset
  let code: number | undefined
  let tag = ''
  const parts: string[] = []
  while (cursor.offset < end && cursor.fault === undefined) {
    const type = cursor.u8()
    if (type === 0x91) {
      const length = cursor.u8()
      const name = cursor.latin1(length)
      if (length % 2 === 1) cursor.u8()
      tag = `${tag === '' ? '' : `${tag}.`}${name}`.slice(0, TAG_CHARS_MAX)
    } else if (type >> 5 === 1) {
      const value = logical(cursor, type & 3)
      const kind = (type >> 2) & 7
      if (kind === 0) code = value
      if (kind < LOGICAL.length && LOGICAL[kind] !== undefined)
        parts.push(`${LOGICAL[kind]} ${value}`)
    } else if (type >> 5 === 0) skipPort(cursor, type)
    else break
  }
  if (end > cursor.end) cursor.fail('truncated')
  else if (cursor.fault === undefined) cursor.offset = end
  return { class: code, about: tag === '' ? parts.join(' ').slice(0, TAG_CHARS_MAX) : tag }
}

const LOGICAL = ['class', 'instance', 'element', 'connection point', 'attribute']

function logical(cursor: Cursor, format: number): number {
  if (format === 0) return cursor.u8()
  cursor.u8() // padding
  if (format === 1) return little(cursor, 2)
  return little(cursor, 4)
}

function skipPort(cursor: Cursor, type: number): void {
  const extended = (type & 0x10) !== 0
  const length = extended ? cursor.u8() : 1
  if ((type & 0x0f) === 0x0f) cursor.u16()
  cursor.take(length + (extended ? length % 2 : 0))
}
