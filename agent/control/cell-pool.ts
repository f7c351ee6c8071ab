/**
 * Cells for questions. Free SQL gets a fresh one, used once, out of two that wait without keys. Fixed
 * questions may share a keyed one per scope and rights (D14): its process may read the scope's tier folders, its
 * engine is made anew when the lake's generation moved on (14 ms against 200 for a process). What it opened of
 * files that are still there it keeps. It ends with the last session that used it, or when nobody asks for a minute.
 */
import type { Branch } from '../lake/cell.ts'
import { Serial } from '../lake/serial.ts'
import type { Walls } from '../lake/walls.ts'
import { CellClient } from './cell-client.ts'

const WAITING = 2
export const WARM_MAX = 4
const WARM_IDLE_MS = 60_000

interface Warm {
  cell: Promise<CellClient>
  serial: Serial
  /** What the engine in it was opened for. */
  snapshot: string
  timer: NodeJS.Timeout | undefined
  tenant_uids: readonly string[]
  sessions: Set<string>
  /** Questions that it answers or that wait for it. */
  asked: number
}

export interface WarmRequest {
  /** Scope and rights: whatever must not be shared across. */
  key: string
  session: string
  tenant_uids: readonly string[]
  folders: string[]
  /** Generations and epochs of what `branches` holds. */
  snapshot: string
  branches: Branch[]
}

export class CellPool {
  readonly #waiting: Promise<CellClient>[] = []
  readonly #warm = new Map<string, Warm>()
  readonly #walls: Walls | undefined
  #closed = false

  constructor(walls?: Walls) {
    this.#walls = walls
  }

  /** A keyless cell that nobody used before; the caller kills it. */
  async fresh(): Promise<CellClient> {
    for (;;) {
      // One that did not start, on a machine that is too busy, is not the failure of whoever comes next.
      const cell = await (this.#waiting.shift()?.catch(() => undefined) ?? this.#start())
      if (!cell || cell.isGone) continue
      this.prepare()
      return cell
    }
  }

  /** Starts cells that will be wanted. */
  prepare(): void {
    while (!this.#closed && this.#waiting.length < WAITING) {
      const cell = this.#start()
      cell.catch(() => {}) // the one who takes it sees the failure
      this.#waiting.push(cell)
    }
  }

  /** Uses the warm cell of this scope, opened at this snapshot; one use at a time. A fresh one when all others are in use. */
  async warm<T>(request: WarmRequest, use: (cell: CellClient) => Promise<T>): Promise<T> {
    const warm = this.#warm.get(request.key) ?? this.#makeWarm(request)
    if (!warm) return this.#once(request, use)
    clearTimeout(warm.timer)
    this.#warm.delete(request.key)
    this.#warm.set(request.key, warm) // the last to go
    warm.sessions.add(request.session)
    warm.asked++
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
      warm.asked--
      const isGone = await warm.cell.then((cell) => cell.isGone).catch(() => true)
      const isOurs = this.#warm.get(request.key) === warm
      if (isGone && isOurs) this.#drop(request.key)
      else if (isOurs && warm.asked === 0) {
        clearTimeout(warm.timer)
        warm.timer = setTimeout(() => this.#drop(request.key), WARM_IDLE_MS).unref()
      }
    }
  }

  #start(): Promise<CellClient> {
    return CellClient.start(undefined, this.#walls)
  }

  async #once<T>(request: WarmRequest, use: (cell: CellClient) => Promise<T>): Promise<T> {
    const cell = await this.fresh()
    try {
      await cell.confine(request.folders)
      await cell.open(request.branches)
      return await use(cell)
    } finally {
      cell.kill()
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

  /** A session ended: cells that no other session used end with it. */
  leave(session: string): void {
    for (const [key, { sessions }] of this.#warm)
      if (sessions.delete(session) && sessions.size === 0) this.#drop(key)
  }

  /** Processes that hold keys. */
  get warmPids(): Promise<number[]> {
    return Promise.all([...this.#warm.values()].map(async ({ cell }) => (await cell).pid))
  }

  close(): void {
    this.#closed = true
    for (const key of [...this.#warm.keys()]) this.#drop(key)
    for (const cell of this.#waiting.splice(0)) cell.then((each) => each.kill()).catch(() => {})
  }

  #makeWarm({ key, folders, tenant_uids }: WarmRequest): Warm | undefined {
    if (this.#warm.size >= WARM_MAX) {
      const [idle] = [...this.#warm].find(([, { asked }]) => asked === 0) ?? []
      if (idle === undefined) return undefined
      this.#drop(idle)
    }
    const cell = this.fresh().then(async (made) => {
      await made.confine(folders)
      return made
    })
    const warm: Warm = {
      ...{ cell, serial: new Serial(), snapshot: '', timer: undefined, tenant_uids },
      ...{ sessions: new Set<string>(), asked: 0 },
    }
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
