/** What picket-agent is there for, as the watchdog asks it: frames are taken from each ring, rows reach the journal. */
import type { CaptureTotals } from './capture/counters.ts'
import type { DutyCheck } from './control/duty.ts'
import type { JournalStatus } from './lake/journal.ts'

/** Each shard speaks once a second, on a quiet wire and with the link down too. */
const SILENT_MS_MAX = 15_000
/** Frames that the interface counts and nobody takes. A few may be such as no socket ever gets. */
const STUCK_FRAMES_MIN = 100
const STUCK_MS_MAX = 30_000

export interface AgentDutyParts {
  /** `<interface>/<shard>` of every worker. */
  shards: readonly string[]
  totals(): { name: string; totals: CaptureTotals }[]
  journal(): JournalStatus
  nowMs?: () => number
}

export class AgentDuty {
  readonly #parts: AgentDutyParts
  readonly #nowMs: () => number
  readonly #heard = new Map<string, number>()
  readonly #taken = new Map<string, { taken: number; frames: number; sinceMs: number }>()
  #rows = { count: 0, sinceMs: 0 }

  constructor(parts: AgentDutyParts) {
    this.#parts = parts
    this.#nowMs = parts.nowMs ?? (() => performance.now())
    for (const shard of parts.shards) this.#heard.set(shard, this.#nowMs())
    this.#rows.sinceMs = this.#nowMs()
  }

  /** A shard said what it counted. */
  heard(shard: string): void {
    this.#heard.set(shard, this.#nowMs())
  }

  get checks(): readonly DutyCheck[] {
    return [() => this.#silent(), () => this.#stuck(), () => this.#unwritten()]
  }

  #silent(): string | undefined {
    const now = this.#nowMs()
    const silent = [...this.#heard].filter(([, at]) => now - at > SILENT_MS_MAX)
    return silent.length === 0
      ? undefined
      : `no word of ${silent.map(([shard]) => shard).join(', ')}`
  }

  #stuck(): string | undefined {
    const now = this.#nowMs()
    for (const { name, totals } of this.#parts.totals()) {
      const { frames, pending } = totals
      const taken = frames - pending
      const last = this.#taken.get(name)
      if (!last || taken !== last.taken) this.#taken.set(name, { taken, frames, sinceMs: now })
      else if (frames - last.frames >= STUCK_FRAMES_MIN && now - last.sinceMs > STUCK_MS_MAX)
        return `frames of ${name} are not taken`
    }
    return undefined
  }

  /** A disk that is full or broken says so in `fault`: to start anew would not mend it. */
  #unwritten(): string | undefined {
    const now = this.#nowMs()
    const { rowsWritten, rowsFailed, rowsDropped, queuedBytes, fault } = this.#parts.journal()
    const count = rowsWritten + rowsFailed + rowsDropped
    const stands = queuedBytes > 0 && fault === undefined && count === this.#rows.count
    if (!stands) this.#rows = { count, sinceMs: now }
    return now - this.#rows.sinceMs > STUCK_MS_MAX
      ? 'rows wait and the journal does not move'
      : undefined
  }
}
