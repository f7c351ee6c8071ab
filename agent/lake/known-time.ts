/**
 * What time it is, as far as a deletion may rest on it. A wall clock can be put a year ahead by a bad battery, a wrong
 * answer or somebody who wants rows gone. So a time that we know goes on with the steady clock and is kept on disk; the
 * wall clock may correct it by a day in a week. When the two are further apart, the earlier one counts until the clock
 * is put right, or has kept its word for seven days of running.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { type Clock, isoFromUs } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'

const DAY_US = 86_400_000_000
/** Running time after which a clock that stayed where it was put is believed. */
export const CONFIRM_US = 7 * DAY_US
const KEEP_US = 3_600_000_000
const FOLDER = 'lake'
const NAME = join(FOLDER, 'known-time.json')

const Kept = v.strictObject({
  knownUs: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** How far the clock was off when it was first doubted, and what time we knew then. */
  doubt: v.optional(v.strictObject({ offsetUs: v.number(), sinceUs: v.number() })),
})
type Kept = v.InferOutput<typeof Kept>

export interface KnownTimeOptions {
  /** The data folder. */
  data: string
  clock: Clock
  disk: Disk
}

export interface DoubtedClock {
  clockUs: number
  knownUs: number
  /** Known time at which the clock is believed if it stays. */
  believedAtUs: number
}

export class KnownTime {
  readonly #options: KnownTimeOptions
  #kept: Kept | undefined
  #keptAtUs = 0
  #steadyMs: number
  /** Corrections taken since `#correctedSinceUs`; one after a start is not counted, the box may have been off. */
  #correctedUs = 0
  #correctedSinceUs = 0
  readonly #isKept: boolean
  #isFirst = true

  private constructor(options: KnownTimeOptions, kept: Kept | undefined) {
    this.#options = options
    this.#kept = kept
    this.#isKept = kept !== undefined
    this.#steadyMs = options.clock.steadyMs()
  }

  /** A file that cannot be read counts as none: then the newest row says what time it was. */
  static open(options: KnownTimeOptions): KnownTime {
    try {
      const text = readFileSync(join(options.data, NAME), 'utf8')
      return new KnownTime(options, v.parse(Kept, JSON.parse(text)))
    } catch {
      return new KnownTime(options, undefined)
    }
  }

  /** A row that we had then, where nothing was kept yet. */
  evidence(hadUs: number): void {
    if (this.#isKept || !this.#isFirst) return // the clock in doubt stamped that row
    this.#kept = { knownUs: Math.max(hadUs, this.#kept?.knownUs ?? 0) }
  }

  /** The earlier of the two times: nothing may be deleted for being older than this less its days. */
  earliestUs(): number {
    return Math.min(this.#look().knownUs, this.#options.clock.nowUs())
  }

  /** When we had rows that are stamped so: their stamp, or the known time where the stamp is days before it. */
  hadUs(stampUs: number): number {
    const { knownUs } = this.#look()
    return stampUs < knownUs - DAY_US ? knownUs : stampUs // the later: in doubt a row stays
  }

  /** The clock while it is not believed. */
  doubted(): DoubtedClock | undefined {
    const { knownUs, doubt } = this.#look()
    if (!doubt) return undefined
    return {
      clockUs: this.#options.clock.nowUs(),
      knownUs,
      believedAtUs: doubt.sinceUs + CONFIRM_US,
    }
  }

  #look(): Kept {
    const { clock } = this.#options
    const wallUs = clock.nowUs()
    const steadyMs = clock.steadyMs()
    const passedUs = Math.max(0, (steadyMs - this.#steadyMs) * 1000)
    this.#steadyMs = steadyMs
    const before = this.#kept ?? { knownUs: wallUs }
    const next = this.#judge({ ...before, knownUs: Math.round(before.knownUs + passedUs) }, wallUs)
    this.#isFirst = false
    this.#kept = next
    const isDue = Math.abs(next.knownUs - this.#keptAtUs) >= KEEP_US
    if (isDue || Boolean(next.doubt) !== Boolean(before.doubt)) this.#keep(next)
    return next
  }

  #judge(kept: Kept, wallUs: number): Kept {
    const { knownUs, doubt } = kept
    const offsetUs = wallUs - knownUs
    if (knownUs - this.#correctedSinceUs > CONFIRM_US) {
      this.#correctedSinceUs = knownUs
      this.#correctedUs = 0
    }
    const corrected = this.#correctedUs + (this.#isFirst ? 0 : Math.abs(offsetUs))
    if (Math.abs(offsetUs) <= DAY_US && corrected <= DAY_US) {
      this.#correctedUs = corrected
      return { knownUs: wallUs }
    }
    if (!doubt || Math.abs(offsetUs - doubt.offsetUs) > DAY_US)
      return { knownUs, doubt: { offsetUs, sinceUs: knownUs } }
    if (knownUs - doubt.sinceUs < CONFIRM_US) return kept
    this.#correctedUs = 0
    return { knownUs: wallUs }
  }

  /** On a full disk it is not kept: then less time is known after a restart, and nothing goes too early. */
  #keep(kept: Kept): void {
    const { disk, data } = this.#options
    try {
      disk.makeFolder(data, FOLDER)
      disk.writeWhole(join(data, NAME), JSON.stringify(kept))
      this.#keptAtUs = kept.knownUs
    } catch {
      this.#keptAtUs = 0
    }
  }
}

/** For people: what is held back, and until when. */
export function clockSentence({ clockUs, knownUs, believedAtUs }: DoubtedClock): string {
  const day = (us: number) => isoFromUs(us).slice(0, 10)
  const days = Math.max(1, Math.ceil((believedAtUs - knownUs) / DAY_US))
  const which = clockUs > knownUs ? 'ahead of' : 'behind'
  return `The clock says ${day(clockUs)}, days ${which} ${day(knownUs)}, which is what this box knows by its running time. No row is deleted for its age by this clock until it is put right, or has stayed so for ${days} more ${days === 1 ? 'day' : 'days'}.`
}
