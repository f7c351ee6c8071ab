/**
 * What this box found in the last 24 hours, and what its operations network said: the memory behind the
 * site's sentence and its summaries. Bounded; the journal has the rows themselves.
 */
import { type EventDraft, SEVERITIES, type Severity } from './base/event.ts'
import { brief } from './base/text.ts'
import type { SummaryFacts } from './control/agent-client.ts'

const DAY_US = 86_400e6
const RECENT_MAX = 10_000
const TOP_MAX = 10
const DIGESTS_MAX = 200
const TECHNIQUES_MAX = 8
const TITLE_MAX = 240
const HOST_MAX = 120
/** Operations messages are kept in steps, for windows of up to an hour. */
const STEP_US = 5e6
const STEPS_MAX = 720
const ENDS_MAX = 4096

export interface Recent {
  timeUs: number
  severity: Severity
  message: string
  rule_id: string
  event_id: string
  host: string | null
  attack_ids: readonly string[]
}

interface OtStep {
  at: number
  reads: number
  writes: number
  stations: Set<string>
  controllers: Set<string>
}

type Counts = Record<Severity, number>
type FoundDigest = SummaryFacts['digests'][number]

export class Day {
  readonly #recent: Recent[] = []
  readonly #ot: OtStep[] = []
  readonly counters = { recentEvicted: 0 }

  found(recent: Recent): void {
    this.#recent.push(recent)
    if (this.#recent.length <= RECENT_MAX) return
    this.#recent.shift()
    this.counters.recentEvicted++
  }

  /** A row of kind `ot`: a request is counted, its answer is not. */
  operations({ event_time, src_ip, dest_ip, record }: EventDraft): void {
    const write = asked(record)
    if (write === undefined) return
    const step = this.#step(event_time)
    if (write) step.writes++
    else step.reads++
    if (src_ip && step.stations.size < ENDS_MAX) step.stations.add(src_ip)
    if (dest_ip && step.controllers.size < ENDS_MAX) step.controllers.add(dest_ip)
  }

  tick(nowUs: number): void {
    while (this.#recent.length > 0 && nowUs - (this.#recent[0] as Recent).timeUs > DAY_US)
      this.#recent.shift()
  }

  bySeverity(fromUs = 0, toUs = Number.POSITIVE_INFINITY): Counts {
    const counts: Counts = { low: 0, medium: 0, high: 0, critical: 0 }
    for (const { timeUs, severity } of this.#recent)
      if (timeUs >= fromUs && timeUs < toUs) counts[severity]++
    return counts
  }

  /** The worst finding's own sentence, the newest among equals; low ones make no headline. */
  headline(): string | undefined {
    let best: Recent | undefined
    for (const each of this.#recent)
      if (each.severity !== 'low' && (!best || rank(each) >= rank(best))) best = each
    return best?.message.replace(/\.$/, '')
  }

  /** After a restart: what was found before is not forgotten by the sentence. */
  restore(recent: readonly Recent[]): void {
    this.#recent.push(...recent)
  }

  get recent(): readonly Recent[] {
    return this.#recent
  }

  facts({ fromUs, toUs }: { fromUs: number; toUs: number }): SummaryFacts {
    const day = this.#recent.filter(({ timeUs }) => timeUs >= toUs - DAY_US && timeUs < toUs)
    const digests = digestsOf(day)
    return {
      findings: this.bySeverity(fromUs, toUs),
      findings24h: this.bySeverity(toUs - DAY_US, toUs),
      topRules: top(day, ({ rule_id }) => rule_id).map(([rule_id, { count, last }]) => ({
        rule_id,
        title: brief(last.message, TITLE_MAX),
        count,
      })),
      topHosts: top(day, ({ host }) => host ?? undefined).map(([host, { count }]) => ({
        host: brief(host, HOST_MAX),
        count,
      })),
      digests: digests.slice(0, DIGESTS_MAX),
      digestsLeftOut: Math.max(0, digests.length - DIGESTS_MAX),
      ot: this.#operationsOf(fromUs, toUs),
    }
  }

  #operationsOf(fromUs: number, toUs: number): SummaryFacts['ot'] {
    const stations = new Set<string>()
    const controllers = new Set<string>()
    const sum = { reads: 0, writes: 0 }
    for (const step of this.#ot) {
      if (step.at < fromUs - STEP_US / 2 || step.at >= toUs - STEP_US / 2) continue
      sum.reads += step.reads
      sum.writes += step.writes
      for (const each of step.stations) stations.add(each)
      for (const each of step.controllers) controllers.add(each)
    }
    return { ...sum, stations: stations.size, controllers: controllers.size }
  }

  /** Shards hand in their rows a little out of order: a late one counts in the newest step. */
  #step(timeUs: number): OtStep {
    const at = Math.floor(timeUs / STEP_US) * STEP_US
    const last = this.#ot.at(-1)
    if (last && at <= last.at) return last
    const made = { at, reads: 0, writes: 0, stations: new Set<string>(), controllers: new Set<string>() } // biome-ignore format: one step
    this.#ot.push(made)
    if (this.#ot.length > STEPS_MAX) this.#ot.shift()
    return made
  }
}

/** Whether the row's request writes; undefined where it is none. */
function asked(record: EventDraft['record']): boolean | undefined {
  const modbus = record?.modbus as { request?: { access_type?: string } } | undefined
  if (modbus) return modbus.request && modbus.request.access_type?.includes('WRITE') === true
  const ics = record?.ics as { direction?: string; write?: boolean } | undefined
  return ics?.direction === 'request' ? ics.write === true : undefined
}

/** Folded by rule and host, worst and newest first. */
function digestsOf(day: readonly Recent[]): FoundDigest[] {
  const folded = new Map<string, FoundDigest>()
  for (const each of day) {
    const key = `${each.rule_id}|${each.host ?? ''}`
    const known = folded.get(key)
    if (!known)
      folded.set(key, {
        id: each.event_id,
        rule_id: each.rule_id,
        title: brief(each.message, TITLE_MAX),
        severity: each.severity,
        host: each.host === null ? null : brief(each.host, HOST_MAX),
        attack_ids: each.attack_ids.slice(0, TECHNIQUES_MAX),
        first: each.timeUs,
        last: each.timeUs,
        count: 1,
      })
    else {
      known.count++
      known.first = Math.min(known.first, each.timeUs)
      if (rank(each) > rank(known)) known.severity = each.severity
      if (each.timeUs < known.last) continue
      known.last = each.timeUs
      known.id = each.event_id
      known.title = brief(each.message, TITLE_MAX)
    }
  }
  return [...folded.values()].sort((a, b) => rank(b) - rank(a) || b.last - a.last)
}

function top(day: readonly Recent[], of: (each: Recent) => string | undefined) {
  const counts = new Map<string, { count: number; last: Recent }>()
  for (const each of day) {
    const name = of(each)
    if (name === undefined) continue
    const known = counts.get(name)
    if (known) {
      known.count++
      known.last = each
    } else counts.set(name, { count: 1, last: each })
  }
  return [...counts].sort(([, a], [, b]) => b.count - a.count).slice(0, TOP_MAX)
}

function rank({ severity }: { severity: Severity }): number {
  return SEVERITIES.indexOf(severity)
}
