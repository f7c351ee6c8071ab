/** Wall and steady time, handed in so that a test can set them. */
export interface Clock {
  /** Microseconds since 1970, UTC. */
  nowUs(): number
  /** Milliseconds that never go back; only differences mean anything. */
  steadyMs(): number
}

const WALL_STEP_MS = 5

let originMs = performance.timeOrigin

/** `performance` alone would go on from the start of the process and never see the clock being set. */
export const systemClock: Clock = {
  nowUs: () => {
    const off = Date.now() - (originMs + performance.now())
    if (Math.abs(off) > WALL_STEP_MS) originMs += off
    return Math.round((originMs + performance.now()) * 1000)
  },
  steadyMs: () => performance.now(),
}

/** Texts of seconds that were asked for last, by their number: records of one moment are about few of them. */
const SECONDS_KEPT = 256
const keptSeconds = new Float64Array(SECONDS_KEPT).fill(Number.NaN)
const keptTexts: string[] = new Array(SECONDS_KEPT).fill('')

/** `2026-11-23T11:42:10.118204Z`: what DuckDB reads as TIMESTAMP and people read as UTC. A whole number of microseconds; throws where it is no date. */
export function isoFromUs(us: number): string {
  const second = Math.floor(us / 1e6)
  const slot = second & (SECONDS_KEPT - 1)
  if (keptSeconds[slot] !== second) {
    keptTexts[slot] = new Date(second * 1000).toISOString().slice(0, -'000Z'.length)
    keptSeconds[slot] = second
  }
  return `${keptTexts[slot]}${String(1e6 + Math.round(us - second * 1e6)).slice(1)}Z`
}

/** The reverse of `isoFromUs`; NaN when the text is no time. */
export function usFromIso(text: string): number {
  const match = /^(.*[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(text)
  if (!match) return Date.parse(text) * 1000
  const [, head = '', fraction = '', zone = 'Z'] = match
  return Date.parse(head + zone) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}
