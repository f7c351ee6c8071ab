/**
 * The picture of a site's last 24 hours, as paths. A bar is the worst severity of its half hour; the base line
 * is drawn only where summaries tell that frames were seen; blind is hatched, untold is dotted; below the line
 * hang drops, and under them a tick for each half hour whose self-test was found.
 */
import type { Severity } from '../../agent/base/event.ts'
import type { StripStep } from '../base/ports.ts'

export const WIDTH = 288
export const HEIGHT = 44
const BASE = 33
const BAR: Readonly<Record<Severity, number>> = { critical: 32, high: 24, medium: 16, low: 8 }
const STEP_SECONDS = 1800
const STEP_US = STEP_SECONDS * 1e6
const SLACK = 0.03 // two windows never meet to the second
const LATE_US = 600e6 // a summary comes each 300 s: what is younger is not missing yet

export interface DayPaths {
  seen: string
  blind: string
  untold: string
  bars: { severity: Severity; path: string }[]
  drops: string
  tests: string
  failed: string
}

/** From when a site could be heard to now, in µs: before it joined nothing is missing. */
export interface Heard {
  from: number
  to: number
}

/** The shares of a half hour that were seen, were blind, and that no summary told of though one should have. */
export function sharesOf(step: StripStep, heard: Heard) {
  const end = step.at + STEP_US
  const before = Math.min(1, Math.max(0, (heard.from - step.at) / STEP_US))
  const passed = Math.max(0, Math.min(end, heard.to - LATE_US) - Math.max(step.at, heard.from))
  const told = step.told / STEP_SECONDS
  const missing = passed / STEP_US - told
  const untold = missing > SLACK ? missing : 0
  const blind = Math.min(step.told, step.blind) / STEP_SECONDS
  const whole = heard.to - LATE_US >= end
  const seen = whole ? 1 - before - blind - untold : Math.min(1 - before, told) - blind
  return { before, seen: Math.max(0, seen), blind, untold }
}

export function dayPaths(steps: readonly StripStep[], heard: Heard): DayPaths {
  const width = WIDTH / Math.max(1, steps.length)
  const paths = { seen: new Runs(), blind: new Runs(), untold: new Runs() }
  const bars = new Map<Severity, string>()
  const [drops, tests, failed]: string[][] = [[], [], []]
  steps.forEach((step, n) => {
    const x = n * width
    const { before, seen, blind, untold } = sharesOf(step, heard)
    const from = x + before * width
    const [toSeen, toBlind] = [from + seen * width, from + (seen + blind) * width]
    paths.seen.add(from, toSeen)
    paths.blind.add(toSeen, toBlind)
    paths.untold.add(toBlind, toBlind + untold * width)
    if (step.worst) {
      const bar = `M${short(x + width / 8)} 32h${short(width * 0.75)}v-${BAR[step.worst]}h-${short(width * 0.75)}z`
      bars.set(step.worst, (bars.get(step.worst) ?? '') + bar)
    }
    if (step.dropped > 0)
      drops?.push(`M${short(x + width / 8)} 36h${short(width * 0.75)}v3h-${short(width * 0.75)}z`)
    if (step.selfTestsFailed > 0) failed?.push(`M${short(x + width / 2 - 1.5)} 40.5l3 3m0-3l-3 3`)
    else if (step.selfTests > 0) tests?.push(`M${short(x + width / 2)} 41h.8v3h-.8z`)
  })
  return {
    seen: paths.seen.all
      .map(([from, to]) => `M${short(from)} ${BASE}H${short(to)}v2H${short(from)}z`)
      .join(''),
    blind: paths.blind.all.map(([from, to]) => hatch(from, to)).join(''),
    untold: paths.untold.all
      .map(([from, to]) => `M${short(from)} ${BASE + 1}H${short(to)}`)
      .join(''),
    bars: [...bars].map(([severity, path]) => ({ severity, path })),
    drops: (drops ?? []).join(''),
    tests: (tests ?? []).join(''),
    failed: (failed ?? []).join(''),
  }
}

/** Neighbours become one: a quiet day is one line, not 48. */
class Runs {
  readonly all: [number, number][] = []

  add(from: number, to: number): void {
    if (to - from < 0.05) return
    const last = this.all.at(-1)
    if (last && from - last[1] < 0.05) last[1] = to
    else this.all.push([from, to])
  }
}

/** An empty box with slanted lines; relative moves, since a hundred blind sites are a hundred of these. */
function hatch(from: number, to: number): string {
  const lines = Math.max(0, Math.floor((to - from) / 4))
  return `M${short(from)} 24H${short(to)}v11H${short(from)}zm0 11${'l4-11m0 11'.repeat(lines)}`
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}

export interface DaySum {
  counts: Record<Severity, number>
  /** Seconds without frames, and seconds that nobody told of. */
  blind: number
  untold: number
  dropped: number
  selfTests: number
  failed: number
}

export function daySum(steps: readonly StripStep[], heard: Heard): DaySum {
  const sum: DaySum = {
    counts: { low: 0, medium: 0, high: 0, critical: 0 },
    ...{ blind: 0, untold: 0, dropped: 0, selfTests: 0, failed: 0 },
  }
  for (const step of steps) {
    for (const severity of Object.keys(sum.counts) as Severity[])
      sum.counts[severity] += step.counts[severity]
    sum.blind += step.blind
    sum.untold += sharesOf(step, heard).untold * STEP_SECONDS
    sum.dropped += step.dropped
    sum.selfTests += step.selfTests
    sum.failed += step.selfTestsFailed
  }
  return sum
}

/** Half hours about which there is something to say. */
export function telling(steps: readonly StripStep[], heard: Heard): StripStep[] {
  return steps.filter(
    (step) =>
      step.worst ||
      step.dropped > 0 ||
      step.selfTestsFailed > 0 ||
      step.blind > 0 ||
      sharesOf(step, heard).untold > 0,
  )
}
