/**
 * The rate breaker: one rule may show 100 findings a minute; the rest is folded and told with its count, never
 * muted. Folding never crosses severity, and a high or critical is shown alone for the first 20 of a host.
 */
import type { Severity } from '../base/event.ts'

const SHOWN_MAX = 100
const ALONE_MAX = 20
const WINDOW_US = 60e6
const RULES_MAX = 10_000
const NONE: readonly Folded[] = []

export interface Folded {
  rule_id: string
  severity: Severity
  count: number
  firstUs: number
  lastUs: number
}

interface Window {
  rule_id: string
  severity: Severity
  startUs: number
  shown: number
  folded: number
  firstUs: number
  lastUs: number
  hosts: Map<string, number>
}

export class RateBreaker {
  readonly #windows = new Map<string, Window>()
  /** Findings folded so far, and windows that were cut short because RULES_MAX was met. */
  readonly counters = { folded: 0, windowsEvicted: 0 }

  /** Whether this one is shown; else it is counted into the fold of its window. */
  admit(rule_id: string, severity: Severity, host: string, timeUs: number): boolean {
    const window = this.#window(rule_id, severity, timeUs)
    const ofHost = window.hosts.get(host) ?? 0
    if (window.hosts.size < SHOWN_MAX || ofHost > 0) window.hosts.set(host, ofHost + 1)
    const alone =
      (severity === 'high' || severity === 'critical') &&
      ofHost < ALONE_MAX &&
      window.shown < SHOWN_MAX * 10
    if (window.shown < SHOWN_MAX || alone) {
      window.shown++
      return true
    }
    if (window.folded === 0) window.firstUs = timeUs
    window.folded++
    window.lastUs = timeUs
    this.counters.folded++
    return false
  }

  /** The folds of windows that ended by `timeUs`; call it about once a second, and once at the end with Infinity. */
  ended(timeUs: number): readonly Folded[] {
    if (this.#windows.size === 0) return NONE
    const folds: Folded[] = []
    for (const [key, window] of this.#windows) {
      if (timeUs - window.startUs < WINDOW_US) continue
      this.#windows.delete(key)
      const { rule_id, severity, folded: count, firstUs, lastUs } = window
      if (count > 0) folds.push({ rule_id, severity, count, firstUs, lastUs })
    }
    return folds
  }

  #window(rule_id: string, severity: Severity, timeUs: number): Window {
    const key = `${rule_id} ${severity}`
    const open = this.#windows.get(key)
    if (open) return open
    if (this.#windows.size >= RULES_MAX) {
      const oldest = this.#windows.keys().next().value as string
      this.#windows.delete(oldest)
      this.counters.windowsEvicted++
    }
    const fresh = {
      rule_id,
      severity,
      startUs: timeUs,
      shown: 0,
      folded: 0,
      firstUs: 0,
      lastUs: 0,
      hosts: new Map(),
    }
    this.#windows.set(key, fresh)
    return fresh
  }
}
