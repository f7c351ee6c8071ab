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

/** Tenant, fleet and appliance come from `stamp` alone; a draft cannot name them. */
export function stampEvent(draft: EventDraft, stamp: Stamp, nowUs: number): EventRow {
  const { record, event_time, attack_ids, event_id, ...rest } = draft
  const row: EventRow = {
    ...rest,
    tenant_id: stamp.tenant_id,
    fleet_id: stamp.fleet_id,
    appliance_id: stamp.appliance_id,
    event_id: event_id !== undefined && UUID.test(event_id) ? event_id : uuidV7(),
    event_time: event_time >= 0 && event_time < TIME_US_MAX ? Math.round(event_time) : nowUs,
    ingest_time: nowUs,
  }
  for (const name of TEXTS) {
    const text = row[name]
    if (text !== undefined && text.length > TEXT_CHARS_MAX)
      row[name] = text.slice(0, TEXT_CHARS_MAX)
  }
  for (const name of COUNTS) {
    const count = row[name]
    if (count !== undefined && !(count >= 0 && Number.isSafeInteger(count))) row[name] = undefined
  }
  if (attack_ids !== undefined) row.attack_ids = attack_ids.slice(0, ATTACK_IDS_MAX)
  if (record !== undefined) row.record = fitRecord(record)
  return row
}

const TEXTS = [
  'host',
  'rule_id',
  'user',
  'src_ip',
  'dest_ip',
  'proto',
  'app_proto',
  'community_id',
  'flow_id',
  'action',
  'message',
] as const
const COUNTS = ['src_port', 'dest_port', 'bytes', 'packets'] as const

function fitRecord(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
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
