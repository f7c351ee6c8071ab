/** What rules remember across packets and flows, asked and changed at a place: one object, filled anew for each. */
import type { Packet } from '../../decode/packet.ts'
import type { FlowTableLike } from './flows.ts'
import type { Signature, StatePlace } from './rule.ts'
import { RuleState } from './rule-state.ts'

export type Where = Pick<StatePlace, 'flow' | 'toServer' | 'timeUs'>

export class StatePlaces {
  readonly #flows: FlowTableLike
  readonly #state: RuleState
  readonly #place: StatePlace

  /** `streamed`: bytes that a direction of a flow has had. */
  constructor(flows: FlowTableLike, streamed: (flow: number, toServer: boolean) => number) {
    this.#flows = flows
    this.#state = new RuleState(streamed)
    const { client: src, server: dest } = flows
    this.#place = { flow: -1, toServer: true, timeUs: 0, src, srcAt: 0, dest, destAt: 0 }
  }

  /** `packet`: the one in hand, for where there is no flow. */
  fits({ stateTests }: Signature, at: Where, packet: Packet | undefined): boolean {
    if (stateTests.length === 0) return true
    const place = this.#of(at, packet)
    for (const test of stateTests) if (!test(this.#state, place)) return false
    return true
  }

  change({ stateChanges }: Signature, at: Where, packet: Packet | undefined): void {
    if (stateChanges.length === 0) return
    const place = this.#of(at, packet)
    for (const change of stateChanges) change(this.#state, place)
  }

  ended(flow: number): void {
    this.#state.ended(flow)
  }

  /** What was to be remembered and was not, at a bound. */
  get dropped(): number {
    return this.#state.dropped
  }

  #of({ flow, toServer, timeUs }: Where, packet: Packet | undefined): StatePlace {
    const place = this.#place
    const { client, server } = this.#flows
    const own = flow < 0 ? packet : undefined
    place.flow = flow
    place.toServer = toServer
    place.timeUs = timeUs
    place.src = own ? own.src : toServer ? client : server
    place.dest = own ? own.dest : toServer ? server : client
    place.srcAt = flow < 0 ? 0 : flow * 4
    place.destAt = place.srcAt
    return place
  }
}
