/** Where a test of what rules remember is asked: one object, filled anew for each. */
import type { Packet } from '../../decode/packet.ts'
import type { FlowTableLike } from './flows.ts'
import type { StatePlace } from './rule.ts'

export class StatePlaces {
  readonly #flows: FlowTableLike
  readonly #place: StatePlace

  constructor(flows: FlowTableLike) {
    this.#flows = flows
    const { client: src, server: dest } = flows
    this.#place = { flow: -1, toServer: true, timeUs: 0, src, srcAt: 0, dest, destAt: 0 }
  }

  /** `packet`: where there is no flow. */
  of(
    { flow, toServer, timeUs }: Pick<StatePlace, 'flow' | 'toServer' | 'timeUs'>,
    packet: Packet | undefined,
  ): StatePlace {
    const place = this.#place
    const { client, server } = this.#flows
    place.flow = flow
    place.toServer = toServer
    place.timeUs = timeUs
    place.src = packet ? packet.src : toServer ? client : server
    place.dest = packet ? packet.dest : toServer ? server : client
    place.srcAt = flow < 0 ? 0 : flow * 4
    place.destAt = place.srcAt
    return place
  }
}
