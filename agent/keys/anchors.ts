/**
 * The last generation of each tenant's lake catalog that is known to be on disk (D12). A catalog cannot
 * prove by itself that it is the newest: a file written after it looks like what a killed writer left.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { type Disk, realDisk } from '../base/disk.ts'
import { Failure } from '../base/failure.ts'

const AnchorFile = v.strictObject({
  generation: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Hash of the signed head of that generation. */
  head: v.string(),
})
export type Anchor = v.InferOutput<typeof AnchorFile>

const NONE: Anchor = { generation: 0, head: '' }

export class Anchors {
  readonly #folder: string
  readonly #disk: Disk
  #isMade = false

  constructor(folder: string, disk: Disk = realDisk) {
    this.#folder = folder
    this.#disk = disk
  }

  /** On disk when it returns. Refuses an older generation, and another head of the same one. */
  raise(uid: string, anchor: Anchor): void {
    const last = this.of(uid)
    const { generation, head } = anchor
    if (generation === last.generation && head === last.head) return
    if (generation <= last.generation)
      throw new Failure(
        'refused',
        `The catalog is of generation ${generation}; the last one committed was generation ${last.generation}, with another head.`,
      )
    if (!this.#isMade) this.#disk.makeFolder(dirname(this.#folder), basename(this.#folder))
    this.#isMade = true
    this.#disk.writeWhole(this.#path(uid), JSON.stringify(anchor))
  }

  of(uid: string): Anchor {
    const path = this.#path(uid)
    try {
      return v.parse(AnchorFile, JSON.parse(readFileSync(path, 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE
      throw new Failure('internal', `The catalog anchor ${path} cannot be read.`, { path }, error)
    }
  }

  #path(uid: string): string {
    return join(this.#folder, `${uid}.json`)
  }
}
