/** Flows and hosts whose next packets a rule asked to keep (`tag`), until a count of packets, bytes or seconds is used up. */
import { addressText } from '../base/address.ts'
import type { Packet } from '../decode/packet.ts'

export interface Tag {
  scope: 'session' | 'host'
  count: number
  metric: 'packets' | 'bytes' | 'seconds'
  /** Of a host: whose packets, of the one that matched. */
  side: 'src' | 'dst'
}

interface Running extends Tag {
  startUs: number
  used: number
}

/** Flows and hosts that are followed at one time. */
const FOLLOWED_MAX = 4096
/** Tags of one flow or host. */
const TAGS_MAX = 8

export class Tags {
  /** Tags that were not taken, or gave way to newer ones, at a bound. */
  dropped = 0
  readonly #flows = new Map<number, Running[]>()
  readonly #hosts = new Map<string, Running[]>()

  get running(): boolean {
    return this.#flows.size + this.#hosts.size > 0
  }

  /** A rule with tags has matched in this packet. */
  begin(tags: readonly Tag[], packet: Packet): void {
    for (const tag of tags) {
      const running = { ...tag, startUs: packet.timeUs, used: 0 }
      if (tag.scope === 'host')
        this.#add(this.#hosts, addressText(tag.side === 'src' ? packet.src : packet.dest), running)
      else if (packet.flow >= 0) this.#add(this.#flows, packet.flow, running)
    }
  }

  /** Counts the packet in; whether one of the tags asks for it. */
  asks(packet: Packet): boolean {
    const ofFlow = packet.flow >= 0 && spend(this.#flows, packet.flow, packet)
    if (this.#hosts.size === 0) return ofFlow
    const ofSource = spend(this.#hosts, addressText(packet.src), packet)
    return spend(this.#hosts, addressText(packet.dest), packet) || ofSource || ofFlow
  }

  ended(flow: number): void {
    this.#flows.delete(flow)
  }

  #add<K>(followed: Map<K, Running[]>, key: K, tag: Running): void {
    const list = followed.get(key)
    // The same wish again starts anew.
    if (list) {
      const same = list.findIndex(({ metric, side }) => metric === tag.metric && side === tag.side)
      if (same >= 0) list[same] = tag
      else if (list.length < TAGS_MAX) list.push(tag)
      else this.dropped++
      return
    }
    // A host that fell silent is never done with: the oldest gives way, or nobody would be followed any more.
    const [oldest] = followed.keys()
    if (followed.size >= FOLLOWED_MAX && oldest !== undefined) {
      followed.delete(oldest)
      this.dropped++
    }
    followed.set(key, [tag])
  }
}

function spend<K>(followed: Map<K, Running[]>, key: K, packet: Packet): boolean {
  const list = followed.get(key)
  if (!list) return false
  const left = list.filter((tag) => {
    if (tag.metric === 'seconds') return packet.timeUs - tag.startUs <= tag.count * 1e6
    tag.used += tag.metric === 'packets' ? 1 : packet.wireBytes
    return tag.used <= tag.count
  })
  if (left.length === 0) followed.delete(key)
  else followed.set(key, left)
  return left.length > 0
}
