/**
 * DNP3 (IEEE 1815): link frames with their checksums, transport segments, application fragments. A frame is ten bytes
 * of header and at most 250 of data, each 16 of them followed by a checksum; a fragment is put together from the data of
 * several (flow/app-dnp3.ts).
 */
import { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { readObjects } from './dnp3-objects.ts'
import { icsMessage, littleU16, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'

export const DNP3_FRAME_BYTES_MAX = 292
const HEADER_BYTES = 10
const BLOCK_BYTES = 16
const LENGTH_MIN = 5

const { command, restart, parameter, reporting, stop } = TECHNIQUE

const OPERATIONS: Record<number, Operation> = {
  0: { name: 'confirm' },
  1: { name: 'read' },
  2: { name: 'write', write: true, attackIds: [parameter] },
  3: { name: 'select', write: true, attackIds: [command] },
  4: { name: 'operate', write: true, attackIds: [command] },
  5: { name: 'direct_operate', write: true, attackIds: [command] },
  6: { name: 'direct_operate_nr', write: true, attackIds: [command] },
  7: { name: 'freeze', write: true },
  8: { name: 'freeze_nr', write: true },
  9: { name: 'freeze_clear', write: true },
  10: { name: 'freeze_clear_nr', write: true },
  11: { name: 'freeze_at_time', write: true },
  12: { name: 'freeze_at_time_nr', write: true },
  13: { name: 'cold_restart', write: true, attackIds: [restart] },
  14: { name: 'warm_restart', write: true, attackIds: [restart] },
  15: { name: 'initialize_data', write: true },
  16: { name: 'initialize_appl', write: true },
  17: { name: 'start_appl', write: true },
  18: { name: 'stop_appl', write: true, attackIds: [stop] },
  19: { name: 'save_config', write: true },
  20: { name: 'enable_unsolicited' },
  21: { name: 'disable_unsolicited', write: true, attackIds: [reporting] },
  22: { name: 'assign_class', write: true },
  23: { name: 'delay_measure' },
  24: { name: 'record_current_time' },
  25: { name: 'open_file' },
  26: { name: 'close_file' },
  27: { name: 'delete_file', write: true },
  28: { name: 'get_file_info' },
  29: { name: 'authenticate_file' },
  30: { name: 'abort_file' },
  31: { name: 'activate_config', write: true, attackIds: [parameter] },
  32: { name: 'auth_request' },
  33: { name: 'auth_request_nr' },
  129: { name: 'response' },
  130: { name: 'unsolicited_response' },
  131: { name: 'auth_response' },
}
/** Functions whose objects carry data; of the others only headers are sent. */
const WITH_DATA = new Set([2, 3, 4, 5, 6, 129, 130])
const CONFIRM = 0
const RESPONSE_FIRST = 129

/** Internal indications, in the order of the bits from the highest. */
export const DNP3_INDICATORS =
  'device_restart device_trouble local_control need_time class_3_events class_2_events class_1_events all_stations reserved_1 reserved_2 config_corrupt already_executing event_buffer_overflow parameter_error object_unknown no_func_code_support'.split(
    ' ',
  )

const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa6bc : crc >> 1
  return crc
})

/** IEEE 1815 §9.2.4: x16+x13+x12+x11+x10+x8+x6+x5+x2+1, inverted, low byte first. */
export function dnp3Crc(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let i = start; i < end; i++)
    crc = (crc >> 8) ^ (CRC[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return ~crc & 0xffff
}

/** Whether a frame begins here, by its two first bytes and the checksum of its header. */
export function isDnp3Header(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + HEADER_BYTES > end || bytes[at] !== 0x05 || bytes[at + 1] !== 0x64) return false
  return dnp3Crc(bytes, at, at + 8) === littleU16(bytes, at + 8)
}

/** How many bytes the frame at `start` takes in all; 0: more are needed to say; else the fault. */
export function dnp3FrameBytes(bytes: Uint8Array, start: number, end: number): number | Fault {
  if (end <= start) return 0
  if (bytes[start] !== 0x05 || (end - start > 1 && bytes[start + 1] !== 0x64)) return 'bad-record'
  if (end - start < HEADER_BYTES) return 0
  if (!isDnp3Header(bytes, start, end)) return 'bad-checksum'
  const length = bytes[start + 2] as number
  if (length < LENGTH_MIN) return 'bad-length'
  const data = length - LENGTH_MIN
  return HEADER_BYTES + data + Math.ceil(data / BLOCK_BYTES) * 2
}

export interface Dnp3Link {
  /** The control byte: direction, primary, frame count bits, function. */
  control: number
  dest: number
  src: number
  /** Transport header and data, without checksums: a copy. */
  data: Buffer
}

/** The one frame that fills [start, end). */
export function decodeDnp3Link(bytes: Buffer, start: number, end: number): Dnp3Link | Fault {
  const size = dnp3FrameBytes(bytes, start, end)
  if (typeof size === 'string') return size
  if (size === 0 || start + size > end) return 'truncated'
  if (start + size < end) return 'bad-length'
  const blocks: Buffer[] = []
  for (let at = start + HEADER_BYTES; at < end; ) {
    const next = Math.min(at + BLOCK_BYTES, end - 2)
    if (dnp3Crc(bytes, at, next) !== littleU16(bytes, next)) return 'bad-checksum'
    blocks.push(bytes.subarray(at, next))
    at = next + 2
  }
  return {
    control: bytes[start + 3] as number,
    dest: littleU16(bytes, start + 4),
    src: littleU16(bytes, start + 6),
    data: Buffer.concat(blocks),
  }
}

/** One whole application fragment, and the addresses of the frame that brought it. */
export function decodeDnp3(
  app: Buffer,
  { control, dest, src }: Omit<Dnp3Link, 'data'>,
  toServer: boolean,
): IcsMessage | Fault {
  const cursor = new Cursor(app)
  const flags = cursor.u8()
  const code = cursor.u8()
  const response = code >= RESPONSE_FIRST
  const iin = response ? cursor.u16() : 0
  if (cursor.fault) return cursor.fault
  const read = readObjects(cursor, WITH_DATA.has(code))
  const fields = {
    type: response ? (code === 130 ? 'unsolicited_response' : 'response') : 'request',
    control: {
      dir: (control & 0x80) !== 0,
      pri: (control & 0x40) !== 0,
      fcb: (control & 0x20) !== 0,
      fcv: (control & 0x10) !== 0,
      function_code: control & 0x0f,
    },
    src,
    dst: dest,
    application: {
      control: {
        fir: (flags & 0x80) !== 0,
        fin: (flags & 0x40) !== 0,
        con: (flags & 0x20) !== 0,
        uns: (flags & 0x10) !== 0,
        sequence: flags & 0x0f,
      },
      function_code: code,
      objects: read.objects,
      complete: read.complete,
    },
    ...(response && { iin: { indicators: DNP3_INDICATORS.filter((_, i) => iin & (0x8000 >> i)) } }),
  }
  return icsMessage(OPERATIONS[code] ?? { name: `function_${code}` }, {
    toServer,
    request: !response && code !== CONFIRM,
    about: aboutOf(read.objects),
    fields,
    fault: cursor.fault,
  })
}

function aboutOf(objects: ReturnType<typeof readObjects>['objects']): string {
  const [first] = objects
  if (!first) return ''
  const more = objects.length > 1 ? ` and ${objects.length - 1} more` : ''
  const index = first.points?.[0]?.index
  const where = index === undefined ? '' : ` index ${index}`
  return `group ${first.group} variation ${first.variation}${where}${more}`
}
