/** Rates of one interface over the last hour in 10-second steps, from running totals. */
const STEP_S = 10
const STEPS_MAX = 360

export interface RateStep {
  /** Seconds since 1970, the start of the step. */
  at: number
  /** Frames, and frames lost, a second. */
  frames: number
  dropped: number
}

export class Rates {
  readonly #steps: RateStep[] = []
  #from: { at: number; frames: number; dropped: number } | undefined

  /** Totals now; a step is closed once STEP_S have passed. A clock that went back starts a new step. */
  add(nowS: number, frames: number, dropped: number): void {
    const from = this.#from
    const passed = from ? nowS - from.at : 0
    if (from && passed >= 0 && passed < STEP_S) return
    if (from && passed > 0) {
      this.#steps.push({
        at: from.at,
        frames: (frames - from.frames) / passed,
        dropped: (dropped - from.dropped) / passed,
      })
      if (this.#steps.length > STEPS_MAX) this.#steps.shift()
    }
    this.#from = { at: nowS, frames, dropped }
  }

  get steps(): RateStep[] {
    return [...this.#steps]
  }
}
