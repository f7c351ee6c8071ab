/**
 * How many frames of each open journal segment were acknowledged, by its writer's word. A segment without its end looks
 * the same whether a write was torn or acknowledged frames were cut off; only somebody else than the disk can tell. In
 * memory: it outlives the writer, not a loss of power.
 */
const SEGMENTS_MAX = 32 // of one tenant; a writer has one open, the lake settles in seconds

export class Acknowledged {
  readonly #tenants = new Map<string, Map<string, number>>()

  /** Never fewer than before: a report that was overtaken says nothing new. */
  note(tenant_uid: string, segment_uid: string, frames: number): void {
    const segments = this.#tenants.get(tenant_uid) ?? new Map<string, number>()
    this.#tenants.set(tenant_uid, segments)
    const known = segments.get(segment_uid) ?? 0
    segments.delete(segment_uid) // the newest last
    segments.set(segment_uid, Math.max(known, frames))
    const [oldest] = segments.keys()
    if (segments.size > SEGMENTS_MAX && oldest !== undefined) segments.delete(oldest)
  }

  /** 0 when nothing is known. */
  of(tenant_uid: string, segment_uid: string): number {
    return this.#tenants.get(tenant_uid)?.get(segment_uid) ?? 0
  }
}
