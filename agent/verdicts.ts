/**
 * What mode ips would keep from its receiver: packets that rules drop, and all that follows in a flow that is dropped. In replay alone: the
 * agent stands beside the wire.
 */
import type { EventDraft } from './base/event.ts'
import { type Packet, TCP } from './decode/packet.ts'
import type { AlertHit } from './detect/alert.ts'
import { eveRow } from './detect/eve.ts'
import type { Json } from './detect/eve-app.ts'
import type { AlertPlace } from './detect/signatures/engine-options.ts'
import type { FlowViews } from './flow-views.ts'

const TCP_PROTOCOL = 6

export interface DropSettings {
  /** Whether packets that are dropped are written: of a dropped flow each, or the first of a direction. */
  flows: 'all' | 'start' | undefined
  /** With the alert of the rule that did it. */
  alerts: boolean
}

export class Verdicts {
  readonly #settings: DropSettings
  readonly #views: FlowViews
  readonly #write: (draft: EventDraft) => void
  readonly #flows = new Set<number>()
  /** Directions of dropped flows of which a packet was written. */
  readonly #told = new Set<number>()
  /** The packet that is dropped, and the last that was for its flow. */
  #packet = -1
  #late = -1
  #alert: unknown

  constructor(settings: DropSettings, views: FlowViews, write: (draft: EventDraft) => void) {
    this.#settings = settings
    this.#views = views
    this.#write = write
  }

  /** A rule that drops has matched; `record` is that of its alert. */
  matched(hit: AlertHit, { packet, flow }: AlertPlace, record: Readonly<Json>): void {
    if (!hit.drops) return
    if (hit.drops === 'flow' && flow >= 0) this.#flows.add(flow)
    if (!packet || this.#packet === packet.number) return
    this.#packet = packet.number
    this.#alert = record.alert
    if (flow >= 0) this.#told.add(flow * 2 + (packet.toServer ? 1 : 0))
    this.#tell(packet, 'rules')
  }

  /** Whether the packet goes no further, for what was said of its flow before. One that a rule drops is read to its end. */
  drops(packet: Packet): boolean {
    if (this.#late === packet.number) return true
    if (this.#packet === packet.number) return false
    if (packet.flow < 0 || !this.#flows.has(packet.flow)) return false
    this.#late = packet.number
    const key = packet.flow * 2 + (packet.toServer ? 1 : 0)
    this.#packet = packet.number
    this.#alert = undefined
    const { flows } = this.#settings
    if (flows === 'all' || !this.#told.has(key)) this.#tell(packet, 'flow drop')
    this.#told.add(key)
    return true
  }

  dropsFlow(flow: number): boolean {
    return this.#flows.has(flow)
  }

  ended(flow: number): void {
    this.#flows.delete(flow)
    this.#told.delete(flow * 2)
    this.#told.delete(flow * 2 + 1)
  }

  #tell(packet: Packet, reason: string): void {
    if (this.#settings.flows === undefined) return
    const { timeUs, number, toServer, ipBytes, tos, ttl, ipId, protocol } = packet
    const view = packet.flow >= 0 ? this.#views.view(packet.flow) : this.#views.frame(packet)
    const alert = this.#settings.alerts ? this.#alert : undefined
    this.#write(
      eveRow(
        view,
        'packet',
        'drop',
        { timeUs, number, toServer, packet },
        {
          message: `A packet of ${view.client} was dropped: ${reason}.`,
          record: {
            drop: {
              len: ipBytes,
              tos,
              ttl,
              ipid: ipId,
              ...(protocol === TCP_PROTOCOL && tcpFields(packet)),
              reason,
            },
            ...(alert !== undefined && { alert }),
          },
        },
      ),
    )
  }
}

function tcpFields({ seq, ack, window, tcpFlags, urgent }: Packet): Json {
  return {
    tcpseq: seq,
    tcpack: ack,
    tcpwin: window,
    syn: (tcpFlags & TCP.SYN) !== 0,
    ack: (tcpFlags & TCP.ACK) !== 0,
    psh: (tcpFlags & TCP.PSH) !== 0,
    rst: (tcpFlags & TCP.RST) !== 0,
    urg: (tcpFlags & TCP.URG) !== 0,
    fin: (tcpFlags & TCP.FIN) !== 0,
    tcpurgp: urgent,
  }
}
