/** Space that only the audit trail may use: a file of real blocks, given up when the disk is full. */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { syncFolder } from '../base/files.ts'

/** About 20,000 lines: hours of people working, until somebody reads that the disk is full. */
export const RESERVE_BYTES = 8 << 20

export class Reserve {
  readonly #path: string

  constructor(folder: string) {
    this.#path = join(folder, 'reserve')
    if (!existsSync(this.#path)) this.#make()
  }

  /** Frees the space; false when it was given up before. */
  release(): boolean {
    if (!existsSync(this.#path)) return false
    rmSync(this.#path)
    return true
  }

  #make(): void {
    const file = openSync(this.#path, 'wx', 0o600)
    let whole = false
    try {
      const block = Buffer.alloc(1 << 20, 0xa5) // not zeros: some file systems keep no blocks for those
      for (let at = 0; at < RESERVE_BYTES; at += block.length) writeSync(file, block)
      fsyncSync(file)
      whole = true
    } catch {
      // No room for it now; the next start tries again.
    } finally {
      closeSync(file)
    }
    if (!whole) rmSync(this.#path, { force: true })
    syncFolder(join(this.#path, '..'))
  }
}
