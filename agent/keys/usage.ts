/**
 * How much each parquet key has encrypted (D6). Random 96-bit nonces stay safe far beyond 2^28 uses; that
 * holds only if the count survives a crash, so it is on disk before the modules it stands for are written.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import { writeWhole } from '../base/files.ts'

export const MODULES_MAX = 2 ** 28
export const BYTES_MAX = 4 * 2 ** 40

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const UsageFile = v.strictObject({ modules: Count, bytes: Count })
export type Used = v.InferOutput<typeof UsageFile>

export class Usage {
  readonly #folder: string
  readonly #known = new Map<string, Used>()

  constructor(folder: string) {
    this.#folder = folder
  }

  of(uid: string, epoch: number): Used {
    const path = this.#path(uid, epoch)
    const used = this.#known.get(path) ?? read(path)
    this.#known.set(path, used)
    return used
  }

  isUsedUp(uid: string, epoch: number): boolean {
    const { modules, bytes } = this.of(uid, epoch)
    return modules >= MODULES_MAX || bytes >= BYTES_MAX
  }

  /** Counts ahead, on disk when it returns. False when the key has no room for that much. */
  reserve(uid: string, epoch: number, { count, bytes }: { count: number; bytes: number }): boolean {
    const before = this.of(uid, epoch)
    const used = { modules: before.modules + count, bytes: before.bytes + bytes }
    const fits = used.modules <= MODULES_MAX && used.bytes <= BYTES_MAX
    // What does not fit closes the key: the next writer gets a new epoch rather than a smaller piece.
    const kept = fits ? used : { modules: MODULES_MAX, bytes: before.bytes }
    const path = this.#path(uid, epoch)
    mkdirSync(join(this.#folder, uid), { recursive: true, mode: 0o700 })
    writeWhole(path, JSON.stringify(kept))
    this.#known.set(path, kept)
    return fits
  }

  #path(uid: string, epoch: number): string {
    return join(this.#folder, uid, `${epoch}.json`)
  }
}

function read(path: string): Used {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { modules: 0, bytes: 0 }
    throw new Failure('internal', `The key counter ${path} cannot be read.`, { path }, error)
  }
  try {
    return v.parse(UsageFile, JSON.parse(text))
  } catch {
    return { modules: MODULES_MAX, bytes: 0 } // unreadable: take no chance with this key again
  }
}
