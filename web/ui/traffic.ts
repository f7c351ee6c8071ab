/**
 * Traffic of the last hour and, in the same picture, what was lost of it: seen above the line, lost
 * below. Drawn here as SVG; the script draws the same points by uPlot, with values under the pointer.
 */
import type { SiteStatus } from '../base/ports.ts'
import { bytesText, count, plural, rate } from '../base/words.ts'
import type { Zone } from '../base/zone.ts'
import { dataBlock, type Html, html, NOTHING } from './html.ts'

const STEP_S = 10
const HOUR_S = 3600
const LEAST_S = 120
const WIDTH = 720
const UP = 120
const DOWN = 40

export interface TrafficPoint {
  /** Seconds since 1970. */
  at: number
  frames: number
  dropped: number
}

/** How far back the picture goes: an hour, or as long as this run is old, so that a young one fills it too. */
export function chartSeconds(status: Pick<SiteStatus, 'startedAt'>, nowUs: number): number {
  const age = (nowUs - status.startedAt) / 1e6
  const whole = age < 300 ? 60 : 300
  return Math.min(HOUR_S, Math.max(LEAST_S, Math.ceil(age / whole) * whole))
}

/** That time up to now in equal steps, all interfaces together; a step nobody reported is null. */
export function lastSteps(
  interfaces: SiteStatus['capture']['interfaces'],
  nowUs: number,
  seconds: number,
): { at: number[]; frames: (number | null)[]; dropped: (number | null)[] } {
  const end = Math.floor(nowUs / 1e6 / STEP_S) * STEP_S
  const steps = seconds / STEP_S
  const at = Array.from({ length: steps }, (_, i) => end - seconds + (i + 1) * STEP_S)
  const frames = Array<number | null>(steps).fill(null)
  const dropped = Array<number | null>(steps).fill(null)
  for (const point of interfaces.flatMap((each) => each.perSecond)) {
    const i = Math.round((point.at - end + seconds) / STEP_S) - 1
    if (i < 0 || i >= steps) continue
    frames[i] = (frames[i] ?? 0) + point.frames
    dropped[i] = (dropped[i] ?? 0) + point.dropped
  }
  return { at, frames, dropped }
}

export function trafficChart(status: SiteStatus, zone: Zone): Html {
  const { interfaces } = status.capture
  const seconds = chartSeconds(status, zone.nowUs)
  const shown = lastSteps(interfaces, zone.nowUs, seconds)
  const peak = Math.max(...shown.frames.map((each) => each ?? 0))
  const worst = Math.max(...shown.dropped.map((each) => each ?? 0))
  const top = niceTop(peak)
  const bottom = niceTop(worst)
  const clock = (us: number) => (seconds < 300 ? zone.clock(us) : zone.minute(us))
  const ticks = [0, 1, 2, 3, 4].map((i) => clock(zone.nowUs - (4 - i) * (seconds / 4) * 1e6))
  const told = `Frames received a second, last ${seconds / 60} minutes: at most ${rate(peak)}. Lost: ${worst === 0 ? 'none' : `at most ${rate(worst)}`}.`
  return html`<figure class="chart" id="traffic" aria-label="${told}">
    <div class="y"><span>${rate(top)}</span><span>${rate(top / 2)}</span><span>seen</span></div><svg class="up" viewBox="0 0 ${WIDTH} ${UP}" preserveAspectRatio="none" aria-hidden="true"><line class="grid" x2="${WIDTH}" y1=".5" y2=".5"/><line class="grid" x2="${WIDTH}" y1="60" y2="60"/>${seenPaths(shown.frames, top)}</svg>
    <div class="y"><span>lost</span><span>${rate(bottom)}</span></div><svg class="down" viewBox="0 0 ${WIDTH} ${DOWN}" preserveAspectRatio="none" aria-hidden="true"><line class="grid" x2="${WIDTH}" y1=".5" y2=".5"/><line class="grid" x2="${WIDTH}" y1="39.5" y2="39.5"/>${worst > 0 ? html`<path class="drop" d="${bars(shown.dropped, bottom)}"/>` : NOTHING}</svg>
    <p class="axis">${ticks.map((tick) => html`<span>${tick}</span>`)}</p>
  </figure>
  <div class="plot" id="plot" hidden></div>${dataBlock('traffic-points', { ...shown, zone: zone.name })}
  <p class="basis">${accounting(status)}</p>
  <details><summary>As a table</summary>${trafficTable(status, shown, zone)}</details>`
}

/** Received = processed + dropped, said with all three numbers. */
function accounting(status: SiteStatus): Html {
  const sum = (key: 'frames' | 'processed' | 'dropped') =>
    status.capture.interfaces.reduce((total, each) => total + each[key], 0)
  const [frames, processed, dropped] = [sum('frames'), sum('processed'), sum('dropped')]
  const share = dropped === 0 || frames === 0 ? '' : ` (${perMillion(dropped / frames)})`
  const missed =
    status.missedFrames > 0
      ? ` Before that, ${plural(status.missedFrames, 'frame')} passed while the agent was down.`
      : ''
  return html`Since this run began: received ${count(frames)} frames = processed ${count(processed)} + dropped ${count(dropped)}${share}.${missed}`
}

function perMillion(share: number): string {
  const value = share * 1e6
  return value < 1
    ? 'under 1 per million'
    : value < 10_000
      ? `${count(Math.round(value))} per million`
      : `${count(Math.round(share * 1000) / 10)} per hundred`
}

function trafficTable(status: SiteStatus, shown: ReturnType<typeof lastSteps>, zone: Zone): Html {
  const perFive = shown.at
    .map((at, i) => ({ at, i }))
    .filter(({ i }) => i % 30 === 29)
    .map(({ at, i }) => {
      const mean = (of: (number | null)[]) => {
        const known = of.slice(i - 29, i + 1).filter((each) => each !== null)
        return known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : undefined
      }
      return { at, frames: mean(shown.frames), dropped: mean(shown.dropped) }
    })
  const cell = (value: number | undefined) => (value === undefined ? 'not running' : rate(value))
  return html`<table class="data keep"><thead><tr><th>Interface</th><th class="num">Received</th><th class="num">Processed</th><th class="num">Dropped</th><th class="num">Bytes</th></tr></thead><tbody>${status.capture.interfaces.map(
    (each) =>
      html`<tr><td class="mono">${each.name}</td><td class="num">${count(each.frames)}</td><td class="num">${count(each.processed)}</td><td class="num">${count(each.dropped)}</td><td class="num">${bytesText(each.bytes)}</td></tr>`,
  )}</tbody></table><table class="data keep"><thead><tr><th>Five minutes to</th><th class="num">Seen, mean</th><th class="num">Lost, mean</th></tr></thead><tbody>${perFive.map(
    (row) =>
      html`<tr><td>${zone.minute(row.at * 1e6)}</td><td class="num">${cell(row.frames)}</td><td class="num">${cell(row.dropped)}</td></tr>`,
  )}</tbody></table>`
}

/** The area under what was seen; a stretch without a report is a hole, not a zero. */
function seenPaths(values: readonly (number | null)[], top: number): Html {
  const runs: [number, number][][] = []
  let run: [number, number][] | undefined
  values.forEach((value, i) => {
    if (value === null) {
      run = undefined
      return
    }
    const point: [number, number] = [((i + 0.5) / values.length) * WIDTH, UP - (value / top) * UP]
    if (run) run.push(point)
    else {
      run = [point]
      runs.push(run)
    }
  })
  return html`${runs.map((points) => {
    const edge = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')
    const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0]
    return html`<path class="area" d="M${first.toFixed(1)} ${UP}L${edge}L${last.toFixed(1)} ${UP}z"/><path class="edge" d="M${edge}"/>`
  })}`
}

function bars(values: readonly (number | null)[], bottom: number): string {
  const width = WIDTH / values.length
  return values
    .map((value, i) =>
      value
        ? `M${(i * width).toFixed(1)} 0h${Math.max(width, 2).toFixed(1)}v${Math.max(1, (value / bottom) * DOWN).toFixed(1)}h-${Math.max(width, 2).toFixed(1)}z`
        : '',
    )
    .join('')
}

/** The next of 1, 2, 3, 4, 5 times a power of ten: an axis that people can read. */
export function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 3, 4, 5, 10].find((each) => each * power >= value) ?? 10
  return step * power
}
