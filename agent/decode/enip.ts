/**
 * EtherNet/IP (ODVA, volume 2): the encapsulation header and the items it carries. What is asked of a controller is in the
 * CIP message inside (cip.ts); a message without one is told by its command.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { decodeCip } from './cip.ts'
import { type IcsSpan, icsMessage, little, littleU16, type Operation } from './ics.ts'
import type { IcsMessage } from './records.ts'

const HEADER_BYTES = 24
/** Volume 2, 2-3.3: the data have at most 65,511 bytes. */
export const ENIP_BYTES_MAX = 65_535
const ITEMS_MAX = 8

const COMMANDS: Record<number, Operation> = {
  0: { name: 'nop' },
  4: { name: 'list_services' },
  99: { name: 'list_identity' },
  100: { name: 'list_interfaces' },
  101: { name: 'register_session' },
  102: { name: 'unregister_session' },
  111: { name: 'send_rr_data' },
  112: { name: 'send_unit_data' },
  114: { name: 'indicate_status' },
  115: { name: 'cancel' },
}
const SEND_RR_DATA = 0x6f
const SEND_UNIT_DATA = 0x70
const ITEM = { connected: 0xb1, unconnected: 0xb2 } as const

/** How many bytes the message at `start` takes in all; 0: more are needed to say; else the fault. */
export function enipBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end - start < 4) return 0
  const command = littleU16(bytes, start)
  if (COMMANDS[command] === undefined) return 'bad-function'
  const length = littleU16(bytes, start + 2)
  return length > ENIP_BYTES_MAX - HEADER_BYTES ? 'bad-length' : HEADER_BYTES + length
}

/** Whether a whole header begins here that could be no chance: its options and, of a question, its status are 0. */
export function isEnipHeader(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < HEADER_BYTES || COMMANDS[littleU16(bytes, at)] === undefined) return false
  for (let i = at + 20; i < at + HEADER_BYTES; i++) if (bytes[i] !== 0) return false
  return bytes[at + 10] === 0 && bytes[at + 11] === 0
}

/** The one message that fills the span. */
export function decodeEnip(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault {
  const size = enipBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  const cursor = new Cursor(bytes, start, end)
  const command = little(cursor, 2)
  cursor.u16()
  const session = cursor.bytes.readUInt32LE(cursor.offset)
  const status = cursor.bytes.readUInt32LE(cursor.offset + 4)
  cursor.take(20)
  const known = COMMANDS[command] as Operation
  const fields = { command: known.name, session, status }
  if ((command === SEND_RR_DATA || command === SEND_UNIT_DATA) && cursor.left > 0) {
    const message = findCip(cursor, toServer, fields)
    if (message) return message
  }
  // Both sides' messages look alike: what the client sends asks.
  return icsMessage(known, { toServer, request: toServer, about: '', fields, fault: cursor.fault })
}

/** The items: the first that carries a CIP message. */
function findCip(
  cursor: Cursor,
  toServer: boolean,
  fields: Record<string, unknown>,
): IcsMessage | undefined {
  cursor.take(6) // interface handle, timeout
  const count = little(cursor, 2)
  for (let i = 0; i < count && i < ITEMS_MAX && cursor.fault === undefined; i++) {
    const type = little(cursor, 2)
    const length = little(cursor, 2)
    const at = cursor.offset
    cursor.take(length)
    if (cursor.fault) return undefined
    const skip = type === ITEM.connected ? 2 : 0 // a sequence count
    if ((type === ITEM.connected || type === ITEM.unconnected) && length > skip)
      return decodeCip(new Cursor(cursor.bytes, at + skip, at + length), toServer, fields)
  }
  return undefined
}
