/**
 * Cells for questions. Free SQL gets a fresh one, used once, out of two that wait without keys. Fixed
 * questions may share a keyed one per scope (D14): its process may read the scope's tier folders, its
 * engine is made anew when the lake's generation moved on (14 ms against 200 for a process).
 */
import type { Branch } from '../lake/cell.ts'
import { Serial } from '../lake/serial.ts'
import { CellClient } from './cell-client.ts'

const WAITING = 2
const WARM_MAX = 4
const WARM_IDLE_MS = 60_000

interface Warm {
  cell: Promise<CellClient>
  serial: Serial
  /** What the engine in it was opened for. */
  snapshot: string
  timer: NodeJS.Timeout | undefined
  tenant_uids: readonly string[]
}

export interface WarmRequest {
  /** Scope, keys and rights: whatever must not be shared across. */
  key: string
  tenant_uids: readonly string[]
  folders: string[]
  /** Generations and epochs of what `branches` holds. */
  snapshot: string
  branches: Branch[]
}

export class CellPool {
  readonly #waiting: Promise<CellClient>[] = []
  readonly #warm = new Map<string, Warm>()
  #closed = false

  /** A keyless cell that nobody used before; the caller kills it. */
  async fresh(): Promise<CellClient> {
    for (;;) {
      const cell = await (this.#waiting.shift() ?? CellClient.start())
      if (cell.isGone) continue
      this.prepare()
      return cell
    }
  }

  /** Starts cells that will be wanted. */
  prepare(): void {
    while (!this.#closed && this.#waiting.length < WAITING) {
      const cell = CellClient.start()
      cell.catch(() => {}) // the one who takes it sees the failure
      this.#waiting.push(cell)
    }
  }

  /** Uses the warm cell of this scope, opened at this snapshot; one use at a time. */
  async warm<T>(request: WarmRequest, use: (cell: CellClient) => Promise<T>): Promise<T> {
    const warm = this.#warm.get(request.key) ?? this.#makeWarm(request)
    clearTimeout(warm.timer)
    try {
      return await warm.serial.run(async () => {
        const cell = await warm.cell
        if (warm.snapshot !== request.snapshot) {
          warm.snapshot = '' // unknown until it has opened
          await cell.open(request.branches)
          warm.snapshot = request.snapshot
        }
        return use(cell)
      })
    } finally {
      const isGone = await warm.cell.then((cell) => cell.isGone).catch(() => true)
      if (isGone) this.#drop(request.key)
      else {
        clearTimeout(warm.timer)
        warm.timer = setTimeout(() => this.#drop(request.key), WARM_IDLE_MS).unref()
      }
    }
  }

  /** Of the cells that wait with keys. */
  keys(): string[] {
    return [...this.#warm.keys()]
  }

  /** Kills every cell that holds a key of this tenant: before a revocation or shred is answered. */
  forget(tenant_uid: string): void {
    for (const [key, { tenant_uids }] of this.#warm)
      if (tenant_uids.includes(tenant_uid)) this.#drop(key)
  }

  close(): void {
    this.#closed = true
    for (const key of [...this.#warm.keys()]) this.#drop(key)
    for (const cell of this.#waiting.splice(0)) cell.then((each) => each.kill()).catch(() => {})
  }

  #makeWarm({ key, folders, tenant_uids }: WarmRequest): Warm {
    const [oldest] = this.#warm.keys()
    if (this.#warm.size >= WARM_MAX && oldest !== undefined) this.#drop(oldest)
    const cell = this.fresh().then(async (made) => {
      await made.confine(folders)
      return made
    })
    const warm: Warm = { cell, serial: new Serial(), snapshot: '', timer: undefined, tenant_uids }
    this.#warm.set(key, warm)
    return warm
  }

  #drop(key: string): void {
    const warm = this.#warm.get(key)
    if (!warm) return
    this.#warm.delete(key)
    clearTimeout(warm.timer)
    warm.cell.then((cell) => cell.kill()).catch(() => {})
  }
}
