/** Writes down each second that this run is alive, and says what happened between the last run and this one. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from './base/clock.ts'
import { rxPackets } from './capture/interface.ts'
import { type Gap, gapSince, noteRun } from './health/run-gap.ts'

export class RunNotes {
  readonly #path: string
  readonly #interfaces: readonly string[]
  readonly #clock: Clock
  readonly #bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  readonly gap: Gap

  /** `began`: what each interface had counted when this run's count began. Until then nobody looked. */
  constructor(data: string, began: Readonly<Record<string, number>>, clock: Clock) {
    const folder = join(data, 'agent')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#path = join(folder, 'run.json')
    this.#interfaces = Object.keys(began)
    this.#clock = clock
    this.gap = gapSince(this.#path, { ...this.#now(), interfaces: began })
  }

  note(): void {
    const { blindSeconds, missedFrames } = this.gap
    noteRun(this.#path, { ...this.#now(), blindSeconds, missedFrames })
  }

  #now() {
    const interfaces = Object.fromEntries(this.#interfaces.map((name) => [name, rxPackets(name)]))
    return { bootId: this.#bootId, at: this.#clock.nowUs(), interfaces }
  }
}
