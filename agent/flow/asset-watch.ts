/**
 * Sightings of local devices, in a shard. It is asked once a flow and once an ARP message, never once a
 * packet, and says each thing once (and "still alive" now and then): `Assets` on the main thread keeps
 * the inventory of all shards.
 */
import { addressText, inPrefix, type Prefix, protoName } from '../base/address.ts'
import { arpSender, arpSenderText } from '../decode/arp.ts'
import { V4_WORD } from '../decode/bytes.ts'
import type { FlowTable } from './table.ts'

export const ASSETS_MAX = 8192
/** Services, and kinds of server called, that are kept of one device. */
export const ROLES_MAX = 32
const ALIVE_US = 60_000_000

/** One thing learned of one local device. Plain data: it crosses threads. */
export interface AssetSeen {
  address: string
  timeUs: number
  mac?: string
  /** `TCP/502`, from flows whose handshake or answer was seen. */
  serves?: string
  calls?: string
  name?: { name: string; source: string }
}

interface Told {
  address: string
  timeUs: number
  /** As a number; NaN while it is not known, and no small integer, as Packet.timeUs. */
  mac: number
  /** Side, protocol and port as one number. */
  roles: Set<number>
}

/** Texts are made for what is said, not for what is known: a flow asks four times. */
const SERVES = 1 << 24

export interface AssetWatchOptions {
  home: readonly Prefix[]
  output: { sighting(seen: AssetSeen): void }
  assetsMax?: number
}

export class AssetWatch {
  readonly #home: readonly Prefix[]
  readonly #output: AssetWatchOptions['output']
  readonly #max: number
  /** By the last word of an IPv4 address, or the text of another. */
  readonly #told = new Map<number | string, Told>()
  /** Of the ARP message in hand. */
  readonly #sender = Uint32Array.of(0, 0, V4_WORD, 0)
  /** Sightings of devices that did not fit. */
  refused = 0

  constructor(options: AssetWatchOptions) {
    this.#home = options.home
    this.#output = options.output
    this.#max = options.assetsMax ?? ASSETS_MAX
  }

  /** Whether an address belongs to the site: inside a home prefix and one device's own. */
  local(words: Uint32Array, at = 0): boolean {
    if (!isUnicast(words, at)) return false
    for (const prefix of this.#home) if (inPrefix(words, at, prefix)) return true
    return false
  }

  /** ARP is the one place where address and MAC stand together, said by their owner. `at`: the message, of packet.arpOffset. */
  arp(bytes: Uint8Array, at: number, timeUs: number): void {
    const mac = arpSender(bytes, at, this.#sender)
    // Probes (RFC 5227) come from 0.0.0.0, which is nobody's own address.
    if (!this.local(this.#sender)) return
    const told = this.#alive(this.#sender, 0, timeUs)
    if (!told || told.mac === mac) return
    told.mac = mac
    this.#output.sighting({ address: told.address, timeUs, mac: arpSenderText(bytes, at) })
  }

  /** A flow began: its sender is alive. An address that is only called need not exist. */
  began(table: FlowTable, row: number, byClient: boolean): void {
    const words = byClient ? table.client : table.server
    if (this.local(words, row * 4)) this.#alive(words, row * 4, table.lastUs(row))
  }

  /** Both sides of a flow have spoken: the server serves, the client calls. */
  answered(table: FlowTable, row: number): void {
    const timeUs = table.lastUs(row)
    const port = table.serverPort[row] as number
    const role = (table.protocol[row] as number) * 65_536 + port
    if (this.local(table.client, row * 4)) {
      const told = this.#alive(table.client, row * 4, timeUs)
      if (told && port > 0 && addOnce(told.roles, role))
        this.#output.sighting({ address: told.address, timeUs, calls: roleText(table, row) })
    }
    if (!this.local(table.server, row * 4)) return
    const told = this.#alive(table.server, row * 4, timeUs)
    if (told && port > 0 && addOnce(told.roles, role + SERVES))
      this.#output.sighting({ address: told.address, timeUs, serves: roleText(table, row) })
  }

  #alive(words: Uint32Array, at: number, timeUs: number): Told | undefined {
    const key = isV4(words, at) ? (words[at + 3] as number) : addressText(words, at)
    let told = this.#told.get(key)
    if (!told) {
      if (this.#told.size >= this.#max) {
        this.refused++
        return undefined
      }
      told = { address: addressText(words, at), timeUs, mac: Number.NaN, roles: new Set() }
      this.#told.set(key, told)
      this.#output.sighting({ address: told.address, timeUs })
    } else if (timeUs - told.timeUs >= ALIVE_US) {
      told.timeUs = timeUs
      this.#output.sighting({ address: told.address, timeUs })
    }
    return told
  }
}

/** `TCP/502` */
function roleText(table: FlowTable, row: number): string {
  return `${protoName(table.protocol[row] as number)}/${table.serverPort[row]}`
}

function addOnce(roles: Set<number>, role: number): boolean {
  if (roles.has(role) || roles.size >= 2 * ROLES_MAX) return false
  roles.add(role)
  return true
}

/** Not multicast, not broadcast, not unspecified. */
function isUnicast(words: Uint32Array, at: number): boolean {
  const a = words[at] as number
  const last = words[at + 3] as number
  if (isV4(words, at)) return last >>> 28 !== 0xe && last !== 0xffffffff && last !== 0
  return a >>> 24 !== 0xff
}

function isV4(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === V4_WORD
}
