/**
 * What each receiver has acknowledged, and the number of the outbox's epoch: one small file beside the
 * outbox, whole and fsynced at each change. It only ever grows, so an old or a repeated ack does nothing, and one
 * that a full disk did not take costs a summary that is sent twice.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { writeWhole } from '../base/files.ts'
import { EPOCHS_MAX, RANGES_MAX } from './limits.ts'
import { Ranges } from './ranges.ts'

const UPLINKS_MAX = 64
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Saved = v.strictObject({
  version: v.literal(1),
  epoch: Count,
  uplinks: v.pipe(
    v.array(
      v.strictObject({
        uplink_id: v.pipe(v.string(), v.maxLength(64)),
        from_epoch: Count,
        acked: v.array(v.strictObject({ epoch: Count, ranges: v.array(v.tuple([Count, Count])) })),
      }),
    ),
    v.maxLength(UPLINKS_MAX),
  ),
})

interface Cursor {
  /** The receiver gets nothing of the epochs before it joined. */
  fromEpoch: number
  acked: Map<number, Ranges>
}

export class Cursors {
  readonly #path: string
  readonly #uplinks = new Map<string, Cursor>()
  /** 0 where nothing is known: the file is new, lost or unreadable. */
  epoch = 0
  /** Why what was acknowledged last is not on disk. */
  fault: string | null = null
  /** The file was there and could not be understood. */
  readonly damaged: boolean

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.damaged = !this.#load()
  }

  #load(): boolean {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
      throw error
    }
    const saved = v.safeParse(v.pipe(v.string(), v.parseJson(), Saved), text)
    if (!saved.success) return false
    this.epoch = saved.output.epoch
    for (const { uplink_id, from_epoch, acked } of saved.output.uplinks)
      this.#uplinks.set(uplink_id, {
        fromEpoch: from_epoch,
        acked: new Map(acked.map(({ epoch, ranges }) => [epoch, new Ranges(ranges)])),
      })
    return true
  }

  has(uplink_id: string): boolean {
    return this.#uplinks.has(uplink_id)
  }

  /** The uplinks there are now; one that is new begins with `epoch`. Those that are gone are forgotten. */
  keep(uplink_ids: readonly string[], epoch: number): void {
    let changed = false
    for (const uplink_id of this.#uplinks.keys())
      if (!uplink_ids.includes(uplink_id)) changed = this.#uplinks.delete(uplink_id)
    for (const uplink_id of uplink_ids.slice(0, UPLINKS_MAX))
      if (!this.#uplinks.has(uplink_id)) {
        this.#uplinks.set(uplink_id, { fromEpoch: epoch, acked: new Map() })
        changed = true
      }
    if (changed) this.#save()
  }

  setEpoch(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.#save()
  }

  acked(uplink_id: string, epoch: number, sequence: number): boolean {
    const cursor = this.#uplinks.get(uplink_id)
    if (!cursor || epoch < cursor.fromEpoch) return true // not for this receiver
    return cursor.acked.get(epoch)?.has(sequence) ?? false
  }

  wholeUpTo(uplink_id: string, epoch: number): number {
    return this.#uplinks.get(uplink_id)?.acked.get(epoch)?.whole ?? 0
  }

  /** Everybody has it: it may be forgotten. */
  ackedByAll(epoch: number, sequence: number): boolean {
    if (this.#uplinks.size === 0) return false
    for (const uplink_id of this.#uplinks.keys())
      if (!this.acked(uplink_id, epoch, sequence)) return false
    return true
  }

  /** Returns whether it said something new. If the disk does not take it now, the next one is saved with it. */
  apply(uplink_id: string, epoch: number, ranges: readonly (readonly [number, number])[]): boolean {
    const cursor = this.#uplinks.get(uplink_id)
    if (!cursor) return false
    const known = cursor.acked.get(epoch) ?? new Ranges()
    const before = JSON.stringify(known.list())
    for (const [first, last] of ranges)
      if (first >= 1 && last >= first && known.islands < RANGES_MAX) known.addRange(first, last)
    if (JSON.stringify(known.list()) === before) return false
    cursor.acked.set(epoch, known)
    while (cursor.acked.size > EPOCHS_MAX) cursor.acked.delete(Math.min(...cursor.acked.keys()))
    try {
      this.#save()
    } catch (error) {
      this.fault = (error as Error).message
    }
    return true
  }

  #save(): void {
    const uplinks = [...this.#uplinks].map(([uplink_id, { fromEpoch, acked }]) => ({
      uplink_id,
      from_epoch: fromEpoch,
      acked: [...acked].map(([epoch, ranges]) => ({ epoch, ranges: ranges.list() })),
    }))
    writeWhole(this.#path, JSON.stringify({ version: 1, epoch: this.epoch, uplinks }))
    this.fault = null
  }
}
