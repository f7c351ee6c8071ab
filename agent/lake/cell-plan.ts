/**
 * Which columns and times a question will read, from the engine's own plan. It may say too little and then the reading fails and is
 * done again on the sealed files; so nothing here must be right for an answer to be, only for it to be fast.
 */
import type { ClearGroup } from './clear-columns.ts'

export interface Scan {
  columns: Set<string>
  /** Those that decide whether a row is wanted. */
  filters: Set<string>
  /** Column to value, each must be so. */
  equal: Map<string, string>
  bounds: Bound[]
}

interface Bound {
  column: 'event_time' | 'ingest_time'
  fromUs: number
  toUs: number
}

export interface Plan {
  scans: Scan[]
  /** One scan finds the rows, another fetches the rest of them by their number: it has no filter of its own. */
  isLate: boolean
}

interface Node {
  name: string
  children: Node[]
  extra_info: Record<string, unknown>
}

const NODES_MAX = 10_000

export function readPlan(json: string, columns: readonly string[]): Plan {
  const plan: Plan = { scans: [], isLate: false }
  const waiting = JSON.parse(json) as Node[]
  for (let i = 0; i < waiting.length && i < NODES_MAX; i++) {
    const { children, extra_info } = waiting[i] as Node
    waiting.push(...children)
    if (texts(extra_info.Conditions).some((text) => text.includes('file_row_number')))
      plan.isLate = true
    if (extra_info.Function === 'READ_PARQUET') plan.scans.push(readScan(extra_info, columns))
  }
  return plan
}

function readScan(info: Node['extra_info'], columns: readonly string[]): Scan {
  const scan: Scan = { columns: new Set(), filters: new Set(), equal: new Map(), bounds: [] }
  const words = (text: string) =>
    (text.match(/[a-z_]+/g) ?? []).filter((word) => columns.includes(word))
  for (const text of texts(info.Projections)) for (const word of words(text)) scan.columns.add(word)
  for (const text of texts(info.Filters)) {
    for (const word of words(text.replaceAll(/'(?:[^']|'')*'/g, ''))) scan.filters.add(word)
    const equal = /^([a-z_]+)='((?:[^']|'')*)'$/.exec(text)
    if (equal?.[1]) scan.equal.set(equal[1], (equal[2] as string).replaceAll("''", "'"))
    if (!text.includes(' OR ')) scan.bounds.push(...boundsIn(text))
  }
  return scan
}

const BOUND = /(event_time|ingest_time)(>=|<=|=|>|<)'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)'::TIMESTAMP(?: AND |$)/y // biome-ignore format: one line

function boundsIn(text: string): Bound[] {
  const found: Bound[] = []
  BOUND.lastIndex = 0
  for (let match = BOUND.exec(text); match; match = BOUND.exec(text)) {
    const [, column, how = '', time = ''] = match as unknown as [string, Bound['column'], string, string] // biome-ignore format: one line
    const [fromUs, toUs] = [usOf(time), usOf(time) + 1]
    found.push({
      column,
      fromUs: how.startsWith('<') ? Number.NEGATIVE_INFINITY : fromUs,
      toUs: how.startsWith('>') ? Number.POSITIVE_INFINITY : toUs,
    })
  }
  return found
}

function usOf(time: string): number {
  const [whole = '', part = ''] = time.split('.')
  return Date.parse(`${whole.replace(' ', 'T')}Z`) * 1000 + Number(part.padEnd(6, '0').slice(0, 6))
}

function texts(value: unknown): string[] {
  if (value === undefined) return []
  return (Array.isArray(value) ? value : [value]).map(String)
}

/** Whether the group can hold a row that the scan wants. */
export function mayWant({ group: { ranges } }: ClearGroup, { bounds, equal }: Scan): boolean {
  for (const { column, fromUs, toUs } of bounds) {
    const range = ranges.get(column)
    if (!range || range.min.length !== 8 || range.max.length !== 8) continue
    if (Number(range.max.readBigInt64LE()) < fromUs) return false
    if (Number(range.min.readBigInt64LE()) >= toUs) return false
  }
  for (const column of ['tenant_id', 'fleet_id'] as const) {
    const wanted = equal.get(column)
    const range = ranges.get(column)
    if (wanted !== undefined && range && !range.min.equals(Buffer.from(wanted))) return false
  }
  return true
}
