/** Findings, flows and the last day, asked of picket-keys by the names of its fixed questions. */

import type { Clock } from '../agent/base/clock.ts'
import { isoFromUs, usFromIso } from '../agent/base/clock.ts'
import type { EventRow, Severity } from '../agent/base/event.ts'
import { Failure } from '../agent/base/failure.ts'
import type { PacketsAnswer, QueryAnswer, Question } from '../agent/control/keys-client.ts'
import type {
  Asker,
  Day,
  Days,
  FindingFilter,
  Findings,
  Flows,
  ListFilter,
  Rows,
  SiteStatus,
  Stretch,
} from './base/ports.ts'
import type { Recent } from './recent.ts'

const TIES_MAX = 64 // rows of the very microsecond at which the page before ended
const AROUND_S = 600
const AROUND_MAX = 500
const DAY_US = 86_400e6
const HALF_HOUR_US = 1800e6
const SEEN_S = 600
const HEALTH_MAX = 1000
const SELF_TEST = /^self-test-(found|missed)$/

/** What this needs of picket-keys and the agent. */
export interface LakeSource {
  query(given: { token: string; scope?: string[] } & Question): Promise<QueryAnswer>
  packets(given: { token: string; finding_id: string }): Promise<PacketsAnswer>
  recent: Recent
  clock: Clock
  status(): SiteStatus | undefined
}

export function lakeRows(source: LakeSource): { findings: Findings; flows: Flows; days: Days } {
  return {
    findings: {
      list: (asker, filter) => list(source, asker, 'finding', filter),
      get: (asker, id) => get(source, asker, id),
      around: (asker, finding) => around(source, asker, finding),
      packets: async ({ token }, finding_id) => {
        const { pcapng, frames } = await source.packets({ token, finding_id })
        return { pcapng: Buffer.from(pcapng, 'base64'), frames }
      },
    },
    flows: { list: (asker, filter) => list(source, asker, 'flow', filter) },
    days: { last24h: (asker) => last24h(source, asker) },
  }
}

type Row = Readonly<Record<string, unknown>>

async function ask(
  source: LakeSource,
  { token, scope }: Asker,
  named: string,
  params: Record<string, unknown>,
): Promise<{ rows: Row[]; gaps: string[] }> {
  const answer = await source.query({ token, scope: [...scope], named, params, partial: true })
  const rows = answer.rows.map((cells) =>
    Object.fromEntries(answer.columns.map((column, i) => [column, cells[i]])),
  )
  return { rows, gaps: answer.gaps ?? [] }
}

async function list(
  source: LakeSource,
  asker: Asker,
  kind: 'finding' | 'flow',
  filter: FindingFilter,
): Promise<Rows<EventRow>> {
  const { address, words, from, to, severity, after, limit } = filter
  const until = Math.min(to ?? Infinity, after ? after.at + 1 : Infinity)
  const params = {
    ...(address ? { address } : {}),
    ...(words ? { q: words } : {}),
    ...(severity ? { severity } : {}),
    ...(from === undefined ? {} : { since: isoFromUs(from) }),
    ...(Number.isFinite(until) ? { until: isoFromUs(until) } : {}),
    limit: limit + TIES_MAX,
  }
  const fresh = source.recent
    .of(kind, asker.scope, source.clock.nowUs())
    .filter((row) => fits(row, filter))
  let kept: EventRow[] = []
  let gaps: string[] = []
  try {
    const found = await ask(source, asker, kind === 'flow' ? 'flows' : 'findings', params)
    kept = found.rows.map(eventRow)
    gaps = found.gaps
  } catch (error) {
    // Only what is out of reach may be replaced by what we have just heard; a refusal stays one.
    if (Failure.kindOf(error) !== 'unavailable' || fresh.length === 0) throw error
    gaps = [
      `the lake does not answer, so only the last minutes are here: ${(error as Error).message}`,
    ]
  }
  const rows = merge(kept, fresh).filter((row) => !after || isBefore(row, after))
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    rows: page,
    ...(rows.length > limit && last ? { next: { at: last.event_time, id: last.event_id } } : {}),
    ...(gaps.length > 0 ? { gaps } : {}),
  }
}

/** Newest first, each event once. */
function merge(kept: readonly EventRow[], fresh: readonly EventRow[]): EventRow[] {
  const byId = new Map([...fresh, ...kept].map((row) => [row.event_id, row]))
  return [...byId.values()].sort(
    (a, b) => b.event_time - a.event_time || (a.event_id < b.event_id ? 1 : -1),
  )
}

function isBefore(row: EventRow, { at, id }: { at: number; id: string }): boolean {
  return row.event_time < at || (row.event_time === at && row.event_id < id)
}

function fits(
  row: EventRow,
  { address, words, from, to, severity }: FindingFilter & ListFilter,
): boolean {
  if (from !== undefined && row.event_time < from) return false
  if (to !== undefined && row.event_time >= to) return false
  if (severity && row.severity !== severity) return false
  if (address && row.src_ip !== address && row.dest_ip !== address) return false
  const text = [
    row.message,
    row.host,
    row.rule_id,
    row.src_ip,
    row.dest_ip,
    row.user,
    row.app_proto,
  ]
    .join(' ')
    .toLowerCase()
  return !words || text.includes(words.toLowerCase())
}

async function get(source: LakeSource, asker: Asker, id: string): Promise<EventRow | undefined> {
  const known = source.recent
    .of('finding', asker.scope, source.clock.nowUs())
    .find(({ event_id }) => event_id === id)
  if (known) return known
  const { rows } = await ask(source, asker, 'event', { event_id: id })
  const [row] = rows.map(eventRow)
  return row?.kind === 'finding' ? row : undefined
}

async function around(source: LakeSource, asker: Asker, finding: EventRow): Promise<EventRow[]> {
  const { rows } = await ask(source, asker, 'around', {
    event_id: finding.event_id,
    seconds: AROUND_S,
    limit: AROUND_MAX,
  })
  const near = source.recent.all(asker.scope, source.clock.nowUs()).filter((row) => {
    if (row.tenant_id !== finding.tenant_id) return false
    if (Math.abs(row.event_time - finding.event_time) > AROUND_S * 1e6) return false
    const ends = [finding.src_ip, finding.dest_ip]
    return row.src_ip !== undefined && ends.includes(row.src_ip) && ends.includes(row.dest_ip)
  })
  return merge([...rows.map(eventRow), finding], near).reverse()
}

async function last24h(source: LakeSource, asker: Asker): Promise<Day> {
  const to = source.clock.nowUs()
  const from = to - DAY_US
  const range = { since: isoFromUs(from), until: isoFromUs(to + 1) }
  const [severities, traffic, health] = await Promise.all([
    ask(source, asker, 'severityByTime', { ...range, seconds: HALF_HOUR_US / 1e6 }),
    ask(source, asker, 'trafficByTime', { ...range, seconds: SEEN_S }),
    ask(source, asker, 'events', { ...range, kind: 'health', limit: HEALTH_MAX }),
  ])
  const status = source.status()
  const inScope = status && asker.scope.includes(status.tenant_id) ? status : undefined
  const buckets = traffic.rows.map(({ bucket }) => timeOf(bucket))
  const live = inScope ? liveStretches(inScope) : []
  const seen = [
    ...buckets.map((at) => ({ from: at, to: Math.min(to, at + SEEN_S * 1e6) })),
    ...live,
  ]
  const began = Math.min(...seen.map((each) => each.from))
  return {
    from,
    to,
    ...(Number.isFinite(began) ? { began } : {}),
    halfHours: halfHours(severities.rows, from),
    seen,
    selfTests: health.rows.map(eventRow).flatMap(({ action, event_time }) => {
      const [, word] = SELF_TEST.exec(action ?? '') ?? []
      return word ? [{ at: event_time, ok: word === 'found' }] : []
    }),
  }
}

/** Buckets of the lake are whole half hours; the day begins in the middle of one. */
function halfHours(rows: readonly Row[], from: number): Day['halfHours'] {
  const start = Math.floor(from / HALF_HOUR_US) * HALF_HOUR_US
  const halves = new Map<number, Partial<Record<Severity, number>>>()
  for (let at = start; at < from + DAY_US; at += HALF_HOUR_US) halves.set(at, {})
  for (const { bucket, severity, findings } of rows) {
    const counts = halves.get(timeOf(bucket))
    if (counts && typeof severity === 'string') counts[severity as Severity] = Number(findings)
  }
  return [...halves].map(([at, counts]) => ({ at, counts }))
}

/** The last hour by the capture's own count: exact, and there before any flow has ended. */
function liveStretches(status: SiteStatus): Stretch[] {
  const steps = status.capture.interfaces.flatMap(({ perSecond }) => perSecond)
  return steps
    .filter(({ frames }) => frames > 0)
    .map(({ at }) => ({ from: (at - 10) * 1e6, to: (at + 10) * 1e6 }))
}

function timeOf(value: unknown): number {
  return typeof value === 'string' ? usFromIso(value) : Number(value)
}

/** A row of the lake as the row it was: times as numbers, what is null absent. */
export function eventRow(row: Row): EventRow {
  const given = Object.entries(row).filter(([, value]) => value !== null && value !== undefined)
  const plain = Object.fromEntries(given)
  return {
    ...plain,
    event_time: timeOf(row.event_time),
    ingest_time: timeOf(row.ingest_time ?? row.event_time),
    ...(plain.bytes === undefined ? {} : { bytes: Number(plain.bytes) }),
    ...(plain.packets === undefined ? {} : { packets: Number(plain.packets) }),
    ...(typeof plain.record === 'string' ? { record: parsed(plain.record) } : {}),
  } as unknown as EventRow
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return { text }
  }
}
