/**
 * The local devices, learned from what they send: address, MAC, names, what they serve and whom they
 * call. Called once a flow and once an ARP message, never once a packet.
 */
import { addressText, inPrefix, type Prefix, protoName } from '../base/address.ts'
import type { EventDraft } from '../base/event.ts'
import type { ArpMessage } from '../decode/arp.ts'
import type { FlowTable } from './table.ts'

export const ASSETS_MAX = 8192
const ROLES_MAX = 32 // services, and kinds of server called, kept of one device
const NAMES_MAX = 8
const NAME_CHARACTERS_MAX = 255

export interface AssetName {
  name: string
  /** Where it is from: dns, dhcp, … */
  source: string
}

export interface Asset {
  address: string
  mac: string | undefined
  firstUs: number
  lastUs: number
  names: AssetName[]
  /** What it serves: `TCP/502`, from flows whose handshake or answer was seen. */
  serves: string[]
  /** What it calls: `TCP/443`. */
  calls: string[]
}

export interface AssetsOptions {
  home: readonly Prefix[]
  /** A device, a service or a name not known before. */
  onEvent?: (draft: EventDraft) => void
  assetsMax?: number
}

export class Assets {
  readonly #home: readonly Prefix[]
  readonly #onEvent: (draft: EventDraft) => void
  readonly #max: number
  readonly #byAddress = new Map<string, Asset>()
  /** Sightings of devices that did not fit. */
  refused = 0

  constructor(options: AssetsOptions) {
    this.#home = options.home
    this.#onEvent = options.onEvent ?? (() => undefined)
    this.#max = options.assetsMax ?? ASSETS_MAX
  }

  /** Whether an address belongs to the site: inside a home prefix and one device's own. */
  local(words: Uint32Array, at = 0): boolean {
    return isUnicast(words, at) && this.#home.some((prefix) => inPrefix(words, at, prefix))
  }

  list(): Asset[] {
    return [...this.#byAddress.values()]
  }

  get(address: string): Asset | undefined {
    return this.#byAddress.get(address)
  }

  /** A device said or was said to own `mac` (ARP is the one place where the two stand together). */
  arp(message: ArpMessage, timeUs: number): void {
    // Probes (RFC 5227) come from 0.0.0.0; only the sender vouches for itself.
    if (this.local(message.senderAddress))
      this.#seen(addressText(message.senderAddress), timeUs, message.senderMac)
  }

  /** A flow began: its sender is alive. An address that was only called may not exist. */
  began(table: FlowTable, row: number, senderIsClient: boolean): void {
    const words = senderIsClient ? table.client : table.server
    if (this.local(words, row * 4))
      this.#seen(addressText(words, row * 4), table.lastUs[row] as number, undefined)
  }

  /** Both sides of a flow have spoken: the server serves and the client calls. */
  answered(table: FlowTable, row: number): void {
    const timeUs = table.lastUs[row] as number
    const port = table.serverPort[row] as number
    const protocol = table.protocol[row] as number
    const role = port === 0 ? undefined : `${protoName(protocol)}/${port}`
    if (this.local(table.client, row * 4)) {
      const asset = this.#seen(table.clientText(row), timeUs, undefined)
      if (asset && role) addOnce(asset.calls, role)
    }
    if (!this.local(table.server, row * 4)) return
    const asset = this.#seen(table.serverText(row), timeUs, undefined)
    if (asset && role && addOnce(asset.serves, role)) this.#say(asset, 'service', timeUs, role)
  }

  /** DNS, DHCP or TLS said what a device is called. Unknown addresses are left alone. */
  name(address: string, name: string, source: string, timeUs: number): void {
    const asset = this.#byAddress.get(address)
    if (!asset || asset.names.length >= NAMES_MAX) return
    const text = name.slice(0, NAME_CHARACTERS_MAX)
    if (asset.names.some((known) => known.name === text)) return
    asset.names.push({ name: text, source })
    this.#say(asset, 'name', timeUs, text)
  }

  #seen(address: string, timeUs: number, mac: string | undefined): Asset | undefined {
    let asset = this.#byAddress.get(address)
    if (!asset) {
      if (this.#byAddress.size >= this.#max) {
        this.refused++
        return undefined
      }
      asset = {
        address,
        mac,
        firstUs: timeUs,
        lastUs: timeUs,
        names: [],
        serves: [],
        calls: [],
      }
      this.#byAddress.set(address, asset)
      this.#say(asset, 'new', timeUs, address)
      return asset
    }
    if (timeUs > asset.lastUs) asset.lastUs = timeUs
    if (mac !== undefined && asset.mac !== mac) {
      const moved = asset.mac !== undefined
      asset.mac = mac
      this.#say(asset, moved ? 'mac-changed' : 'mac', timeUs, mac)
    }
    return asset
  }

  #say(asset: Asset, change: AssetChange, timeUs: number, what: string): void {
    this.#onEvent({
      kind: 'asset',
      event_time: timeUs,
      host: asset.names[0]?.name ?? asset.address,
      src_ip: asset.address,
      action: change,
      message: sentence(asset.address, change, what),
      record: { asset: { change, what, ...asset } },
    })
  }
}

export type AssetChange = 'new' | 'service' | 'name' | 'mac' | 'mac-changed'

function sentence(address: string, change: AssetChange, what: string): string {
  switch (change) {
    case 'new':
      return `A device was seen for the first time: ${address}.`
    case 'service':
      return `${address} was seen to serve ${what} for the first time.`
    case 'name':
      return `${address} is called ${what}.`
    case 'mac':
      return `${address} has the hardware address ${what}.`
    case 'mac-changed':
      return `${address} now answers from the hardware address ${what}.`
  }
}

function addOnce(list: string[], value: string): boolean {
  if (list.length >= ROLES_MAX || list.includes(value)) return false
  list.push(value)
  return true
}

/** Not multicast, not broadcast, not unspecified. */
function isUnicast(words: Uint32Array, at: number): boolean {
  const [a, last] = [words[at] as number, words[at + 3] as number]
  const v4 = a === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff
  if (v4) return last >>> 28 !== 0xe && last !== 0xffffffff && last !== 0
  return a >>> 24 !== 0xff
}
