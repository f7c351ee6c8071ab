/** Captures through the whole path, as one stream: decode → flow → detect → findings, time taken from the packets. */

import { hostOf } from './agent-report.ts'
import { parsePrefix } from './base/address.ts'
import type { EventDraft, Severity } from './base/event.ts'
import type { Fault } from './base/fault.ts'
import type { CaptureSource } from './capture/source.ts'
import { Baselines } from './detect/baselines/baselines.ts'
import type { BaselineFinding } from './detect/baselines/finding.ts'
import type { ObservationBatch } from './detect/baselines/observation-batch.ts'
import { givenOn } from './detect/baselines/observation-reader.ts'
import { type Finding, Findings } from './detect/findings.ts'
import type { Overrides } from './detect/overrides.ts'
import type { Refusal } from './detect/signatures/rule-files.ts'
import { Thresholds } from './detect/signatures/thresholds.ts'
import type { AssetSeen } from './flow/asset-watch.ts'
import { Assets } from './flow/assets.ts'
import { INSPECTION, type Inspection } from './inspection.ts'
import { Inspector, type InspectorOptions, type Output } from './inspector.ts'
import { loadRules } from './rules-on-disk.ts'
import type { SeenAlert } from './shard-messages.ts'
import { wantedRows } from './wanted-rows.ts'
import { WARMED_PACKETS, warmUp } from './warm-up.ts'

export interface ReplayOptions {
  ruleFiles: readonly string[]
  /** Baselines run only where no other content was asked for. */
  baselines: boolean
  home: string[]
  /** How the site tunes what it hears; as it is written when absent. */
  overrides?: Overrides
  /** How traffic is inspected; as the agent does it when absent. */
  inspection?: Inspection
  /** Each row as it is made: events and findings. */
  onRow?: (draft: EventDraft) => void
}

export interface FoundRule {
  rule_id: string
  attack_ids: readonly string[]
  severity: Severity
  count: number
}

export interface ReplayResult {
  packets: number
  processed: number
  dropped: number
  bytes: number
  flows: number
  findings: FoundRule[]
  faults: Partial<Record<Fault, number>>
  /** Wall time of decode to findings. CPU time of it all but the start: asking for it costs too much for every batch. */
  seconds: number
  cpuSeconds: number
}

/** What its inspector finds comes to itself, not to closures (see Inspector). */
export class Replay implements Output {
  /** Absent where no baseline runs. */
  readonly observations: ObservationBatch | undefined
  /** Rules that were not loaded. */
  readonly refused: readonly Refusal[]
  readonly #path: InspectorOptions
  readonly #inspector: Inspector
  #letGo: (() => void) | undefined
  readonly #findings: Findings
  readonly #baselines: Baselines | undefined
  readonly #assets = new Assets()
  readonly #onRow: (draft: EventDraft) => void
  readonly #found = new Map<string, FoundRule>()
  #packets = 0
  #seconds = -0 // no small integers, as Packet.timeUs
  #cpuUs = -0

  constructor(options: ReplayOptions) {
    const home = options.home.map(parsePrefix)
    const inspection = options.inspection ?? INSPECTION
    const { ruleSet, refused } = loadRules(options.ruleFiles, options.home, inspection)
    this.refused = refused
    this.#onRow = wantedRows(inspection, options.onRow ?? (() => {}))
    const baselines = options.baselines ? new Baselines() : undefined
    this.#baselines = baselines
    // Each by itself: what follows from it stands among the rows where it happened.
    this.observations = baselines && givenOn((seen) => this.#keepFound(baselines.observe(seen)))
    this.#findings = new Findings({
      thresholds: new Thresholds(ruleSet),
      fold: inspection.fold_findings,
      ...(options.overrides && { overrides: () => options.overrides as Overrides }),
      hostOf: (...ends) => hostOf(this.#assets, home, ends),
    })
    this.#path = {
      ...{ home, rules: ruleSet, run: 0, shard: 0, seed: 1, selfTestSecret: undefined, inspection },
      ...(!options.onRow && { rows: new Set<string>() }),
    }
    this.#inspector = new Inspector(this.#path, this)
  }

  /** Before the first frame: as a shard does it. */
  async warmUp(): Promise<void> {
    this.#letGo = await warmUp(this.#path)
  }

  /** All frames of one source. Throws what the source throws, after what was whole is counted. */
  async read(source: CaptureSource, afterBatch?: () => Promise<unknown>): Promise<void> {
    const cpu = process.cpuUsage()
    for await (const batch of source) {
      const start = performance.now()
      this.#inspector.run(batch)
      this.#packets += batch.count
      if (this.#packets > WARMED_PACKETS) this.#goOn()
      this.#seconds += (performance.now() - start) / 1000
      await afterBatch?.()
    }
    this.#spent(cpu)
  }

  /** Ends every flow and fold; the result is whole after this. */
  end(): ReplayResult {
    const cpu = process.cpuUsage()
    const start = performance.now()
    this.#inspector.end()
    for (const finding of this.#findings.tick(Number.POSITIVE_INFINITY)) this.#keep(finding)
    this.#seconds += (performance.now() - start) / 1000
    this.#spent(cpu)
    const { counters, faults } = this.#inspector
    return {
      packets: this.#packets,
      processed: this.#inspector.processed,
      dropped: this.#packets - this.#inspector.processed,
      bytes: this.#inspector.bytes,
      flows: counters.flows ?? 0,
      findings: [...this.#found.values()].sort((a, b) => (a.rule_id < b.rule_id ? -1 : 1)),
      faults,
      seconds: this.#seconds,
      cpuSeconds: this.#cpuUs / 1e6,
    }
  }

  event(draft: EventDraft): void {
    this.#onRow(draft)
  }

  alert(alert: SeenAlert): void {
    this.#keep(this.#findings.alert(alert))
  }

  sighting(seen: AssetSeen): void {
    for (const draft of this.#assets.see(seen)) this.#onRow(draft)
  }

  selfTestFound(): void {}

  ticked(timeUs: number): void {
    this.#keepFound(this.#baselines?.tick(timeUs) ?? [])
    for (const finding of this.#findings.tick(timeUs)) this.#keep(finding)
  }

  /** What it was warmed with is of no use any more. */
  #goOn(): void {
    this.#letGo?.()
    this.#letGo = undefined
  }

  #keepFound(all: readonly BaselineFinding[]): void {
    for (const found of all) this.#keep(this.#findings.baseline(found))
  }

  #keep(finding: Finding | undefined): void {
    if (!finding) return
    const { rule_id, severity, attack_ids = [] } = finding.draft
    const known = this.#found.get(rule_id)
    if (known) known.count++
    else this.#found.set(rule_id, { rule_id, attack_ids, severity, count: 1 })
    this.#onRow(finding.draft)
  }

  #spent(cpu: NodeJS.CpuUsage): void {
    const { user, system } = process.cpuUsage(cpu)
    this.#cpuUs += user + system
  }
}
