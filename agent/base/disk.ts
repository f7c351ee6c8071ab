/**
 * Each change of the file system that a promise of durability rests on: the journal, the lake's files, anchors. One
 * face, so that a test can take the power away between any two of them. Reading needs no face.
 */
import { accessSync, constants, statfsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder, sharedMode, writeWhole } from './files.ts'

export interface DiskFile {
  /** For a lock; nothing is written by it. */
  readonly fd: number
  /** All of `bytes`, at `position`; on disk only after `sync`. */
  write(bytes: Buffer, position: number): Promise<void>
  /** What was written is on disk, its length too. Its name is not: see `syncFolder`. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /** A new empty file; `exclusive` refuses where one of that name is. */
  create(path: string, exclusive?: boolean): Promise<DiskFile>
  rename(from: string, to: string): Promise<void>
  /** Nothing where it is gone already. */
  remove(path: string): Promise<void>
  /** Names in the folder are on disk: until then a rename or a new file may be undone by a power loss. */
  syncFolder(folder: string): Promise<void>
  /** `inside` below `root` and every folder between, on disk. */
  makeFolder(root: string, inside: string): void
  /** A small file, whole or as it was; on disk when it returns. */
  writeWhole(path: string, bytes: string): void
}

const NEW = constants.O_CREAT | constants.O_WRONLY

export const realDisk: Disk = {
  create: async (path, exclusive = false) => {
    const mode = sharedMode(dirname(path))
    const file = await open(path, NEW | (exclusive ? constants.O_EXCL : constants.O_TRUNC), 0o600)
    if (mode !== 0o600) await file.chmod(mode)
    return {
      fd: file.fd,
      write: async (bytes, position) => {
        for (let at = 0; at < bytes.length; ) {
          const left = bytes.length - at
          const { bytesWritten } = await file.write(bytes, at, left, position + at)
          at += bytesWritten
        }
      },
      sync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (folder) => {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  makeFolder,
  writeWhole: (path, bytes) => writeWhole(path, bytes, sharedMode(dirname(path))),
}

const TROUBLES: readonly [code: RegExp, clause: string][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL)$/, 'the disk is full'],
  [/^(EROFS|SQLITE_READONLY)/, 'the disk can only be read'],
  [/^(EIO|SQLITE_IOERR)/, 'the disk reports errors'],
]
const CAUSES_MAX = 8

/** What the disk did, as a clause for people, where it was the disk. */
export function diskTrouble(error: unknown): string | undefined {
  let at = error
  for (let i = 0; i < CAUSES_MAX && at instanceof Error; i++) {
    const code = String((at as NodeJS.ErrnoException).code)
    const found = TROUBLES.find(([wanted]) => wanted.test(code))
    if (found) return found[1]
    at = at.cause
  }
  return undefined
}

/** The same asked of the folder itself: SQLite says only that it could not open a file. */
export function folderTrouble(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK)
    return statfsSync(folder).bavail === 0 ? 'the disk is full' : undefined
  } catch (error) {
    return diskTrouble(error)
  }
}
