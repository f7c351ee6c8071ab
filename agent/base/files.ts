/** Writing a file so that a reader sees it whole or not at all, and power loss cannot undo it. */
import fs from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { Failure } from './failure.ts'

/** What is needed of node:fs; a test may stand between. */
export type FileSystem = Pick<
  typeof fs,
  'closeSync' | 'fsyncSync' | 'mkdirSync' | 'openSync' | 'renameSync' | 'rmSync' | 'writeSync'
>

/** Creates or replaces `path`: write aside, fsync, rename, fsync of the folder. Returns when it is on disk. */
export function writeWhole(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o600,
  { openSync, writeSync, fsyncSync, closeSync, rmSync, renameSync }: FileSystem = fs,
): void {
  const part = `${path}.part`
  const file = openSync(part, 'w', mode)
  let isWhole = false
  try {
    if (mode !== 0o600) fs.fchmodSync(file, mode) // whatever the umask
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at, data.length - at)
    fsyncSync(file)
    isWhole = true
  } finally {
    closeSync(file)
    if (!isWhole) rmSync(part, { force: true }) // on a full disk every byte counts
  }
  renameSync(part, path)
  syncFolder(dirname(path), { openSync, fsyncSync, closeSync })
}

/**
 * The mode of a file that is read by whom the maker of its folder lets in: on a box a group (`control/box-folders.ts`),
 * elsewhere nobody.
 */
export function sharedMode(folder: string): number {
  const { mode } = fs.statSync(folder)
  return 0o600 | (mode & 0o010 ? 0o040 : 0) | (mode & 0o001 ? 0o004 : 0)
}

/**
 * A file that another process made, to be read. What stands in its place may be a pipe, which would make us wait for a writer,
 * or a link to what that process may not read itself: both are `refused`.
 */
export function openPlain(path: string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  let file: number
  try {
    file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ELOOP', 'ENXIO'].includes(code)) throw notPlain(path) // a link, a socket
    throw error
  }
  if (fs.fstatSync(file).isFile()) return file
  fs.closeSync(file)
  throw notPlain(path)
}

function notPlain(path: string): Failure {
  return new Failure('refused', `${basename(path)} is no plain file.`, { path })
}

/**
 * Makes `inside` below `root`, each folder for whom the one above it is; on disk with every folder between, also where a
 * killed process made them.
 */
export function makeFolder(root: string, inside: string, system: FileSystem = fs): void {
  let at = root
  for (const name of inside.split(sep)) {
    const above = at
    at = join(at, name)
    makeLike(above, at, system)
    syncFolder(above, system)
  }
}

function makeLike(above: string, folder: string, { mkdirSync }: FileSystem): void {
  const mode = 0o700 | ((fs.statSync(above, { throwIfNoEntry: false })?.mode ?? 0) & 0o070)
  // Not chmod afterwards: that would take away the bit by which the group goes on, and a box forbids to set it.
  const before = mode === 0o700 ? undefined : process.umask(0o007)
  try {
    mkdirSync(folder, { recursive: true, mode })
  } finally {
    if (before !== undefined) process.umask(before)
  }
}

/** Makes names in `folder` durable: a rename is only on disk once its folder is. */
export function syncFolder(
  folder: string,
  { openSync, fsyncSync, closeSync }: Pick<FileSystem, 'openSync' | 'fsyncSync' | 'closeSync'> = fs,
): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
