/**
 * Times in the viewer's zone, UTC on hover. The script tells the zone once, in a cookie; without it
 * times are in UTC, and the page says which it is.
 */
import { isoFromUs } from '../../agent/base/clock.ts'

const ZONES_MAX = 64 // formatters are slow to make: keep those of the zones that people use

interface Formats {
  day: Intl.DateTimeFormat
  clock: Intl.DateTimeFormat
  minute: Intl.DateTimeFormat
  date: Intl.DateTimeFormat
  weekday: Intl.DateTimeFormat
}

const known = new Map<string, Formats>()

/** The zone itself when this machine knows it, else UTC: a cookie is a stranger's text. */
export function parseZone(text: string | undefined): string {
  if (!text || text.length > 64 || !/^[\w+/-]+$/.test(text)) return 'UTC'
  return formats(text) ? text : 'UTC'
}

function formats(zone: string): Formats | undefined {
  const found = known.get(zone)
  if (found) return found
  try {
    const make = (options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options })
    const made = {
      day: make({ year: 'numeric', month: '2-digit', day: '2-digit' }),
      clock: make({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }),
      minute: make({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
      date: make({ day: 'numeric', month: 'short', year: 'numeric' }),
      weekday: make({ weekday: 'short' }),
    }
    if (known.size >= ZONES_MAX) known.clear()
    known.set(zone, made)
    return made
  } catch {
    return undefined
  }
}

/** The words of one moment for a viewer in `zone`, whose present is `nowUs`. */
export class Zone {
  readonly name: string
  readonly #formats: Formats
  readonly #now: Date
  readonly nowUs: number

  constructor(name: string, nowUs: number) {
    this.name = parseZone(name)
    this.#formats = formats(this.name) as Formats
    this.nowUs = nowUs
    this.#now = new Date(nowUs / 1000)
  }

  /** `11:42`, `22 Nov 11:42`, `22 Nov 2025`: as much as is needed to know which. */
  short(us: number): string {
    return this.#within(us, this.#formats.minute)
  }

  /** The same with seconds. */
  exact(us: number): string {
    return this.#within(us, this.#formats.clock)
  }

  clock(us: number): string {
    return this.#formats.clock.format(us / 1000)
  }

  minute(us: number): string {
    return this.#formats.minute.format(us / 1000)
  }

  date(us: number): string {
    return this.#formats.date.format(us / 1000)
  }

  /** `Sun 12:00`: the ends of a day's axis. */
  weekday(us: number): string {
    return `${this.#formats.weekday.format(us / 1000)} ${this.minute(us)}`
  }

  utc(us: number): string {
    return `${isoFromUs(us).slice(0, 23).replace('T', ' ')} UTC`
  }

  #within(us: number, clock: Intl.DateTimeFormat): string {
    const date = new Date(us / 1000)
    const { day } = this.#formats
    if (day.format(date) === day.format(this.#now)) return clock.format(date)
    const text = this.#formats.date.format(date)
    if (Math.abs(this.nowUs - us) > 180 * 86_400e6) return text.replaceAll(' ', '\u00a0')
    return `${text.slice(0, -5)} ${clock.format(date)}`.replaceAll(' ', '\u00a0')
  }
}
