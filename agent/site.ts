/**
 * What the shards see becomes what the site says: baselines over observations, thresholds over alerts, rows to
 * the journal, findings to the plan stage. Runs on the main thread, once a box.
 */
import type { Clock } from './base/clock.ts'
import {
  type EventDraft,
  type EventRow,
  SEVERITIES,
  type Severity,
  type Stamp,
} from './base/event.ts'
import { Failure } from './base/failure.ts'
import type { Log } from './base/log.ts'
import type { Baselines } from './detect/baselines/baselines.ts'
import type { Finding, Findings } from './detect/findings.ts'
import type { Assets } from './flow/assets.ts'
import { stampEvent } from './lake/stamp.ts'
import type { ShardBatch } from './shard-messages.ts'

const DAY_US = 86_400e6
const RECENT_MAX = 10_000

export interface SiteOptions {
  stamp: Stamp
  clock: Clock
  log: Log
  baselines: Baselines
  findings: Findings
  assets: Assets
  /** Resolves once the rows are on disk. */
  append(rows: readonly EventRow[]): Promise<void>
  /** Rows that are on disk: what subscribers are shown. */
  acknowledged(rows: readonly EventRow[]): void
  /** The plan stage. */
  found(finding: Finding): void
  /** A device that answers Modbus as a server: the guard must never block it. */
  controller(address: string): void
}

export interface Recent {
  timeUs: number
  severity: Severity
  message: string
}

export class Site {
  readonly #options: SiteOptions
  readonly #recent: Recent[] = []
  readonly counters = { rows: 0, rowsNotAcknowledged: 0, recentEvicted: 0 }

  constructor(options: SiteOptions) {
    this.#options = options
  }

  batch({ events, alerts, observations, sightings }: ShardBatch): void {
    const { baselines, findings, assets, controller } = this.#options
    const drafts: EventDraft[] = [...events]
    const found: Finding[] = []
    for (const seen of sightings) {
      drafts.push(...assets.see(seen))
      if (seen.serves === 'TCP/502') controller(seen.address)
    }
    for (const alert of alerts) keep(found, findings.alert(alert))
    for (const observation of observations)
      for (const each of baselines.observe(observation)) keep(found, findings.baseline(each))
    this.#take(found, drafts)
  }

  /** About once a second. */
  tick(): void {
    const nowUs = this.#options.clock.nowUs()
    while (this.#recent.length > 0 && nowUs - (this.#recent[0] as Recent).timeUs > DAY_US)
      this.#recent.shift()
    const { baselines, findings } = this.#options
    const found = [...findings.tick(nowUs)]
    for (const each of baselines.tick(nowUs)) keep(found, findings.baseline(each))
    this.#take(found, [])
  }

  /** Rows of another stage of this box: actions, health. */
  record(drafts: readonly EventDraft[]): void {
    if (drafts.length === 0) return
    const { stamp, clock, append, acknowledged, log } = this.#options
    const rows = drafts.map((draft) => stampEvent(draft, stamp, clock.nowUs()))
    append(rows).then(
      () => {
        this.counters.rows += rows.length
        acknowledged(rows)
      },
      (error: unknown) => {
        this.counters.rowsNotAcknowledged += rows.length
        log.error({ rows: rows.length, kind: Failure.kindOf(error) }, 'journal.refused')
      },
    )
  }

  /** Findings of the last 24 hours by severity. */
  openFindings(): Record<Severity, number> {
    const counts = { low: 0, medium: 0, high: 0, critical: 0 }
    for (const { severity } of this.#recent) counts[severity]++
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

  #take(found: readonly Finding[], drafts: EventDraft[]): void {
    for (const finding of found) {
      const { draft } = finding
      drafts.push(draft)
      this.#recent.push({
        timeUs: draft.event_time,
        severity: draft.severity,
        message: draft.message,
      })
      if (this.#recent.length > RECENT_MAX) {
        this.#recent.shift()
        this.counters.recentEvicted++
      }
    }
    this.record(drafts)
    for (const finding of found) this.#options.found(finding)
  }
}

function rank({ severity }: Recent): number {
  return SEVERITIES.indexOf(severity)
}

function keep<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item)
}
