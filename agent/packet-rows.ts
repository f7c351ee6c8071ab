/** Rows about single packets, as settings ask for them: what was odd in one, ARP, packets that rules have tagged, and what alerts show of theirs. */
import type { EventDraft } from './base/event.ts'
import { readArp } from './decode/arp.ts'
import { DECODE_EVENTS, type PacketEvent } from './decode/events.ts'
import type { Packet } from './decode/packet.ts'
import type { AlertHit } from './detect/alert.ts'
import { eveRow } from './detect/eve.ts'
import { evePacket, evePayload, printable } from './detect/eve-packet.ts'
import type { AlertPlace } from './detect/signatures/engine-options.ts'
import { StreamPayloads } from './detect/stream-payload.ts'
import { Tags } from './detect/tags.ts'
import type { FlowViews } from './flow-views.ts'
import type { PacketSettings } from './inspection.ts'

const ARP_OPERATIONS: Readonly<Record<number, string>> = {
  1: 'request',
  2: 'reply',
  3: 'request_reverse',
  4: 'reply_reverse',
}
const DECODED: ReadonlySet<string> = new Set(DECODE_EVENTS)

export class PacketRows {
  readonly #settings: PacketSettings
  readonly #views: FlowViews
  readonly #write: (draft: EventDraft) => void
  readonly #tags: Tags | undefined
  readonly #payloads: StreamPayloads | undefined
  #alerted = -1

  constructor(settings: PacketSettings, views: FlowViews, write: (draft: EventDraft) => void) {
    this.#settings = settings
    this.#views = views
    this.#write = write
    this.#tags = settings.tagged ? new Tags() : undefined
    this.#payloads = settings.payload ? new StreamPayloads(settings.payloadBytes) : undefined
  }

  get tagsDropped(): number {
    return this.#tags?.dropped ?? 0
  }

  /** Whether streamed bytes are to be shown to `streamed`. */
  get keepsStreams(): boolean {
    return this.#payloads !== undefined
  }

  streamed(flow: number, toServer: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.#payloads?.add(flow * 2 + (toServer ? 1 : 0), bytes, start, end)
  }

  gap(flow: number, toServer: boolean, missing: number): void {
    this.#payloads?.gap(flow * 2 + (toServer ? 1 : 0), missing)
  }

  /** A rule has matched: what its record shows of the packet and of the stream. */
  alerted(
    draft: EventDraft,
    hit: AlertHit,
    { packet, flow, toServer, found }: AlertPlace,
    linkType: number,
  ): EventDraft {
    if (packet) {
      this.#alerted = packet.number
      if (hit.tags) this.#tags?.begin(hit.tags, packet)
    }
    const { alertPackets } = this.#settings
    if (!this.#payloads && !alertPackets) return draft
    const ofStream = found !== 'packet' && flow >= 0 && this.#views.isTcp(flow)
    const record = { ...draft.record }
    if (this.#payloads && ofStream) {
      const key = flow * 2 + (toServer ? 1 : 0)
      const bytes = this.#payloads.bytes(key)
      record.payload = bytes.toString('base64')
      record.payload_printable = this.#payloads.text(key, printable)
      record.payload_length = bytes.length
    } else if (this.#payloads && packet) Object.assign(record, evePayload(packet))
    if (this.#payloads) record.stream = ofStream ? 1 : 0
    if (alertPackets && packet) Object.assign(record, evePacket(packet, linkType))
    return { ...draft, record }
  }

  /** Something odd in the packet, by the name that rules have for it. */
  event(event: PacketEvent, packet: Packet): void {
    const decoded = DECODED.has(event)
    if (decoded ? !this.#settings.decodeAnomalies : !this.#settings.streamAnomalies) return
    const view = packet.flow >= 0 ? this.#views.view(packet.flow) : this.#views.frame(packet)
    const { timeUs, number, toServer, linkOffset, etherType } = packet
    const moment = { timeUs, number, toServer, packet }
    const row = eveRow(view, 'fault', 'anomaly', moment, {
      message: `A packet of ${view.client || 'no address'} is odd: ${event}.`,
      record: {
        anomaly: {
          type: decoded ? 'decode' : 'stream',
          event: `${decoded ? 'decoder' : 'stream'}.${event}`,
        },
      },
    })
    const ether = row.record?.ether
    if (linkOffset < 0 || packet.ipVersion !== 0) this.#write(row)
    else
      this.#write({
        ...row,
        record: { ...row.record, ether: { ...(ether as object), ether_type: etherType } },
      })
  }

  /** All is said of the packet. */
  handled(packet: Packet, linkType: number): void {
    if (packet.arpOffset >= 0 && this.#settings.arp) this.#arp(packet)
    if (!this.#tags?.running || !this.#tags.asks(packet) || this.#alerted === packet.number) return
    const { timeUs, number, toServer } = packet
    const view = packet.flow >= 0 ? this.#views.view(packet.flow) : this.#views.frame(packet)
    this.#write(
      eveRow(
        view,
        'packet',
        'packet',
        { timeUs, number, toServer, packet },
        {
          message: `A packet of ${view.client} that a rule asked to keep.`,
          record: evePacket(packet, linkType),
        },
      ),
    )
  }

  ended(flow: number): void {
    this.#tags?.ended(flow)
    this.#payloads?.ended(flow)
  }

  #arp(packet: Packet): void {
    const { timeUs, number } = packet
    const message = readArp(packet.bytes, packet.arpOffset)
    const [src_ip, dest_ip] = [message.senderAddress, message.targetAddress].map(v4Text)
    const view = this.#views.frame(packet)
    this.#write(
      eveRow(
        view,
        'asset',
        'arp',
        { timeUs, number, toServer: true, packet },
        {
          message: `${src_ip} spoke ARP about ${dest_ip}.`,
          record: {
            arp: {
              hw_type: 'ethernet',
              proto_type: 'ipv4',
              opcode: ARP_OPERATIONS[message.op] ?? String(message.op),
              src_mac: message.senderMac,
              src_ip,
              dest_mac: message.targetMac,
              dest_ip,
            },
          },
        },
      ),
    )
  }
}

function v4Text(words: Uint32Array): string {
  const word = words[3] as number
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.')
}
