/**
 * A host on a wire of the machine: it answers ARP for its address, keeps what is sent to it, and talks in frames that a
 * test made. It has no network stack, so nothing answers by itself that a test did not want.
 */
import { until } from '../traffic/three-networks.ts'
import type { Wire } from './wire.ts'

const ETHER_IPV4 = 0x0800
const ETHER_ARP = 0x0806
const BROADCAST = Buffer.alloc(6, 0xff)
const KEPT_MAX = 200_000
const ARRIVES_MS_MAX = 30_000

/** An IPv4 packet that came to this host. */
export interface Arrived {
  src: string
  protocol: number
  srcPort: number
  destPort: number
  /** Of TCP. */
  flags: number
  payload: Buffer
}

export class Neighbour {
  readonly address: string
  readonly arrived: Arrived[] = []
  /** With those that are no longer kept. */
  heardInAll = 0
  readonly #wire: Wire
  readonly #mac: Buffer
  /** Who has which address, by what they said themselves. */
  readonly #macs = new Map<string, Buffer>()
  readonly #leave: () => void

  constructor(wire: Wire, address: string) {
    this.#wire = wire
    this.address = address
    this.#mac = Buffer.concat([Buffer.from([0x02, 0x10]), ipBytes(address)])
    this.#leave = wire.listen((frame) => this.#take(frame))
  }

  leave(): void {
    this.#leave()
  }

  /** Whether somebody has that address, found by asking until an answer comes. */
  async meets(address: string, waitMs = ARRIVES_MS_MAX): Promise<void> {
    let askedAt = 0
    await until(
      async () => {
        if (Date.now() - askedAt > 1_000) {
          askedAt = Date.now()
          await this.#arp(1, BROADCAST, address)
        }
        return this.#macs.has(address)
      },
      `${address} answers ${this.address}`,
      waitMs,
    )
  }

  /** Frames of `test/traffic`, put on the wire from this host to `by`, whom it has met. */
  async send(frames: readonly Uint8Array[], by: string): Promise<void> {
    const to = this.#macs.get(by)
    if (!to) throw new Error(`${this.address} has not met ${by}`)
    await this.#wire.send(frames.map((frame) => Buffer.concat([to, this.#mac, frame.subarray(12)])))
  }

  /** The first that came and fits, now or later. */
  async hears(
    is: (packet: Arrived) => boolean,
    what: string,
    waitMs = ARRIVES_MS_MAX,
  ): Promise<void> {
    await until(() => this.arrived.some(is), `${this.address} hears ${what}`, waitMs)
  }

  #take(frame: Buffer): void {
    const type = frame.readUInt16BE(12)
    if (type === ETHER_ARP) this.#arpCame(frame.subarray(14))
    else if (type === ETHER_IPV4) this.#ipCame(frame.subarray(14))
  }

  #arpCame(arp: Buffer): void {
    const sender = text(arp.subarray(14, 18))
    this.#macs.set(sender, Buffer.from(arp.subarray(8, 14)))
    const asks = arp.readUInt16BE(6) === 1
    if (asks && text(arp.subarray(24, 28)) === this.address && sender !== this.address)
      this.#arp(2, Buffer.from(arp.subarray(8, 14)), sender).catch(() => undefined) // the machine went off
  }

  #ipCame(ip: Buffer): void {
    if (ip.length < 20 || text(ip.subarray(16, 20)) !== this.address) return
    const head = ((ip[0] ?? 0) & 15) * 4
    const body = ip.subarray(head, ip.readUInt16BE(2))
    const protocol = ip[9] ?? 0
    const ports = protocol === 6 || protocol === 17
    const tcp = protocol === 6 && body.length >= 20
    this.heardInAll++
    this.arrived.push({
      src: text(ip.subarray(12, 16)),
      protocol,
      srcPort: ports ? body.readUInt16BE(0) : 0,
      destPort: ports ? body.readUInt16BE(2) : 0,
      flags: tcp ? (body[13] ?? 0) : 0,
      payload: tcp ? Buffer.from(body.subarray(((body[12] ?? 0) >> 4) * 4)) : Buffer.from(body),
    })
    if (this.arrived.length > KEPT_MAX) this.arrived.shift()
  }

  async #arp(operation: 1 | 2, to: Buffer, address: string): Promise<void> {
    const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, operation])
    const target = operation === 1 ? Buffer.alloc(6) : to
    const type = Buffer.from([0x08, 0x06])
    const ends = [this.#mac, ipBytes(this.address), target, ipBytes(address)]
    await this.#wire.send([Buffer.concat([to, this.#mac, type, head, ...ends])])
  }
}

function ipBytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function text(bytes: Buffer): string {
  return bytes.join('.')
}
