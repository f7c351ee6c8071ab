/**
 * A private folder in memory for plaintext on its way into an encrypted file. Plaintext never
 * touches the data partition; what a killed process left is removed at the next start.
 */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../base/failure.ts'

const TMPFS = 0x01021994
const RAMFS = 0x858458f6

/** Makes and empties the folder of this data folder; refuses a place that is not memory. */
export function openScratch(data: string): string {
  const mark = createHash('sha256').update(realpathSync(data)).digest('hex').slice(0, 16)
  for (const base of ['/dev/shm', join(data, 'run', 'tmp')]) {
    if (!isMemory(base)) continue
    const folder = join(base, `picket-${mark}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const stat = lstatSync(folder)
    if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o077) !== 0)
      throw new Failure('refused', `${folder} is not ours alone: remove it.`, { folder })
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
    return folder
  }
  throw new Failure('unavailable', 'The lake needs a tmpfs: /dev/shm, or one mounted at run/tmp in the data folder.') // biome-ignore format: one line
}

function isMemory(path: string): boolean {
  try {
    const { type } = statfsSync(path)
    return type === TMPFS || type === RAMFS
  } catch {
    return false
  }
}
