/** Writing a file so that a reader sees it whole or not at all, and power loss cannot undo it. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Creates or replaces `path`: write aside, fsync, rename, fsync of the folder. Returns when it is on disk. */
export function writeWhole(path: string, bytes: Uint8Array | string, mode = 0o600): void {
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
  syncFolder(dirname(path))
}

/** Makes names in `folder` durable: a rename is only on disk once its folder is. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
