/** Writing a file so that a reader sees it whole or not at all, and power loss cannot undo it. */
import fs from 'node:fs'
import { dirname, join, sep } from 'node:path'

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
