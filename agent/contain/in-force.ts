/**
 * Keeps the kernel's table equal to what the guard says is in force, and reads its counters. Elements that
 * somebody took out are put back with the time they have left; elements that nobody asked for are removed.
 */
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import type { Action } from './action.ts'
import type { Count } from './counting.ts'
import { type Element, elementKey, elementsOf } from './elements.ts'
import { type Counted, type Firewall, GRACE_MS, type TimedElement } from './nft.ts'

const TRIES_MAX = 3 // the kernel may end an element between our look and our change
const DRIFT_MS_MAX = 3000 // the kernel tells whole seconds

export interface Held {
  action: Action
  leftMs: number
}

export class InForce {
  readonly #firewall: Firewall
  readonly #log: Log

  constructor(firewall: Firewall, log: Log) {
    this.#firewall = firewall
    this.#log = log
  }

  /** Returns when the kernel drops. An element that stands there already gets the longer life. */
  add(held: Held): void {
    const elements = timed(held)
    try {
      this.#firewall.change({ add: elements })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      // Somebody flushed the tables: make ours anew and try once more.
      const fault = this.#firewall.prepare()
      if (fault) throw new Failure('unavailable', `This cannot be enforced from here: ${fault}`)
      this.#firewall.change({ add: elements })
    }
  }

  /** Takes out what only `gone` wanted. */
  remove(gone: readonly Action[], held: readonly Held[]): void {
    const wanted = wantedOf(held)
    const remove = gone.flatMap(elementsOf).filter((each) => !wanted.has(elementKey(each)))
    try {
      this.#firewall.change({ remove })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.match(held) // one of them had ended by itself, so the transaction was refused whole
    }
  }

  /** What the kernel counts for each action now; mends the table where it differs. */
  poll(held: readonly Held[]): Map<string, Count> {
    const counted = this.match(held)
    const counts = new Map<string, Count>()
    for (const { action } of held) {
      const now = { packets: 0, bytes: 0 }
      for (const element of elementsOf(action)) {
        const seen = counted.get(elementKey(element))
        now.packets += seen?.packets ?? 0
        now.bytes += seen?.bytes ?? 0
      }
      counts.set(action.action_id, now)
    }
    return counts
  }

  /** Makes the table equal to `held`; returns what it counted before that. */
  match(held: readonly Held[]): Map<string, Counted> {
    const wanted = wantedOf(held)
    for (let attempt = 1; ; attempt++) {
      try {
        const standing = new Map(this.#list().map((each) => [elementKey(each), each]))
        const add = [...wanted.values()].filter((each) => !rightTime(standing, each))
        const remove = [...standing.values()].filter(
          (each) => !wanted.has(elementKey(each)) || add.some((one) => same(one, each)),
        )
        if (add.length + remove.length === 0) return standing
        this.#log.warn({ added: add.length, removed: remove.length }, 'guard.table-mended')
        this.#firewall.change({ add, remove })
        return standing
      } catch (error) {
        if (!(error instanceof Failure) || attempt === TRIES_MAX) throw error
      }
    }
  }

  #list(): Counted[] {
    try {
      return this.#firewall.list()
    } catch (error) {
      const fault = this.#firewall.prepare()
      if (fault) throw error
      return this.#firewall.list()
    }
  }
}

function timed({ action, leftMs }: Held): TimedElement[] {
  return elementsOf(action).map((element) => ({ ...element, leftMs }))
}

/** Two actions may want one element: it lives as long as the longer. */
function wantedOf(held: readonly Held[]): Map<string, TimedElement> {
  const wanted = new Map<string, TimedElement>()
  for (const each of held.flatMap(timed)) {
    const known = wanted.get(elementKey(each))
    if (!known || known.leftMs < each.leftMs) wanted.set(elementKey(each), each)
  }
  return wanted
}

function rightTime(standing: ReadonlyMap<string, Counted>, wanted: TimedElement): boolean {
  const found = standing.get(elementKey(wanted))
  if (!found) return false
  return Math.abs(found.expiresSeconds * 1000 - wanted.leftMs - GRACE_MS) <= DRIFT_MS_MAX
}

function same(a: Element, b: Element): boolean {
  return elementKey(a) === elementKey(b)
}
