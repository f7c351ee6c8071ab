/** Counts of one window out of counters that only grow, and the day a disk is full: pure. */
import { brief } from '../base/text.ts'
import type { Summary } from './summary.ts'

const DAY_US = 86_400e6
/** Below this a rate is noise. */
const SPAN_US_MIN = 3_600e6
/** A disk that does not fill is full "in ten years": known, and no worry. */
const HORIZON_US_MAX = 3_650 * DAY_US

interface PortCounters {
  name: string
  processed: number
  dropped: number
  bytes: number
}

/** Of one run of the agent, but for the last two, which all runs of the data folder share. */
export interface RunCounters {
  startedAt: number
  interfaces: readonly PortCounters[]
  blindSeconds: number
  missedFrames: number
}

interface Seeing {
  startedAt: number
  capture: { interfaces: readonly PortCounters[] }
  states: { blind: { since?: number } | null }
  blindSeconds: number
  missedFrames: number
}

/** To be kept until the next window; nothing while the agent does not answer, so keep what there was. */
export function countersOf(sight: Seeing): RunCounters {
  const { startedAt, capture, blindSeconds, missedFrames } = sight
  const interfaces = capture.interfaces.map(({ name, processed, dropped, bytes }) => ({
    name,
    processed,
    dropped,
    bytes,
  }))
  return { startedAt, interfaces, blindSeconds, missedFrames }
}

interface Span {
  from: number
  to: number
  portsMax: number
}

/** A run that restarted counts from zero again. Without an agent the whole window is blind. */
export function captureOf(
  sight: Seeing | null,
  before: RunCounters | null,
  { from, to, portsMax }: Span,
): Summary['capture'] {
  const windowSeconds = Math.max(0, Math.round((to - from) / 1e6))
  if (!sight)
    return {
      ...{ seen: 0, processed: 0, dropped: 0, bytes: 0, missed_frames: 0, ports: [] },
      blind_seconds: windowSeconds,
    }
  const isSameRun = before?.startedAt === sight.startedAt
  const ports = sight.capture.interfaces.map((now) => {
    const then = isSameRun ? before.interfaces.find(({ name }) => name === now.name) : undefined
    const grown = (of: 'processed' | 'dropped' | 'bytes') => since(now[of], then?.[of])
    return {
      name: now.name,
      processed: grown('processed'),
      dropped: grown('dropped'),
      bytes: grown('bytes'),
    }
  })
  const total = (of: 'processed' | 'dropped' | 'bytes') =>
    ports.reduce((sum, port) => sum + port[of], 0)
  return {
    seen: total('processed') + total('dropped'),
    processed: total('processed'),
    dropped: total('dropped'),
    bytes: total('bytes'),
    blind_seconds: Math.min(windowSeconds, blindSecondsOf(sight, before, { from, to })),
    missed_frames: before ? since(sight.missedFrames, before.missedFrames) : 0,
    ports: ports.slice(0, portsMax).map(({ name, processed, dropped }) => ({
      name: brief(name, 32),
      seen: processed + dropped,
      dropped,
    })),
  }
}

/** Nobody looked before this run began; and a site that is blind now was so since its last frame. */
function blindSecondsOf(
  { blindSeconds, states, startedAt }: Seeing,
  before: RunCounters | null,
  { from, to }: { from: number; to: number },
): number {
  const unwatched = Math.min(
    before ? since(blindSeconds, before.blindSeconds) : 0,
    Math.max(0, (startedAt - from) / 1e6),
  )
  const began = states.blind?.since
  const silent = began === undefined ? 0 : (to - Math.max(from, startedAt, began)) / 1e6
  return Math.round(unwatched + Math.max(0, silent))
}

function since(now: number, before = 0): number {
  return now >= before ? now - before : now
}

export interface DiskSample {
  at: number
  freeBytes: number
}

/** When the free bytes end at the rate since `earlier`; null where that is too short a time to tell. */
export function fullAt(earlier: DiskSample | null, now: DiskSample): number | null {
  if (!earlier || now.at - earlier.at < SPAN_US_MIN) return null
  const filled = earlier.freeBytes - now.freeBytes
  const left = filled <= 0 ? HORIZON_US_MAX : (now.freeBytes / filled) * (now.at - earlier.at)
  return Math.round(now.at + Math.min(left, HORIZON_US_MAX))
}
