/**
 * Is this file the one the catalog signed (D11)? The whole hash at the first look after a start, after
 * that device, inode, size and change time. Looked at before a cell opens it and after it answered:
 * a file exchanged in between has another inode or change time.
 */
import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { Failure } from '../base/failure.ts'

const KNOWN_MAX = 100_000

export interface SignedFile {
  path: string
  bytes: number
  sha256: string
}

export class FileCheck {
  readonly #known = new Map<string, { mark: string; sha256: string }>()
  /** How often a whole file was hashed. */
  hashed = 0

  /** Of the files whose hash is known. */
  keys(): string[] {
    return [...this.#known.keys()]
  }

  /** A mark of the object that was checked; a Failure names the file when it is not the right one. */
  async before(file: SignedFile): Promise<string> {
    const handle = await openPlain(file.path)
    try {
      const stat = await handle.stat({ bigint: true })
      if (!stat.isFile()) throw wrong(file.path)
      const mark = markOf(stat)
      const known = this.#known.get(file.path)
      if (known?.mark === mark && known.sha256 === file.sha256) return mark
      const sha256 = await hashOf(handle)
      this.hashed++
      if (sha256 !== file.sha256) throw wrong(file.path)
      // What was hashed must be what was marked: written to meanwhile, it has another mark.
      if (markOf(await handle.stat({ bigint: true })) !== mark) throw wrong(file.path)
      if (this.#known.size >= KNOWN_MAX) this.#known.clear()
      this.#known.set(file.path, { mark, sha256 })
      return mark
    } finally {
      await handle.close()
    }
  }

  async after(file: SignedFile, mark: string): Promise<void> {
    const stat = await lstat(file.path, { bigint: true }).catch(() => undefined)
    if (!stat || markOf(stat) !== mark) throw wrong(file.path)
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  try {
    // A pipe in its place must not make us wait for a writer.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw new Failure('not-found', `The lake file ${path} is missing.`, { file: path }, error)
    if (code === 'ELOOP') throw wrong(path)
    throw new Failure('unavailable', `The lake file ${path} cannot be read.`, { file: path }, error)
  }
}

async function hashOf(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(1 << 20)
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}

function markOf({ dev, ino, size, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${ctimeNs}`
}

function wrong(path: string): Failure {
  return new Failure(
    'refused',
    `The lake file ${path} is not the one the catalog signed: it was changed or swapped.`,
    { file: path },
  )
}
