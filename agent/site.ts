/**
 * What the shards see becomes what the site says: baselines over observations, thresholds over alerts, rows to
 * the journal, findings to the plan stage. Runs on the main thread, once a box.
 */
import type { Clock } from './base/clock.ts'
import type { EventDraft, EventRow, Stamp } from './base/event.ts'
import { Failure } from './base/failure.ts'
import type { Log } from './base/log.ts'
import type { Day } from './day.ts'
import type { Baselines } from './detect/baselines/baselines.ts'
import { readObservations } from './detect/baselines/observation-reader.ts'
import { OT_PORTS } from './detect/baselines/scan.ts'
import type { Finding, Findings } from './detect/findings.ts'
import type { Assets } from './flow/assets.ts'
import { stampEvent } from './lake/stamp.ts'
import type { ShardBatch } from './shard-messages.ts'

const OT_SERVICES: ReadonlySet<string> = new Set(
  [...OT_PORTS].flatMap((port) => [`TCP/${port}`, `UDP/${port}`]),
)

export interface SiteOptions {
  stamp: Stamp
  clock: Clock
  log: Log
  baselines: Baselines
  findings: Findings
  assets: Assets
  /** Remembers what was found. */
  day: Day
  /** Resolves once the rows are on disk. */
  append(rows: readonly EventRow[]): Promise<void>
  /** Rows that are on disk: what subscribers are shown. */
  acknowledged(rows: readonly EventRow[]): void
  /** The plan stage. */
  found(finding: Finding): void
  /** A device that serves an industrial protocol: the guard must never block it. */
  controller(address: string): void
}

export class Site {
  readonly #options: SiteOptions
  readonly counters = { rows: 0, rowsNotAcknowledged: 0 }

  constructor(options: SiteOptions) {
    this.#options = options
  }

  batch({ events, alerts, observations, sightings }: ShardBatch): void {
    const { baselines, findings, assets, controller } = this.#options
    const drafts: EventDraft[] = [...events]
    for (const draft of events) if (draft.kind === 'ot') this.#options.day.operations(draft)
    const found: Finding[] = []
    for (const seen of sightings) {
      drafts.push(...assets.see(seen))
      if (seen.serves && OT_SERVICES.has(seen.serves)) controller(seen.address)
    }
    for (const alert of alerts) keep(found, findings.alert(alert))
    readObservations(observations, (observation) => {
      for (const each of baselines.observe(observation)) keep(found, findings.baseline(each))
    })
    this.#take(found, drafts)
  }

  /** About once a second. */
  tick(): void {
    const nowUs = this.#options.clock.nowUs()
    this.#options.day.tick(nowUs)
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

  #take(found: readonly Finding[], drafts: EventDraft[]): void {
    for (const finding of found) {
      const { draft } = finding
      drafts.push(draft)
      this.#options.day.found({
        timeUs: draft.event_time,
        severity: draft.severity,
        message: draft.message,
        rule_id: draft.rule_id,
        event_id: draft.event_id,
        host: draft.host ?? null,
        attack_ids: draft.attack_ids ?? [],
      })
    }
    this.record(drafts)
    for (const finding of found) this.#options.found(finding)
  }
}

function keep<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item)
}
