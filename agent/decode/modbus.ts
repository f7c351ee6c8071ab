/**
 * Modbus application protocol over TCP (MODBUS Messaging on TCP/IP V1.0b, Application Protocol V1.1b3).
 * One ADU: a header of seven bytes, then at most 253 bytes of function and fields. A segment may hold
 * several; a length that disagrees with the function's own fields is a fault, never a guess.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import type { ModbusMessage } from './records.ts'

export const MBAP_BYTES = 7
const UNIT_AND_PDU_MAX = 254
const VALUES_MAX = 125

const WRITES = new Set([5, 6, 15, 16, 21, 22, 23])
const SUB_FUNCTION = { diagnostics: 8, mei: 43 } as const

/** How many bytes the ADU at `start` takes in all; 0: more are needed to say; else the fault. */
export function modbusBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end - start < 6) return 0
  const protocol = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number)
  if (protocol !== 0) return 'bad-protocol-id'
  const length = ((bytes[start + 4] as number) << 8) | (bytes[start + 5] as number)
  return length < 2 || length > UNIT_AND_PDU_MAX ? 'bad-length' : 6 + length
}

const NOTHING = new Uint8Array(0)

/** Decodes the one ADU that fills [start, end). */
export function decodeModbus(
  bytes: Buffer,
  { start = 0, end = bytes.length, toServer }: { start?: number; end?: number; toServer: boolean },
): ModbusMessage | Fault {
  const size = modbusBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  const cursor = new Cursor(bytes, start, end)
  const transaction = cursor.u16()
  cursor.u32() // protocol and length: judged above
  const unit = cursor.u8()
  const raw = cursor.u8()
  const message = emptyMessage({ transaction, unit, raw, toServer })
  if (message.function === 0) return 'bad-function'
  if (raw >= 0x80) {
    if (toServer) return 'bad-function'
    message.exception = cursor.u8()
  } else if (toServer) readRequest(cursor, message)
  else readResponse(cursor, message)
  if (cursor.fault === undefined && cursor.left !== 0) cursor.fail('bad-length')
  return cursor.fault ?? message
}

/** Of an ADU whose fields are wrong: whose it is, its function, whether that writes and why it failed. */
export function bareModbus(
  bytes: Buffer,
  { start, end, toServer }: { start: number; end: number; toServer: boolean },
): ModbusMessage {
  const cursor = new Cursor(bytes, start, end)
  const transaction = cursor.u16()
  cursor.u32()
  const message = emptyMessage({ transaction, unit: cursor.u8(), raw: cursor.u8(), toServer })
  if (message.failed && !toServer && cursor.left > 0) message.exception = cursor.u8()
  return message
}

function emptyMessage(head: {
  transaction: number
  unit: number
  raw: number
  toServer: boolean
}): ModbusMessage {
  const code = head.raw & 0x7f
  return {
    transaction: head.transaction,
    unit: head.unit,
    function: code,
    toServer: head.toServer,
    failed: head.raw >= 0x80,
    exception: undefined,
    address: undefined,
    quantity: undefined,
    values: [],
    readAddress: undefined,
    readQuantity: undefined,
    read: NOTHING,
    subFunction: undefined,
    write: WRITES.has(code),
  }
}

function readRequest(cursor: Cursor, message: ModbusMessage): void {
  switch (message.function) {
    case 1:
    case 2:
    case 3:
    case 4:
      readSpan(cursor, message, message.function < 3 ? 2000 : 125)
      break
    case 5:
    case 6:
      readSingle(cursor, message)
      break
    case 15:
      readSpan(cursor, message, 1968)
      readCoils(cursor, message)
      break
    case 16:
      readSpan(cursor, message, 123)
      readRegisters(cursor, message)
      break
    case 22:
      readMask(cursor, message)
      break
    case 23:
      message.readAddress = cursor.u16()
      message.readQuantity = cursor.u16()
      readSpan(cursor, message, 121)
      readRegisters(cursor, message)
      break
    default:
      readOther(cursor, message)
  }
}

function readResponse(cursor: Cursor, message: ModbusMessage): void {
  switch (message.function) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 23: {
      const size = cursor.u8()
      if (size !== cursor.left) cursor.fail('bad-length')
      message.read = cursor.copy(cursor.left)
      break
    }
    case 5:
    case 6:
      readSingle(cursor, message)
      break
    case 15:
    case 16:
      readSpan(cursor, message, 1968)
      break
    case 22:
      readMask(cursor, message)
      break
    default:
      readOther(cursor, message)
  }
}

/** First address and count. A count of 0, past the specification's or past the end of the space, is a lie. */
function readSpan(cursor: Cursor, message: ModbusMessage, quantityMax: number): void {
  message.address = cursor.u16()
  message.quantity = cursor.u16()
  const { address, quantity } = message
  if (cursor.fault === undefined && (quantity === 0 || quantity > quantityMax))
    cursor.fail('bad-length')
  if (address + quantity > 0x1_0000) cursor.fail('bad-length')
}

function readSingle(cursor: Cursor, message: ModbusMessage): void {
  message.address = cursor.u16()
  message.quantity = 1
  const value = cursor.u16()
  message.values.push(message.function === 5 ? (value === 0xff00 ? 1 : 0) : value)
}

function readMask(cursor: Cursor, message: ModbusMessage): void {
  message.address = cursor.u16()
  message.quantity = 1
  message.values.push(cursor.u16(), cursor.u16())
}

function readCoils(cursor: Cursor, message: ModbusMessage): void {
  const size = cursor.u8()
  const quantity = message.quantity as number
  if (size !== (quantity + 7) >> 3 || size !== cursor.left) cursor.fail('bad-length')
  const packed = cursor.take(cursor.left)
  for (let i = 0; i < quantity && i < VALUES_MAX && cursor.fault === undefined; i++)
    message.values.push(((packed[i >> 3] as number) >> (i & 7)) & 1)
}

function readRegisters(cursor: Cursor, message: ModbusMessage): void {
  const size = cursor.u8()
  const quantity = message.quantity as number
  if (size !== quantity * 2 || size !== cursor.left) cursor.fail('bad-length')
  for (let i = 0; i < quantity && i < VALUES_MAX && cursor.fault === undefined; i++)
    message.values.push(cursor.u16())
}

/** A function without fields of its own here: the sub-function where it has one, and what follows unread. */
function readOther(cursor: Cursor, message: ModbusMessage): void {
  if (message.function === SUB_FUNCTION.diagnostics) message.subFunction = cursor.u16()
  if (message.function === SUB_FUNCTION.mei) message.subFunction = cursor.u8()
  message.read = cursor.copy(cursor.left)
}
