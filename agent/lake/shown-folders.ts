/**
 * Our folders as a confined process of another user sees them: each a mount of its own, read-only, without a name, in which our
 * id is that user's (an idmapped mount). Handed over as a descriptor, past every folder above it. Only that process has it; the
 * files themselves do not change.
 */
import { closeSync } from 'node:fs'
import { dirname } from 'node:path'
import koffi from 'koffi'

// The same numbers on every architecture.
const OPEN_TREE = 428
const MOUNT_SETATTR = 442
const AT_FDCWD = -100
const AT_EMPTY_PATH = 0x1000
const OPEN_TREE_CLONE = 1
const OPEN_TREE_CLOEXEC = 0o2_000_000
const RDONLY_NOSUID_NODEV_NOEXEC = 1 | 2 | 4 | 8
const IDMAP = 0x10_0000

const libc = koffi.load('libc.so.6')
const openTree = libc.func('long syscall(long nr, int from, const char *path, uint flags)')
const setAttributes = libc.func(
  'long syscall(long nr, int mount, const char *path, uint flags, const void *attributes, size_t size)',
)

/** The folder as the user of `mapping` sees it; the descriptor is the mount. */
export function mountFor(folder: string, mapping: number): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
  const mount = Number(openTree(OPEN_TREE, AT_FDCWD, folder, flags))
  if (mount < 0) throw new Error(`a folder could not be shown (errno ${koffi.errno()})`)
  const attributes = Buffer.alloc(32) // set, clear, propagation, user namespace
  attributes.writeBigUInt64LE(BigInt(RDONLY_NOSUID_NODEV_NOEXEC | IDMAP), 0)
  attributes.writeBigUInt64LE(BigInt(mapping), 24)
  const failed = setAttributes(MOUNT_SETATTR, mount, '', AT_EMPTY_PATH, attributes, 32)
  if (Number(failed) === 0) return mount
  const errno = koffi.errno()
  closeSync(mount)
  throw new Error(`this file system shows its files to no other user (errno ${errno})`)
}

/** The folders that hold these files, or are named with `/` at their end. */
export function foldersOf(readable: readonly string[]): string[] {
  return [...new Set(readable.map((path) => (path.endsWith('/') ? path.slice(0, -1) : dirname(path))))] // biome-ignore format: one line
}

/** In the child: where what was shown is found. Without mounts everything is where it was. */
export class ShownFolders {
  readonly #at: ReadonlyMap<string, string>

  /** `mounts` belong to `folders` one by one, and stay open as long as this process. */
  constructor(folders: readonly string[] = [], mounts: readonly number[] = []) {
    this.#at = new Map(folders.map((folder, i) => [folder, `/proc/self/fd/${mounts[i]}`]))
  }

  at(path: string): string {
    const [folder = ''] = foldersOf([path])
    const shown = this.#at.get(folder)
    return shown === undefined ? path : shown + path.slice(folder.length)
  }
}
