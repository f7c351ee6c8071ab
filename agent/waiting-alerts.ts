/** Matches in acknowledged bytes: each is told with the next packet that goes its way, as Suricata does. */
import { keepLent } from './decode/lent.ts'
import type { AlertHit } from './detect/alert.ts'
import type { AlertPlace } from './detect/signatures/engine-options.ts'

export interface WaitingAlert {
  hit: AlertHit
  place: AlertPlace
}

const NONE: readonly WaitingAlert[] = []

export class WaitingAlerts {
  readonly #ofFlow = new Map<number, WaitingAlert[]>()

  get empty(): boolean {
    return this.#ofFlow.size === 0
  }

  add(hit: AlertHit, place: AlertPlace): void {
    keepLent(hit.tx)
    const waiting = { hit, place: { ...place, packet: undefined } }
    const list = this.#ofFlow.get(place.flow)
    if (list) list.push(waiting)
    else this.#ofFlow.set(place.flow, [waiting])
  }

  /** Takes out those of a flow that go this way, or all of them. */
  take(flow: number, toServer: boolean | undefined): readonly WaitingAlert[] {
    const list = this.#ofFlow.get(flow)
    if (!list) return NONE
    const due = list.filter(({ place }) => toServer === undefined || place.toServer === toServer)
    const left = list.filter((each) => !due.includes(each))
    if (left.length > 0) this.#ofFlow.set(flow, left)
    else this.#ofFlow.delete(flow)
    return due
  }
}
