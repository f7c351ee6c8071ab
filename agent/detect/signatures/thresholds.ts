/**
 * `threshold` and `detection_filter`. One object a box, on the main thread: a rule that counts attempts must
 * count those that the fan-out gave to other shards too.
 */
import type { ThresholdRule } from './rule.ts'

/** Counts that are kept; past it the one untouched longest is forgotten. */
export const COUNTS_MAX = 65_536

interface Count {
  startUs: number
  count: number
  /** Of backoff: the count that is said next. */
  next?: number
}

export class Thresholds {
  /** Counts forgotten at the bound: those rules begin to count anew. */
  forgotten = 0
  #rules: ReadonlyMap<number, ThresholdRule>
  /** In the order of last use. */
  readonly #counts = new Map<string, Count>()
  readonly #countsMax: number

  constructor(rules: { thresholds: ReadonlyMap<number, ThresholdRule> }, countsMax = COUNTS_MAX) {
    this.#rules = rules.thresholds
    this.#countsMax = countsMax
  }

  /** Counts of rules that stay go on. */
  swap(rules: { thresholds: ReadonlyMap<number, ThresholdRule> }): void {
    this.#rules = rules.thresholds
  }

  /** Whether this match is said. `src` and `dest` are those of the packet that matched. */
  admit(sid: number, src: string, dest: string, timeUs: number, flow = ''): boolean {
    const rule = this.#rules.get(sid)
    if (!rule) return true
    const key = keyOf(sid, rule.track, src, dest, flow)
    const count = this.#counts.get(key) ?? { startUs: timeUs, count: 0 }
    this.#counts.delete(key)
    this.#counts.set(key, count)
    if (this.#counts.size > this.#countsMax) this.#forgetOldest()
    if (timeUs - count.startUs >= rule.seconds * 1e6 || timeUs < count.startUs) {
      count.startUs = timeUs
      count.count = 0
    }
    count.count++
    return said(rule, count)
  }

  #forgetOldest(): void {
    const [oldest] = this.#counts.keys()
    if (oldest === undefined) return
    this.#counts.delete(oldest)
    this.forgotten++
  }
}

function said(rule: ThresholdRule, count: Count): boolean {
  switch (rule.kind) {
    case 'limit':
      return count.count <= rule.count
    case 'both':
      return count.count === rule.count
    case 'detection_filter':
      return count.count > rule.count
    case 'backoff':
      count.next ??= rule.count
      if (count.count < count.next) return false
      count.next *= rule.multiplier ?? 1
      return true
    case 'threshold':
      if (count.count < rule.count) return false
      count.count = 0
      return true
  }
}

function keyOf(
  sid: number,
  track: ThresholdRule['track'],
  src: string,
  dest: string,
  flow: string,
): string {
  switch (track) {
    case 'by_src':
      return `${sid} ${src}`
    case 'by_dst':
      return `${sid} ${dest}`
    case 'by_rule':
      return `${sid}`
    case 'by_flow':
      return `${sid} flow ${flow}`
    case 'by_both':
      return src < dest ? `${sid} ${src} ${dest}` : `${sid} ${dest} ${src}`
  }
}
