/**
 * OT controllers the agent has seen answering, kept on disk so that the guard knows them before the agent does
 * after a restart. Bounded; when full, one not reported for a month makes room, else the new one is dropped
 * and counted: a flood of pretended controllers must not push the real ones out.
 */
import { readFileSync } from 'node:fs'
import { addressText, parseAddress } from '../base/address.ts'
import { writeWhole } from '../base/files.ts'

const CONTROLLERS_MAX = 4096
const STALE_US = 30 * 24 * 3600 * 1e6

interface Seen {
  tenant_uid: string
  address: string
  /** Microseconds since 1970. */
  lastReport: number
}

export class Controllers {
  readonly #path: string
  readonly #seen = new Map<string, Seen>()
  /** Reported while the list was full. */
  dropped = 0

  constructor(path: string) {
    this.#path = path
    try {
      const rows = JSON.parse(readFileSync(path, 'utf8')) as Seen[]
      for (const row of rows) this.#seen.set(key(row), row)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError))
        throw error
    }
  }

  /** Of one tenant, or of the whole box. */
  of(tenant_uid: string | undefined): string[] {
    return [...this.#seen.values()]
      .filter((seen) => tenant_uid === undefined || seen.tenant_uid === tenant_uid)
      .map((seen) => seen.address)
  }

  /** Adds to the list; writes it only when there is somebody new. */
  report(tenant_uid: string, addresses: readonly string[], nowUs: number): void {
    let news = false
    for (const text of addresses) {
      const words = parseAddress(text)
      if (!words) continue
      const seen = { tenant_uid, address: addressText(words), lastReport: nowUs }
      const known = this.#seen.has(key(seen))
      if (!known && this.#seen.size >= CONTROLLERS_MAX && !this.#makeRoom(nowUs)) {
        this.dropped++
        continue
      }
      news ||= !known
      this.#seen.set(key(seen), seen)
    }
    if (news) writeWhole(this.#path, JSON.stringify([...this.#seen.values()]))
  }

  #makeRoom(nowUs: number): boolean {
    for (const [name, seen] of this.#seen)
      if (seen.lastReport < nowUs - STALE_US) return this.#seen.delete(name)
    return false
  }
}

function key(seen: Pick<Seen, 'tenant_uid' | 'address'>): string {
  return `${seen.tenant_uid} ${seen.address}`
}
