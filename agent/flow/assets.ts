/** The inventory of local devices, of all shards together: who, since when, called what, serving what. */
import type { EventDraft } from '../base/event.ts'
import { ASSETS_MAX, type AssetSeen, ROLES_MAX } from './asset-watch.ts'

export type { AssetSeen } from './asset-watch.ts'

const NAMES_MAX = 8
const NAME_CHARACTERS_MAX = 255

export interface Asset {
  address: string
  mac: string | undefined
  /** Microseconds since 1970. */
  firstUs: number
  lastUs: number
  /** The first is the one to show. `source` is where it is from: dns, dhcp, … */
  names: { name: string; source: string }[]
  /** `TCP/502`. */
  serves: string[]
  calls: string[]
}

export type AssetChange = 'new' | 'service' | 'name' | 'mac' | 'mac-changed'

export class Assets {
  readonly #byAddress = new Map<string, Asset>()
  readonly #max: number
  /** Devices that did not fit. */
  refused = 0

  constructor(assetsMax: number = ASSETS_MAX) {
    this.#max = assetsMax
  }

  list(): Asset[] {
    return [...this.#byAddress.values()]
  }

  get(address: string): Asset | undefined {
    return this.#byAddress.get(address)
  }

  /** Puts an asset back as it was listed before a restart: it is not new, and nothing is said. */
  restore(asset: Asset): void {
    if (this.#byAddress.size < this.#max) this.#byAddress.set(asset.address, asset)
  }

  /** Takes in one sighting; what is worth a row comes back. */
  see(seen: AssetSeen): EventDraft[] {
    const drafts: EventDraft[] = []
    let asset = this.#byAddress.get(seen.address)
    if (!asset) {
      if (this.#byAddress.size >= this.#max) {
        this.refused++
        return drafts
      }
      asset = blank(seen)
      this.#byAddress.set(seen.address, asset)
      drafts.push(draft(asset, 'new', seen.timeUs, seen.address))
    }
    if (seen.timeUs > asset.lastUs) asset.lastUs = seen.timeUs
    if (seen.timeUs < asset.firstUs) asset.firstUs = seen.timeUs
    if (seen.mac !== undefined && seen.mac !== asset.mac) {
      const change = asset.mac === undefined ? 'mac' : 'mac-changed'
      asset.mac = seen.mac
      drafts.push(draft(asset, change, seen.timeUs, seen.mac))
    }
    if (seen.calls !== undefined) addOnce(asset.calls, seen.calls)
    if (seen.serves !== undefined && addOnce(asset.serves, seen.serves))
      drafts.push(draft(asset, 'service', seen.timeUs, seen.serves))
    if (seen.name)
      drafts.push(...this.name(seen.address, seen.name.name, seen.name.source, seen.timeUs))
    return drafts
  }

  /** DNS, DHCP or TLS said what a device is called. Only known devices get names. */
  name(address: string, name: string, source: string, timeUs: number): EventDraft[] {
    const asset = this.#byAddress.get(address)
    const text = name.slice(0, NAME_CHARACTERS_MAX)
    if (!asset || asset.names.length >= NAMES_MAX) return []
    if (asset.names.some((known) => known.name === text)) return []
    asset.names.push({ name: text, source })
    return [draft(asset, 'name', timeUs, text)]
  }
}

function blank(seen: AssetSeen): Asset {
  return {
    address: seen.address,
    mac: undefined,
    firstUs: seen.timeUs,
    lastUs: seen.timeUs,
    names: [],
    serves: [],
    calls: [],
  }
}

function draft(asset: Asset, change: AssetChange, timeUs: number, what: string): EventDraft {
  return {
    kind: 'asset',
    event_time: timeUs,
    host: asset.names[0]?.name ?? asset.address,
    src_ip: asset.address,
    action: change,
    message: sentence(asset.address, change, what),
    record: { asset: { change, what, ...copyOf(asset) } },
  }
}

/** The record is written later than the asset goes on changing. */
function copyOf(asset: Asset): Asset {
  const { names, serves, calls } = asset
  return {
    ...asset,
    names: names.map((each) => ({ ...each })),
    serves: [...serves],
    calls: [...calls],
  }
}

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
