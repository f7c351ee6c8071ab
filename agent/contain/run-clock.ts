/**
 * Running time: what a block's life is counted in, so that neither a wall clock set off nor a restart makes it
 * longer or shorter. Within one boot it follows /proc/uptime (CLOCK_BOOTTIME, sleep included); over a reboot
 * it goes on from the last value written down.
 */
import { readFileSync } from 'node:fs'

/** The machine's own count: which boot this is, and how long ago it began. */
export interface BootClock {
  bootId(): string
  upMs(): number
}

export const machineBoot: BootClock = {
  bootId: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  upMs: () => Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000),
}

/** A point of running time as it stands on disk. */
export interface RunMark {
  run: number
  boot: string
  up: number
}

export class RunClock {
  readonly #boot: BootClock
  readonly #bootId: string
  /** Running time at the moment this boot began. */
  readonly #before: number
  #last = 0

  /** Goes on from `last`. Time since this boot counts even if nobody was there to write it down. */
  constructor(boot: BootClock, last?: RunMark) {
    this.#boot = boot
    this.#bootId = boot.bootId()
    this.#before = !last ? 0 : last.boot === this.#bootId ? last.run - last.up : last.run
  }

  /** Milliseconds of running time; never goes back. */
  nowMs(): number {
    this.#last = Math.max(this.#last, this.#before + this.#boot.upMs())
    return this.#last
  }

  mark(): RunMark {
    return { run: this.nowMs(), boot: this.#bootId, up: this.#boot.upMs() }
  }
}
