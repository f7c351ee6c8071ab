/** EventDraft → EventRow: whose row it is, its id, when we had it; and every field within its bound. */
import { type EventDraft, type EventRow, RECORD_BYTES_MAX, type Stamp } from '../base/event.ts'
import { UUID, uuidV7 } from '../base/ids.ts'

const TEXT_CHARS_MAX = 4096
const ATTACK_IDS_MAX = 16
const RECORD_HEAD_CHARS = 16_384 // at most 3 bytes each in UTF-8: always fits
const TIME_US_MAX = 4_102_444_800_000_000 // the year 2100: later is a broken clock, not an event

/** Says in the row itself that its record was cut, and how big it was. */
export interface CutRecord {
  picket_cut: true
  picket_bytes: number
  head: string
}

/** All columns, absent ones too: rows of one shape are made and written as JSON in a third of the time. */
type WholeRow = { [Name in keyof Required<EventRow>]: EventRow[Name] }

/** Tenant, fleet and appliance come from `stamp` alone; a draft cannot name them. */
export function stampEvent(draft: EventDraft, stamp: Stamp, nowUs: number): EventRow {
  const { event_time, event_id, record } = draft
  return {
    tenant_id: stamp.tenant_id,
    fleet_id: stamp.fleet_id,
    event_time: event_time >= 0 && event_time < TIME_US_MAX ? Math.round(event_time) : nowUs,
    host: fitText(draft.host),
    rule_id: fitText(draft.rule_id),
    severity: draft.severity,
    event_id: event_id !== undefined && UUID.test(event_id) ? event_id : uuidV7(),
    appliance_id: stamp.appliance_id,
    ingest_time: nowUs,
    kind: draft.kind,
    attack_ids: draft.attack_ids?.slice(0, ATTACK_IDS_MAX),
    user: fitText(draft.user),
    src_ip: fitText(draft.src_ip),
    dest_ip: fitText(draft.dest_ip),
    src_port: fitCount(draft.src_port),
    dest_port: fitCount(draft.dest_port),
    proto: fitText(draft.proto),
    app_proto: fitText(draft.app_proto),
    community_id: fitText(draft.community_id),
    flow_id: fitText(draft.flow_id),
    bytes: fitCount(draft.bytes),
    packets: fitCount(draft.packets),
    action: fitText(draft.action),
    message: fitText(draft.message),
    record: record && fitRecord(record),
  } satisfies WholeRow
}

function fitText(text: string | undefined): string | undefined {
  return text !== undefined && text.length > TEXT_CHARS_MAX ? text.slice(0, TEXT_CHARS_MAX) : text
}

function fitCount(count: number | undefined): number | undefined {
  const fits = count !== undefined && count >= 0 && Number.isSafeInteger(count)
  return fits ? count : undefined
}

function fitRecord(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (bytesAtMost(record) <= RECORD_BYTES_MAX) return record
  const text = JSON.stringify(record)
  if (text.length * 3 <= RECORD_BYTES_MAX) return record
  const bytes = Buffer.byteLength(text)
  if (bytes <= RECORD_BYTES_MAX) return record
  return {
    picket_cut: true,
    picket_bytes: bytes,
    head: text.slice(0, RECORD_HEAD_CHARS).toWellFormed(),
  } satisfies CutRecord
}

const VALUE_BYTES_MAX = 32 // a number, a word, the brackets of an object
const CHAR_BYTES_MAX = 6 // \u0000

/** Of a value as JSON, from its lengths: a third of the time that making the JSON takes. */
function bytesAtMost(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES_MAX + value.length * CHAR_BYTES_MAX
  if (typeof value !== 'object' || value === null) return VALUE_BYTES_MAX
  let bytes = VALUE_BYTES_MAX
  if (Array.isArray(value)) for (const each of value) bytes += bytesAtMost(each)
  else
    for (const key in value)
      bytes += key.length * CHAR_BYTES_MAX + bytesAtMost(value[key as keyof typeof value])
  return bytes
}
