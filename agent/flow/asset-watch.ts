/**
 * Sightings of local devices, in a shard. It is asked once a flow and once an ARP message, never once a
 * packet, and says each thing once (and "still alive" now and then): `Assets` on the main thread keeps
 * the inventory of all shards.
 */
import { addressText, inPrefix, type Prefix, protoName } from '../base/address.ts'
import type { ArpMessage } from '../decode/arp.ts'
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
  timeUs: number
  mac: string | undefined
  roles: Set<string>
}

export interface AssetWatchOptions {
  home: readonly Prefix[]
  onSeen: (seen: AssetSeen) => void
  assetsMax?: number
}

export class AssetWatch {
  readonly #home: readonly Prefix[]
  readonly #onSeen: (seen: AssetSeen) => void
  readonly #max: number
  readonly #told = new Map<string, Told>()
  /** Sightings of devices that did not fit. */
  refused = 0

  constructor(options: AssetWatchOptions) {
    this.#home = options.home
    this.#onSeen = options.onSeen
    this.#max = options.assetsMax ?? ASSETS_MAX
  }

  /** Whether an address belongs to the site: inside a home prefix and one device's own. */
  local(words: Uint32Array, at = 0): boolean {
    return isUnicast(words, at) && this.#home.some((prefix) => inPrefix(words, at, prefix))
  }

  /** ARP is the one place where address and MAC stand together, said by their owner. */
  arp(message: ArpMessage, timeUs: number): void {
    // Probes (RFC 5227) come from 0.0.0.0, which is nobody's own address.
    if (!this.local(message.senderAddress)) return
    const address = addressText(message.senderAddress)
    const told = this.#alive(address, timeUs)
    if (!told || told.mac === message.senderMac) return
    told.mac = message.senderMac
    this.#onSeen({ address, timeUs, mac: message.senderMac })
  }

  /** A flow began: its sender is alive. An address that is only called need not exist. */
  began(table: FlowTable, row: number, byClient: boolean): void {
    const words = byClient ? table.client : table.server
    if (this.local(words, row * 4))
      this.#alive(addressText(words, row * 4), table.lastUs[row] as number)
  }

  /** Both sides of a flow have spoken: the server serves, the client calls. */
  answered(table: FlowTable, row: number): void {
    const timeUs = table.lastUs[row] as number
    const port = table.serverPort[row] as number
    const role = `${protoName(table.protocol[row] as number)}/${port}`
    if (this.local(table.client, row * 4)) {
      const address = table.clientText(row)
      const told = this.#alive(address, timeUs)
      if (told && port > 0 && addOnce(told.roles, `calls ${role}`))
        this.#onSeen({ address, timeUs, calls: role })
    }
    if (!this.local(table.server, row * 4)) return
    const address = table.serverText(row)
    const told = this.#alive(address, timeUs)
    if (told && port > 0 && addOnce(told.roles, `serves ${role}`))
      this.#onSeen({ address, timeUs, serves: role })
  }

  #alive(address: string, timeUs: number): Told | undefined {
    let told = this.#told.get(address)
    if (!told) {
      if (this.#told.size >= this.#max) {
        this.refused++
        return undefined
      }
      told = { timeUs, mac: undefined, roles: new Set() }
      this.#told.set(address, told)
      this.#onSeen({ address, timeUs })
    } else if (timeUs - told.timeUs >= ALIVE_US) {
      told.timeUs = timeUs
      this.#onSeen({ address, timeUs })
    }
    return told
  }
}

function addOnce(roles: Set<string>, role: string): boolean {
  if (roles.has(role) || roles.size >= 2 * ROLES_MAX) return false
  roles.add(role)
  return true
}

/** Not multicast, not broadcast, not unspecified. */
function isUnicast(words: Uint32Array, at: number): boolean {
  const [a, last] = [words[at] as number, words[at + 3] as number]
  const v4 = a === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff
  if (v4) return last >>> 28 !== 0xe && last !== 0xffffffff && last !== 0
  return a >>> 24 !== 0xff
}
