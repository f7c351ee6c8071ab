/** A site's day in half hours, and its days in scores: sums of the windows that summaries tell of. Times are µs since 1970. */
import { SEVERITIES, type Severity } from '../base/event.ts'
import type { StripStep } from './fleet-view.ts'
import type { Summary } from './summary.ts'

const STEP_US = 1_800e6
export const STRIP_STEPS = 48
const DAY_US = 86_400e6
/** A day and a bit more is kept, so that "a day ago" has a step. */
const STEPS_KEPT_MAX = STRIP_STEPS + 4
const AHEAD_STEPS_MAX = 1
const DAYS_MAX = 30

interface Step {
  /** Half hours since 1970. */
  index: number
  counts: Record<Severity, number>
  told: number
  blind: number
  frames: number
  dropped: number
  selfTests: number
  selfTestsFailed: number
  /** Windows in which the machine started and nothing went unwatched, by what they say. */
  unsaidStarts: number
  /** By the time of receipt, not of the window. */
  received: number
  receivedBytes: number
  score: Score | null
}

interface Score {
  at: number
  score: number
}

interface DayScore extends Score {
  day: number
}

export interface StripSnapshot {
  steps: Step[]
  days: DayScore[]
  first: Score | null
  outside: number
}

export class Strip {
  #steps: Step[] = []
  #days: DayScore[] = []
  /** The oldest of all: what a site is compared with on its first day. */
  #first: Score | null = null
  /** Windows, or parts of them, that lie before the day or in the future: not in any sum. */
  outside = 0

  add(summary: Summary, received: { at: number; bytes: number }): void {
    this.#prune(received.at)
    const arrival = this.#step(received.at, received.at)
    if (arrival) {
      arrival.received++
      arrival.receivedBytes += received.bytes
    }
    this.#addWindow(summary, received.at)
    this.#addSelfTest(summary, received.at)
    this.#addScore(summary, received.at)
  }

  #addWindow({ window, findings, capture, health }: Summary, now: number): void {
    const { from, to } = window
    const last = this.#step(Math.max(from, to - 1), now)
    if (!last) {
      this.outside++
      return
    }
    for (const severity of SEVERITIES) last.counts[severity] += findings[severity]
    last.frames += capture.seen
    last.dropped += capture.dropped
    const length = to - from
    if (length <= 0) return
    if (health.uptime_seconds * 1e6 < length && capture.blind_seconds === 0) last.unsaidStarts++
    const oldest = indexOf(now) - STEPS_KEPT_MAX + 1
    for (let index = Math.max(indexOf(from), oldest); index * STEP_US < to; index++) {
      const step = this.#step(index * STEP_US, now)
      if (!step) return
      const part = Math.min(to, (index + 1) * STEP_US) - Math.max(from, index * STEP_US)
      step.told += part / 1e6
      step.blind += capture.blind_seconds * (part / length)
    }
  }

  /** Each summary names the last test; it happened in one window only. */
  #addSelfTest({ self_test: { at, ok }, window }: Summary, now: number): void {
    if (at === null || at <= window.from || at > window.to) return
    const step = this.#step(at, now)
    if (!step) return
    step.selfTests++
    if (ok === false) step.selfTestsFailed++
  }

  /** The latest score of each half hour and each day: back-fill does not replace a later one. */
  #addScore({ compliance: { score }, window: { to } }: Summary, now: number): void {
    if (score === null || to > now + STEP_US) return
    if (!this.#first || to < this.#first.at) this.#first = { at: to, score }
    const step = this.#step(to, now)
    if (step && (step.score?.at ?? 0) <= to) step.score = { at: to, score }
    const day = Math.floor(to / DAY_US)
    const found = this.#days.find((each) => each.day === day)
    if (!found) {
      this.#days.push({ day, at: to, score })
      this.#days.sort((a, b) => a.day - b.day)
      if (this.#days.length > DAYS_MAX) this.#days.shift()
    } else if (found.at <= to) Object.assign(found, { at: to, score })
  }

  /** Nothing for a time that is too long ago, or in a future that no clock excuses. */
  #step(at: number, now: number): Step | undefined {
    const index = indexOf(at)
    const present = indexOf(now)
    if (index > present + AHEAD_STEPS_MAX || index <= present - STEPS_KEPT_MAX) return undefined
    let i = this.#steps.length
    while (i > 0 && (this.#steps[i - 1] as Step).index > index) i--
    const found = this.#steps[i - 1]
    if (found?.index === index) return found
    const made = emptyStep(index)
    this.#steps.splice(i, 0, made)
    return made
  }

  #prune(now: number): void {
    const oldest = indexOf(now) - STEPS_KEPT_MAX
    while (this.#steps[0] && this.#steps[0].index <= oldest) this.#steps.shift()
  }

  /** The 48 half hours that end with the present one; those nobody told of are there, empty. */
  view(now: number): StripStep[] {
    const first = indexOf(now) - STRIP_STEPS + 1
    let at = this.#steps.findIndex(({ index }) => index >= first)
    return Array.from({ length: STRIP_STEPS }, (_, i) => {
      const kept = this.#steps[at]
      const isThere = kept?.index === first + i
      if (isThere) at++
      const step = isThere ? kept : emptyStep(first + i)
      return {
        at: step.index * STEP_US,
        worst: SEVERITIES.findLast((severity) => step.counts[severity] > 0) ?? null,
        counts: { ...step.counts },
        told: Math.round(Math.min(step.told, STEP_US / 1e6)), // windows of a liar may overlap
        blind: Math.round(Math.min(step.blind, STEP_US / 1e6)),
        dropped: step.dropped,
        selfTests: step.selfTests,
        selfTestsFailed: step.selfTestsFailed,
      }
    })
  }

  /** Of the same 48 half hours. */
  sums(now: number) {
    const first = indexOf(now) - STRIP_STEPS + 1
    const sums = { frames: 0, dropped: 0, blind: 0, summaries: 0, bytes: 0, unsaidStarts: 0 }
    for (const step of this.#steps) {
      if (step.index < first || step.index > indexOf(now)) continue
      sums.frames += step.frames
      sums.dropped += step.dropped
      sums.blind += step.blind
      sums.summaries += step.received
      sums.bytes += step.receivedBytes
      sums.unsaidStarts += step.unsaidStarts
    }
    return { ...sums, blind: Math.round(sums.blind) }
  }

  get days(): { at: number; score: number }[] {
    return this.#days.map(({ at, score }) => ({ at, score }))
  }

  /** The last score known a day before `at`, else the oldest of all. */
  scoreBefore(at: number): number | null {
    let before: Score | undefined
    const later = (each: Score | null) => {
      if (each && each.at <= at - DAY_US && each.at > (before?.at ?? 0)) before = each
    }
    for (const day of this.#days) later(day)
    for (const { score } of this.#steps) later(score)
    return (before ?? this.#first)?.score ?? null
  }

  snapshot(): StripSnapshot {
    return structuredClone({
      steps: this.#steps,
      days: this.#days,
      first: this.#first,
      outside: this.outside,
    })
  }

  static restore(from: StripSnapshot): Strip {
    const strip = new Strip()
    const { steps, days, first, outside } = structuredClone(from)
    strip.#first = first
    strip.#steps = steps.map((step) => ({ ...emptyStep(step.index), ...step })) // of an older version
    strip.#days = days
    strip.outside = outside
    return strip
  }
}

function indexOf(at: number): number {
  return Math.floor(at / STEP_US)
}

function emptyStep(index: number): Step {
  return {
    index,
    counts: { low: 0, medium: 0, high: 0, critical: 0 },
    told: 0,
    blind: 0,
    frames: 0,
    dropped: 0,
    selfTests: 0,
    selfTestsFailed: 0,
    unsaidStarts: 0,
    received: 0,
    receivedBytes: 0,
    score: null,
  }
}
