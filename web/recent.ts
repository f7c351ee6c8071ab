/**
 * The newest rows as the agent told them: already synced to its journal, not yet settled in the lake.
 * With them a finding is on the page at once and not some seconds later. Bounded; the lake has all.
 */
import type { EventKind, EventRow } from '../agent/base/event.ts'

const ROWS_MAX: Partial<Record<EventKind, number>> = { finding: 500, flow: 1000 }
const OTHER_ROWS_MAX = 1000
const AGE_US_MAX = 10 * 60e6 // by then the lake has them, or its status says what is wrong

export class Recent {
  readonly #rows = new Map<EventKind, EventRow[]>()

  add(row: EventRow): void {
    const kind = this.#rows.get(row.kind) ?? []
    this.#rows.set(row.kind, kind)
    kind.push(row)
    if (kind.length > (ROWS_MAX[row.kind] ?? OTHER_ROWS_MAX)) kind.shift()
  }

  /** Rows of one kind, of these tenants only, not older than a lake could be behind. */
  of(kind: EventKind, scope: readonly string[], nowUs: number): EventRow[] {
    return (this.#rows.get(kind) ?? []).filter(
      (row) => scope.includes(row.tenant_id) && row.ingest_time > nowUs - AGE_US_MAX,
    )
  }

  all(scope: readonly string[], nowUs: number): EventRow[] {
    return [...this.#rows.keys()].flatMap((kind) => this.of(kind, scope, nowUs))
  }
}
