/**
 * A piece of memory that the engine reads as a file: no name anywhere, of a size that is sealed before a key is known, open to this
 * process alone (a process that hid itself gives its descriptors to nobody) and gone with it. Pages exist once they are written.
 */
import { closeSync, ftruncateSync, writeSync } from 'node:fs'
import koffi from 'koffi'

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const SEALED_SIZE = 1 | 2 | 4 // no more seals, no shrinking, no growing

export interface ClearMemory {
  fd: number
  /** What the engine opens. */
  path: string
  bytes: number
}

/** Nothing where this kernel has no such memory. Before `confine`: it takes the call away. */
export function takeMemory(bytes: number): ClearMemory | undefined {
  const libc = koffi.load('libc.so.6')
  const create = libc.func('int memfd_create(const char *name, uint flags)')
  const fcntl = libc.func('int fcntl(int fd, int command, int argument)')
  const fd = Number(create('cell', MFD_CLOEXEC | MFD_ALLOW_SEALING))
  if (fd < 0) return undefined
  ftruncateSync(fd, bytes)
  if (fcntl(fd, F_ADD_SEALS, SEALED_SIZE) !== 0) {
    closeSync(fd)
    return undefined
  }
  return { fd, path: `/proc/self/fd/${fd}`, bytes }
}

export function writeMemory({ fd, bytes }: ClearMemory, piece: Buffer, at: number): void {
  if (at < 0 || at + piece.length > bytes) throw new Error('the memory is full')
  for (let done = 0; done < piece.length; )
    done += writeSync(fd, piece, done, piece.length - done, at + done)
}
