/** What a broker carried, by whether it named its tenant: the rules at the door say that none goes without; this looks. */
import { parseTopic } from './topics.ts'

const KEPT_MAX = 100

export class TopicsSeen {
  /** Messages and subscriptions that were let through. */
  seen = 0
  /** Of them without a tenant. */
  without = 0
  readonly #kept = new Set<string>()

  look(topic: string): void {
    if (topic.startsWith('$SYS/')) return // the broker's own, to nobody
    this.seen++
    const named = parseTopic(topic)?.tenant_uid
    if (named !== undefined && !/^0+$/.test(named)) return
    this.without++
    if (this.#kept.size < KEPT_MAX) this.#kept.add(topic)
  }

  /** Topics without a tenant, the first of them. */
  kept(): string[] {
    return [...this.#kept]
  }
}

/** What `picket invariants` is told. */
export interface TopicsCheck {
  seen: number
  withoutTenant: string[]
}
