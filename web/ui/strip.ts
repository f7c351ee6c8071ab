/**
 * The last 24 hours on one line. A bar is the worst severity of its half hour; the base line is drawn
 * only where frames were seen, so that a quiet day is proved and a blind hour is a hatched hole; a
 * tick under it is a self-test that was found.
 */
import type { Severity } from '../../agent/base/event.ts'
import type { Day } from '../base/ports.ts'
import { plural, span } from '../base/words.ts'
import type { Zone } from '../base/zone.ts'
import { type Html, html, NOTHING } from './html.ts'
import { countsText, severityMark, WORST_FIRST } from './marks.ts'

const WIDTH = 288
const BASE = 33
const HEIGHT: Readonly<Record<Severity, number>> = { critical: 32, high: 24, medium: 16, low: 8 }
const MINUTE_US = 60e6

export function strip(day: Day, zone: Zone): Html {
  const scale = WIDTH / (day.to - day.from)
  const x = (us: number) => (Math.min(Math.max(us, day.from), day.to) - day.from) * scale
  const holes = holesOf(day)
  const found = day.selfTests.filter(({ ok }) => ok)
  const line = day.seen.map(
    ({ from, to }) =>
      `M${x(from).toFixed(2)} ${BASE}h${Math.max(0.5, x(to) - x(from)).toFixed(2)}v2h-${Math.max(0.5, x(to) - x(from)).toFixed(2)}z`,
  )
  const ticks = found.map(({ at }) => `M${x(at).toFixed(2)} 37h.8v3h-.8z`)
  return html`<div class="strip"><svg viewBox="0 0 ${WIDTH} 40" preserveAspectRatio="none" role="img" aria-label="${stripWords(day, zone)}"><path class="seen" d="${[...line, ...ticks].join('')}"/>${holes.length > 0 ? html`<path class="blindness" d="${holes.map(({ from, to }) => hatch(x(from), x(to))).join('')}"/>` : NOTHING}${WORST_FIRST.map((severity) => barsOf(day, severity, x))}</svg></div><p class="axis"><span>${zone.weekday(day.from)}</span><span>${zone.minute((day.from + day.to) / 2)}</span><span>${zone.weekday(day.to)}</span></p>`
}

function barsOf(day: Day, severity: Severity, x: (us: number) => number): Html {
  const width = (WIDTH / 48) * 0.75
  const path = day.halfHours
    .filter(({ counts }) => worstOf(counts) === severity)
    .map(
      ({ at }) =>
        `M${Math.min(x(at), WIDTH - width).toFixed(2)} 32h${width}v-${HEIGHT[severity]}h-${width}z`,
    )
    .join('')
  return path === '' ? NOTHING : html`<path class="${severity}" d="${path}"/>`
}

function worstOf(counts: Partial<Record<Severity, number>>): Severity | undefined {
  return WORST_FIRST.find((each) => (counts[each] ?? 0) > 0)
}

function hatch(from: number, to: number): string {
  let path = ''
  for (let at = from; at + 2 <= to; at += 4) path += `M${at.toFixed(1)} 36l4-8`
  return path || `M${from.toFixed(1)} 36l2-8`
}

/** Stretches of more than a minute in which no frame was seen. */
export function holesOf(day: Day): { from: number; to: number }[] {
  const seen = [...day.seen].sort((a, b) => a.from - b.from)
  const holes: { from: number; to: number }[] = []
  let at = Math.max(day.from, day.began ?? day.from)
  for (const { from, to } of seen) {
    if (from - at > MINUTE_US) holes.push({ from: at, to: from })
    at = Math.max(at, to)
  }
  if (day.to - at > 2 * MINUTE_US) holes.push({ from: at, to: day.to })
  return holes
}

/** What the strip shows, as words: for a screen reader, and under the picture. */
export function stripWords(day: Day, zone: Zone): string {
  const total: Partial<Record<Severity, number>> = {}
  for (const { counts } of day.halfHours)
    for (const severity of WORST_FIRST)
      total[severity] = (total[severity] ?? 0) + (counts[severity] ?? 0)
  const found = countsText(total) || 'nothing found'
  const holes = holesOf(day)
  const blind = holes.reduce((sum, { from, to }) => sum + (to - from), 0)
  const sight =
    holes.length === 0
      ? day.began !== undefined && day.began > day.from + 10 * MINUTE_US
        ? `frames seen all the time since ${zone.minute(day.began)}, when recording began`
        : 'frames seen all the time'
      : holes.length === 1 && holes[0]
        ? `no frames seen from ${zone.minute(holes[0].from)} to ${zone.minute(holes[0].to)}`
        : `no frames seen for ${span(blind / 1000)} in ${plural(holes.length, 'stretch', 'stretches')}`
  const ok = day.selfTests.filter((each) => each.ok).length
  const tests =
    day.selfTests.length === 0
      ? 'no self-test yet'
      : `${ok} of ${plural(day.selfTests.length, 'self-test')} found`
  return `24 hours: ${found}; ${sight}; ${tests}.`
}

/** The table behind the picture: half hours with findings. */
export function stripTable(day: Day, zone: Zone): Html {
  const rows = day.halfHours.filter(({ counts }) => worstOf(counts))
  if (rows.length === 0) return html`<p class="basis">No half hour has a finding.</p>`
  return html`<table class="data keep"><thead><tr><th>Half hour from</th><th>Worst</th><th class="num">Findings</th></tr></thead><tbody>${rows.map(
    ({ at, counts }) =>
      html`<tr><td>${zone.short(at)}</td><td>${severityMark(worstOf(counts))}</td><td class="num">${countsText(counts)}</td></tr>`,
  )}</tbody></table>`
}
