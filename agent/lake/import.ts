/** NDJSON from outside → rows of one tenant. All of a file or nothing of it. */
import { createReadStream } from 'node:fs'
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
import { encodeLines } from './journal.ts'
import { Batch } from './parquet.ts'
import { stampEvent } from './stamp.ts'
import { type Sealed, sealBatch, type TenantLake } from './tenant-lake.ts'

const LINE_BYTES_MAX = 1 << 20
const BATCH_ROWS = 100_000

/**
 * Reads the file twice: first every line is judged, then rows are written and become part of the lake
 * in one step. A row that names another tenant refuses the whole file. The same file twice is twice
 * in the lake: an event_id that a row brings is kept, but not looked up.
 */
export async function importFile(lake: TenantLake, path: string): Promise<{ rows: number }> {
  let count = 0
  for await (const { line, number } of linesOf(path)) {
    readRow(line, number, lake)
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
  const nowUs = lake.clock.nowUs()
  for await (const { line, number } of linesOf(path)) {
    const row = stampEvent(readRow(line, number, lake), lake.tenant, nowUs)
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
  await lake.catalog.commit({
    add: sealed.map(({ file }) => file),
    modules: sealed.map(({ modules }) => modules),
  })
  return { rows }
}

async function* linesOf(path: string): AsyncGenerator<{ line: string; number: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  const tooLong = () => new Failure('invalid', `${path}, line ${number + 1}: longer than ${LINE_BYTES_MAX} bytes.`) // biome-ignore format: one line
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      let bytes = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        if (end > LINE_BYTES_MAX) throw tooLong()
        const line = bytes.toString('utf8', 0, end)
        bytes = bytes.subarray(end + 1)
        number++
        if (line.trim() !== '') yield { line, number }
      }
      rest = bytes
      if (rest.length > LINE_BYTES_MAX) throw tooLong()
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid', `${path} cannot be read.`, { file: path }, error)
  }
  if (rest.toString().trim() !== '') yield { line: rest.toString(), number: number + 1 }
}

const NAMES = new Set<string>(COLUMNS.map(([name]) => name))
const TEXTS = ['event_id', 'host', 'rule_id', 'user', 'src_ip', 'dest_ip', 'proto', 'app_proto', 'community_id', 'flow_id', 'action', 'message'] as const // biome-ignore format: a list
const NUMBERS = ['src_port', 'dest_port', 'bytes', 'packets'] as const

/** One row as a draft; what is no column of the lake goes into its record as data. */
function readRow(line: string, number: number, { tenant, clock }: TenantLake): EventDraft {
  const wrong = (what: string) =>
    new Failure('invalid', `Line ${number}: ${what}.`, { line: number })
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw wrong(`not JSON (${(error as Error).message})`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw wrong('not a JSON object')
  const row = value as Record<string, unknown>
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
  const record = readRecord(row)
  if (record) draft.record = record
  return draft
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

function readRecord(row: Record<string, unknown>): Record<string, unknown> | undefined {
  const extra = Object.entries(row).filter(([name]) => !NAMES.has(name))
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
