/** NDJSON from outside → rows of one tenant. All of a file or nothing of it. */
import { usFromIso } from '../base/clock.ts'
import {
  COLUMNS,
  EVENT_KINDS,
  type EventDraft,
  type EventKind,
  SEVERITIES,
  type Severity,
} from '../base/event.ts'
import { crossTenant, Failure } from '../base/failure.ts'
import { ANNEX_EVENT_VALUES_MAX, type AnnexValue, annexFault, typed } from './annex.ts'
import { annexChange, counted, refuseMany, together } from './annex-store.ts'
import type { Change } from './catalog.ts'
import { encodeLines } from './journal.ts'
import { linesOf, objectOf, wrongLine } from './ndjson.ts'
import { Batch } from './parquet.ts'
import { stampEvent } from './stamp.ts'
import { type Sealed, sealBatch, type TenantLake } from './tenant-lake.ts'

const BATCH_ROWS = 100_000

export interface ImportOptions {
  /** Fields that are no columns become values of the annex, not part of the record. */
  annex?: boolean
}

/**
 * Reads the file twice: first every line is judged, then rows are written and become part of the lake
 * in one step. A row that names another tenant refuses the whole file. The same file twice is twice
 * in the lake: an event_id that a row brings is kept, but not looked up.
 */
export async function importFile(
  lake: TenantLake,
  path: string,
  options: ImportOptions = {},
): Promise<{ rows: number }> {
  return options.annex ? counted(lake, () => bring(lake, path, true)) : bring(lake, path, false)
}

async function bring(lake: TenantLake, path: string, toAnnex: boolean): Promise<{ rows: number }> {
  let count = 0
  let values = 0
  for await (const { line, number } of linesOf(path)) {
    values += readRow(line, number, { lake, toAnnex }).extras.length
    refuseMany(values)
    count++
  }
  if (count === 0) throw new Failure('invalid', `${path} holds no rows.`, { file: path })
  const sealed: Sealed[] = []
  let lines: Buffer[] = []
  const flush = async () => {
    await using batch = await Batch.ofLines(lake.options, lines)
    sealed.push(await sealBatch(lake, batch, { level: 0 }))
    lines = []
  }
  const annex: AnnexValue[] = []
  const nowUs = lake.clock.nowUs()
  for await (const { line, number } of linesOf(path)) {
    const { draft, extras } = readRow(line, number, { lake, toAnnex })
    const row = stampEvent(draft, lake.tenant, nowUs)
    for (const extra of extras) annex.push({ ...extra, event_id: row.event_id })
    lines.push(Buffer.from(encodeLines([row])))
    if (lines.length === BATCH_ROWS) await flush()
  }
  if (lines.length > 0) await flush()
  const rows = sealed.reduce((sum, { file }) => sum + file.rows, 0)
  if (rows !== count)
    throw new Failure(
      'internal',
      `Of ${count} rows ${rows} could be written: nothing was imported.`,
    )
  const change: Change = {
    add: sealed.map(({ file }) => file),
    modules: sealed.map(({ modules }) => modules),
  }
  const withAnnex = annex.length > 0 ? together(change, await annexChange(lake, annex, nowUs)) : change // biome-ignore format: one line
  await lake.catalog.commit(withAnnex)
  return { rows }
}

const NAMES = new Set<string>(COLUMNS.map(([name]) => name))
const TEXTS = ['event_id', 'host', 'rule_id', 'user', 'src_ip', 'dest_ip', 'proto', 'app_proto', 'community_id', 'flow_id', 'action', 'message'] as const // biome-ignore format: a list
const NUMBERS = ['src_port', 'dest_port', 'bytes', 'packets'] as const

/** One row as a draft; what is no column of the lake goes into its record as data, or into the annex. */
function readRow(
  line: string,
  number: number,
  { lake: { tenant, clock }, toAnnex }: { lake: TenantLake; toAnnex: boolean },
): { draft: EventDraft; extras: AnnexValue[] } {
  const wrong = (what: string) => wrongLine(number, what)
  const row = objectOf(line, number)
  if ((row.tenant_id ?? tenant.tenant_id) !== tenant.tenant_id) throw crossTenant()
  if ((row.fleet_id ?? tenant.fleet_id) !== tenant.fleet_id) throw crossTenant()
  const draft: EventDraft = {
    kind: readWord(row.kind, EVENT_KINDS) ?? 'host',
    event_time: readTime(row.event_time, clock.nowUs()),
  }
  if (row.kind != null && draft.kind !== row.kind) throw wrong('kind is not one of the lake')
  if (!Number.isFinite(draft.event_time)) throw wrong('event_time is no time')
  const severity = readWord(row.severity, SEVERITIES)
  if (row.severity != null && !severity)
    throw wrong('severity is not low, medium, high or critical')
  draft.severity = severity
  for (const name of TEXTS) {
    const text = row[name]
    if (typeof text === 'number' && name === 'flow_id') draft.flow_id = String(text)
    else if (typeof text === 'string') draft[name] = text
    else if (text != null) throw wrong(`${name} is not text`)
  }
  for (const name of NUMBERS) {
    const count = row[name]
    if (count == null) continue
    if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
      throw wrong(`${name} is no whole number`)
    draft[name] = count
  }
  if (Array.isArray(row.attack_ids)) draft.attack_ids = row.attack_ids.map(String)
  const extras = toAnnex ? readExtras(row, number) : []
  const record = readRecord(row, toAnnex)
  if (record) draft.record = record
  return { draft, extras }
}

/** Fields that are no columns, as values of the annex; the id of their event is not known yet. */
function readExtras(row: Record<string, unknown>, number: number): AnnexValue[] {
  const extras = extrasOf(row)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ({ event_id: NO_EVENT, name, ...typed(value) }))
  if (extras.length > ANNEX_EVENT_VALUES_MAX)
    throw wrongLine(number, `more than ${ANNEX_EVENT_VALUES_MAX} values for the annex`)
  for (const extra of extras) {
    const fault = annexFault(extra)
    if (fault) throw wrongLine(number, fault)
  }
  return extras
}
const NO_EVENT = '00000000-0000-0000-0000-000000000000'

function extrasOf(row: Record<string, unknown>): [string, unknown][] {
  return Object.entries(row).filter(([name]) => !NAMES.has(name))
}

function readWord<T extends EventKind | Severity>(
  value: unknown,
  words: readonly T[],
): T | undefined {
  return words.find((word) => word === value)
}

/** ISO text, or microseconds since 1970. */
function readTime(value: unknown, nowUs: number): number {
  if (value == null) return nowUs
  return typeof value === 'string'
    ? usFromIso(value)
    : typeof value === 'number'
      ? value
      : Number.NaN
}

function readRecord(
  row: Record<string, unknown>,
  toAnnex: boolean,
): Record<string, unknown> | undefined {
  const extra = toAnnex ? [] : extrasOf(row)
  let given: unknown = row.record
  if (typeof given === 'string') {
    try {
      given = JSON.parse(given)
    } catch {
      given = { text: given }
    }
  }
  const isObject = given !== null && typeof given === 'object' && !Array.isArray(given)
  if (given != null && !isObject) given = { value: given }
  if (given == null && extra.length === 0) return undefined
  return { ...(given as Record<string, unknown> | undefined), ...Object.fromEntries(extra) }
}
