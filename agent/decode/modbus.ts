/**
 * Modbus application protocol over TCP (MODBUS Messaging on TCP/IP V1.0b, Application Protocol V1.1b3).
 * One ADU: a header of seven bytes, then at most 253 bytes of function and fields. A segment may hold
 * several; a length that disagrees with the function's own fields is a fault, never a guess.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import type { ModbusMessage } from './records.ts'

export const MBAP_BYTES = 7
/** Header and function. */
const HEAD_BYTES = 8
const UNIT_AND_PDU_MAX = 254
const VALUES_MAX = 125

/** By function code. */
const WRITES = Uint8Array.from({ length: 128 }, (_, code) =>
  [5, 6, 15, 16, 21, 22, 23].includes(code) ? 1 : 0,
)
const SUB_FUNCTION = { diagnostics: 8, mei: 43 } as const

/** How many bytes the ADU at `start` takes in all; 0: more are needed to say; else the fault. */
export function modbusBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end - start < 6) return 0
  const protocol = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number)
  if (protocol !== 0) return 'bad-protocol-id'
  const length = ((bytes[start + 4] as number) << 8) | (bytes[start + 5] as number)
  return length < 2 || length > UNIT_AND_PDU_MAX ? 'bad-length' : 6 + length
}

const NOTHING: readonly number[] = []
const cursor = new Cursor(Buffer.alloc(0))

/** Decodes the one ADU that fills [start, end). */
export function decodeModbus(
  bytes: Buffer,
  { start = 0, end = bytes.length, toServer }: { start?: number; end?: number; toServer: boolean },
): ModbusMessage | Fault {
  return decodeAdu(bytes, start, end, toServer)
}

/** The same for who has many, without an object to say where. */
// biome-ignore format: one line
export function decodeAdu(bytes: Buffer, start: number, end: number, toServer: boolean): ModbusMessage | Fault {
  const size = modbusBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  const message = emptyMessage(bytes, start, toServer)
  cursor.over(bytes, start + HEAD_BYTES, end)
  if (message.function === 0) return 'bad-function'
  if (message.failed) {
    if (toServer) return 'bad-function'
    message.exception = cursor.u8()
  } else if (toServer) readRequest(message)
  else readResponse(message)
  if (cursor.fault === undefined && cursor.left !== 0) cursor.fail('bad-length')
  return cursor.fault ?? message
}

/** Of an ADU whose fields are wrong: whose it is, its function, whether that writes and why it failed. */
export function bareModbus(
  bytes: Buffer,
  { start, end, toServer }: { start: number; end: number; toServer: boolean },
): ModbusMessage {
  const message = emptyMessage(bytes, start, toServer)
  if (message.failed && !toServer && start + HEAD_BYTES < end)
    message.exception = bytes[start + HEAD_BYTES] as number
  return message
}

/** What the first bytes say. */
function emptyMessage(bytes: Buffer, at: number, toServer: boolean): ModbusMessage {
  const raw = bytes[at + 7] as number
  const code = raw & 0x7f
  return {
    transaction: ((bytes[at] as number) << 8) | (bytes[at + 1] as number),
    unit: bytes[at + 6] as number,
    function: code,
    toServer,
    failed: raw >= 0x80,
    exception: undefined,
    address: undefined,
    quantity: undefined,
    values: NOTHING,
    readAddress: undefined,
    readQuantity: undefined,
    read: NOTHING,
    subFunction: undefined,
    write: WRITES[code] === 1,
  }
}

function readRequest(message: ModbusMessage): void {
  switch (message.function) {
    case 1:
    case 2:
    case 3:
    case 4:
      readSpan(message, message.function < 3 ? 2000 : 125)
      break
    case 5:
    case 6:
      readSingle(message)
      break
    case 15:
      readSpan(message, 1968)
      readCoils(message)
      break
    case 16:
      readSpan(message, 123)
      readRegisters(message)
      break
    case 22:
      readMask(message)
      break
    case 23:
      message.readAddress = cursor.u16()
      message.readQuantity = cursor.u16()
      readSpan(message, 121)
      readRegisters(message)
      break
    default:
      readOther(message)
  }
}

function readResponse(message: ModbusMessage): void {
  switch (message.function) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 23: {
      const size = cursor.u8()
      if (size !== cursor.left) cursor.fail('bad-length')
      message.read = cursor.values(cursor.left)
      break
    }
    case 5:
    case 6:
      readSingle(message)
      break
    case 15:
    case 16:
      readSpan(message, 1968)
      break
    case 22:
      readMask(message)
      break
    default:
      readOther(message)
  }
}

/** First address and count. A count of 0, past the specification's or past the end of the space, is a lie. */
function readSpan(message: ModbusMessage, quantityMax: number): void {
  message.address = cursor.u16()
  message.quantity = cursor.u16()
  const { address, quantity } = message
  if (cursor.fault === undefined && (quantity === 0 || quantity > quantityMax))
    cursor.fail('bad-length')
  if (address + quantity > 0x1_0000) cursor.fail('bad-length')
}

function readSingle(message: ModbusMessage): void {
  message.address = cursor.u16()
  message.quantity = 1
  const value = cursor.u16()
  message.values = [message.function === 5 ? (value === 0xff00 ? 1 : 0) : value]
}

function readMask(message: ModbusMessage): void {
  message.address = cursor.u16()
  message.quantity = 1
  message.values = [cursor.u16(), cursor.u16()]
}

function readCoils(message: ModbusMessage): void {
  const size = cursor.u8()
  const quantity = message.quantity as number
  if (size !== (quantity + 7) >> 3 || size !== cursor.left) cursor.fail('bad-length')
  const packed = cursor.take(cursor.left)
  const values: number[] = []
  message.values = values
  for (let i = 0; i < quantity && i < VALUES_MAX && cursor.fault === undefined; i++)
    values.push(((packed[i >> 3] as number) >> (i & 7)) & 1)
}

function readRegisters(message: ModbusMessage): void {
  const size = cursor.u8()
  const quantity = message.quantity as number
  if (size !== quantity * 2 || size !== cursor.left) cursor.fail('bad-length')
  const values: number[] = []
  message.values = values
  for (let i = 0; i < quantity && i < VALUES_MAX && cursor.fault === undefined; i++)
    values.push(cursor.u16())
}

/** A function without fields of its own here: the sub-function where it has one, and what follows unread. */
function readOther(message: ModbusMessage): void {
  if (message.function === SUB_FUNCTION.diagnostics) message.subFunction = cursor.u16()
  if (message.function === SUB_FUNCTION.mei) message.subFunction = cursor.u8()
  message.read = cursor.values(cursor.left)
}
