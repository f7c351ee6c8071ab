/**
 * The watchdog is fed by duty, not by being alive: each beat asks what the process is there for, and only when all of it
 * was done systemd hears of it. A loop that hangs asks nothing, a worker that hangs answers nothing; both are ended and
 * started anew (WatchdogSec). What a new start cannot mend (a full disk, no link) is no reason to withhold a beat.
 */
import type { Log } from '../base/log.ts'
import { type Notifier, openNotifier } from './notify.ts'

/** Beats in one period of the watchdog. */
const BEATS = 4
const BEAT_MS_MAX = 15_000
const BEAT_MS_MIN = 50

/** Nothing, or what is not done, as people would say it. */
export type DutyCheck = () => string | undefined | Promise<string | undefined>

export interface DutyOptions {
  log: Log
  checks: readonly DutyCheck[]
  /** NOTIFY_SOCKET and WATCHDOG_USEC are taken out of it: no child is meant. */
  env?: NodeJS.ProcessEnv
}

export class Duty {
  readonly #log: Log
  readonly #checks: readonly DutyCheck[]
  readonly #notifier: Notifier | undefined
  readonly #timer: NodeJS.Timeout | undefined
  #asking = false
  #undone = ''

  private constructor({ log, checks, env = process.env }: DutyOptions) {
    this.#log = log
    this.#checks = checks
    this.#notifier = openNotifier(env.NOTIFY_SOCKET)
    const everyMs = beatMs(env.WATCHDOG_USEC)
    delete env.NOTIFY_SOCKET
    delete env.WATCHDOG_USEC
    delete env.WATCHDOG_PID
    if (this.#notifier && everyMs !== undefined)
      this.#timer = setInterval(() => void this.#beat(), everyMs).unref()
  }

  /** Says that the process is ready, and beats from now on. */
  static begin(options: DutyOptions): Duty {
    const duty = new Duty(options)
    duty.#notifier?.send('READY=1')
    void duty.#beat()
    return duty
  }

  /** The process ends as it was asked to: how long that takes is TimeoutStopSec's. */
  end(): void {
    clearInterval(this.#timer)
    this.#notifier?.send('STOPPING=1')
    this.#notifier?.close()
  }

  async #beat(): Promise<void> {
    if (this.#asking) return // one that got no answer yet is the finding
    this.#asking = true
    try {
      const answers = await Promise.all(this.#checks.map((check) => check()))
      this.#say(answers.filter((each) => each !== undefined).join('; '))
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error))
    }
    this.#asking = false
  }

  #say(undone: string): void {
    if (undone === '') this.#notifier?.send('WATCHDOG=1', 'STATUS=on duty')
    else this.#notifier?.send(`STATUS=not done: ${undone.replaceAll('\n', ' ')}`)
    if (undone !== this.#undone && undone !== '') this.#log.warn({ undone }, 'duty.not-done')
    this.#undone = undone
  }
}

function beatMs(watchdogUs: string | undefined): number | undefined {
  if (watchdogUs === undefined || !/^\d{1,15}$/.test(watchdogUs)) return undefined
  return Math.max(BEAT_MS_MIN, Math.min(BEAT_MS_MAX, Number(watchdogUs) / 1000 / BEATS))
}

/** Not done when the number that `read` gives stands still for `withinMs`. */
export function moves(
  read: () => number,
  { withinMs, words, nowMs = () => performance.now() }: { withinMs: number; words: string; nowMs?: () => number }, // biome-ignore format: one line
): DutyCheck {
  let last: number | undefined
  let sinceMs = 0
  return () => {
    const now = read()
    if (now !== last) {
      last = now
      sinceMs = nowMs()
    }
    return nowMs() - sinceMs > withinMs ? words : undefined
  }
}
