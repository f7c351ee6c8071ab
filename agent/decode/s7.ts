/**
 * S7comm and S7comm-plus, as Siemens controllers speak them over ISO transport: TPKT (RFC 1006), COTP (RFC 905), then one
 * PDU. Neither is published; the fields are those on which independent descriptions and real traffic agree.
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { type IcsSpan, icsMessage, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'
import { decodeS7Plus } from './s7-plus.ts'

export const TPKT_BYTES_MAX = 65_535
const TPKT_BYTES_MIN = 7
const ITEMS_MAX = 20
const NAME_CHARS_MAX = 64

export const COTP = { connect: 0xe, confirm: 0xd, disconnect: 0x8, data: 0xf } as const
const ROSCTR: Record<number, string> = { 1: 'job', 2: 'ack', 3: 'ack_data', 7: 'userdata' }
const S7 = 0x32
const S7_PLUS = 0x72

const { parameter, download, upload, mode, stop } = TECHNIQUE

const JOBS: Record<number, Operation> = {
  0: { name: 'cpu_services' },
  4: { name: 'read_var' },
  5: { name: 'write_var', write: true, attackIds: [parameter] },
  26: { name: 'request_download', write: true, attackIds: [download] },
  27: { name: 'download_block' },
  28: { name: 'download_ended' },
  29: { name: 'start_upload', attackIds: [upload] },
  30: { name: 'upload' },
  31: { name: 'end_upload' },
  40: { name: 'pi_service', write: true },
  41: { name: 'plc_stop', write: true, attackIds: [mode, stop] },
  240: { name: 'setup_comm' },
}
/** What a program invocation starts, by its name on the wire. */
const SERVICES: Record<string, Operation> = {
  P_PROGRAM: { name: 'plc_start', write: true, attackIds: [mode] },
  _INSE: { name: 'activate_block', write: true },
  _DELE: { name: 'delete_block', write: true },
  _GARB: { name: 'compress_memory', write: true },
  _MODU: { name: 'copy_ram_to_rom', write: true },
}
/** Userdata, by group and subfunction. */
const USERDATA: Record<number, Record<number, Operation>> = {
  3: { 1: { name: 'list_blocks' }, 2: { name: 'list_blocks_of_type' }, 3: { name: 'block_info' } },
  4: { 1: { name: 'read_szl' }, 2: { name: 'message_service' } },
  5: { 1: { name: 'password' } },
  7: {
    1: { name: 'read_clock' },
    2: { name: 'set_clock', write: true },
    3: { name: 'read_clock' },
    4: { name: 'set_clock', write: true },
  },
}
const GROUPS: Record<number, string> = {
  0: 'mode_transition',
  1: 'programmer_command',
  2: 'cyclic_data',
  3: 'block_function',
  4: 'cpu_function',
  5: 'security',
  7: 'time_function',
}
const AREAS: Record<number, string> = {
  28: 'C',
  29: 'T',
  128: 'P',
  129: 'I',
  130: 'Q',
  131: 'M',
  132: 'DB',
  133: 'DI',
}

/** How many bytes the packet at `start` takes in all; 0: more are needed to say; else the fault. */
export function tpktBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end <= start) return 0
  if (bytes[start] !== 3) return 'bad-version'
  if (end - start < 4) return 0
  const size = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number)
  return size < TPKT_BYTES_MIN ? 'bad-length' : size
}

export interface Cotp {
  /** The upper four bits of the type. */
  type: number
  /** Of data: the PDU ends with it. */
  last: boolean
  /** Where the PDU begins. */
  at: number
}

/** The COTP header of the packet that fills [start, end). */
export function decodeCotp(bytes: Uint8Array, start: number, end: number): Cotp | Fault {
  const size = tpktBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  const header = bytes[start + 4] as number
  const type = (bytes[start + 5] as number) >> 4
  if (header < 2 || start + 5 + header > end) return 'bad-length'
  return { type, last: ((bytes[start + 6] as number) & 0x80) !== 0, at: start + 5 + header }
}

/** A COTP message that is none of data: the connection itself. */
export function cotpMessage({ type }: Cotp, toServer: boolean): IcsMessage | undefined {
  const name =
    type === COTP.connect ? 'connect' : type === COTP.confirm ? 'connect_confirm' : undefined
  if (name === undefined) return undefined
  return icsMessage(
    { name },
    { toServer, request: type === COTP.connect, about: '', fields: { layer: 'cotp' } },
  )
}

/** Whether a PDU of either kind begins here. */
export function isS7(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return false
  if (bytes[at] === S7_PLUS) return true
  return bytes[at] === S7 && (at + 1 >= end || ROSCTR[bytes[at + 1] as number] !== undefined)
}

/** The one PDU that fills the span. */
export function decodeS7(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault {
  const cursor = new Cursor(bytes, start, end)
  const protocol = cursor.u8()
  if (cursor.fault) return cursor.fault
  if (protocol === S7_PLUS) return decodeS7Plus(cursor, toServer)
  if (protocol !== S7) return 'bad-protocol-id'
  const rosctr = ROSCTR[cursor.u8()]
  cursor.u16()
  const reference = cursor.u16()
  const parameterBytes = cursor.u16()
  const dataBytes = cursor.u16()
  if (cursor.fault) return cursor.fault
  if (rosctr === undefined) return 'bad-function'
  const answer = rosctr === 'ack' || rosctr === 'ack_data'
  const error = answer ? cursor.u16() : 0
  if (cursor.fault) return cursor.fault
  const at = cursor.offset
  const fault = at + parameterBytes + dataBytes === end ? undefined : 'bad-length'
  const rest = new Cursor(bytes, at, Math.min(end, at + parameterBytes))
  const fields = { rosctr, pdu_reference: reference, ...(answer && { error }) }
  const told = rosctr === 'userdata' ? readUserdata(rest) : readJob(rest, rosctr === 'job')
  return icsMessage(told.operation, {
    toServer,
    request: told.request,
    about: told.about,
    fields: { ...fields, ...told.fields },
    fault: fault ?? rest.fault,
  })
}

interface Told {
  operation: Operation
  request: boolean
  about: string
  fields: Record<string, unknown>
}

function readJob(cursor: Cursor, request: boolean): Told {
  if (cursor.left === 0)
    return { operation: { name: 'ack' }, request: false, about: '', fields: {} }
  const code = cursor.u8()
  const told: Told = {
    operation: JOBS[code] ?? { name: `function_${code}` },
    request,
    about: '',
    fields: { function: code },
  }
  if (!request) return told
  if (code === 4 || code === 5) readItems(cursor, told)
  else if (code >= 0x1a && code <= 0x1d) {
    cursor.take(7) // status and upload id
    nameOf(cursor, told, 'block')
  } else if (code === 0x28) {
    cursor.take(7)
    cursor.take(cursor.u16()) // arguments
    nameOf(cursor, told, 'service')
    told.operation = SERVICES[told.about] ?? told.operation
  } else if (code === 0x29) {
    cursor.take(5)
    nameOf(cursor, told, 'service')
  }
  return told
}

function nameOf(cursor: Cursor, told: Told, field: string): void {
  const name = cursor.latin1(cursor.u8()).slice(0, NAME_CHARS_MAX)
  told.about = name
  if (name !== '') told.fields[field] = name
}

/** The addresses of a read or write; only the usual kind (S7 any) is taken apart. */
function readItems(cursor: Cursor, told: Told): void {
  const count = cursor.u8()
  const items: Record<string, unknown>[] = []
  for (let i = 0; i < count && i < ITEMS_MAX && cursor.left > 0; i++) {
    cursor.u8() // 0x12: a variable
    const item = new Cursor(cursor.bytes, cursor.offset + 1, cursor.end)
    cursor.take(cursor.u8())
    if (cursor.fault) break
    if (item.u8() !== 0x10) continue
    item.u8() // transport size
    const length = item.u16()
    const db = item.u16()
    const area = item.u8()
    const bits = item.u24()
    if (item.fault || item.offset > cursor.offset) break
    const name = AREAS[area] ?? `area ${area}`
    const address = `${bits >> 3}.${bits & 7}`
    items.push({ area: name, ...(area === 0x84 && { db }), address, length })
  }
  told.fields.items = items
  const [first] = items
  if (!first) return
  const where = first.db === undefined ? first.area : `DB ${first.db}`
  told.about = `${where} address ${first.address}${count > 1 ? ` and ${count - 1} more` : ''}`
}

/** Type 4 asks, 8 answers, 0 is pushed by the controller. */
function readUserdata(cursor: Cursor): Told {
  cursor.take(4)
  cursor.u8() // method
  const kind = cursor.u8()
  const code = cursor.u8()
  const group = kind & 0x0f
  const operation = USERDATA[group]?.[code] ?? {
    name: `${GROUPS[group] ?? `group_${group}`}_${code}`,
  }
  const fields = { function_group: group, subfunction: code }
  return { operation, request: kind >> 4 === 4, about: '', fields }
}
