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

/** Makes `inside` below `root`; on disk with every folder between, also where a killed process made them. */
export function makeFolder(root: string, inside: string, system: FileSystem = fs): void {
  let at = root
  for (const name of inside.split(sep)) {
    const above = at
    at = join(at, name)
    system.mkdirSync(at, { recursive: true, mode: 0o700 })
    syncFolder(above, system)
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
