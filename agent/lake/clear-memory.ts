/**
 * A piece of memory that the engine reads as a file: no name anywhere, of a size that is sealed before a key is known, open to this
 * process alone (a process that hid itself gives its descriptors to nobody) and gone with it. Pages exist once they are written.
 */
import { closeSync, ftruncateSync, writeSync, writevSync } from 'node:fs'
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
  const file = takeMemoryFile()
  if (!file) return undefined
  const fcntl = koffi.load('libc.so.6').func('int fcntl(int fd, int command, int argument)')
  ftruncateSync(file.fd, bytes)
  if (fcntl(file.fd, F_ADD_SEALS, SEALED_SIZE) !== 0) {
    closeSync(file.fd)
    return undefined
  }
  return { ...file, bytes }
}

/** The same before it has a size. */
export function takeMemoryFile(): Omit<ClearMemory, 'bytes'> | undefined {
  const create = koffi.load('libc.so.6').func('int memfd_create(const char *name, uint flags)')
  const fd = Number(create('cell', MFD_CLOEXEC | MFD_ALLOW_SEALING))
  return fd < 0 ? undefined : { fd, path: `/proc/self/fd/${fd}` }
}

export function writeMemory({ fd, bytes }: ClearMemory, piece: Buffer, at: number): void {
  if (at < 0 || at + piece.length > bytes) throw new Error('the memory is full')
  for (let done = 0; done < piece.length; )
    done += writeSync(fd, piece, done, piece.length - done, at + done)
}

/** One after the other, in one call where they are few. */
export function writePieces(memory: ClearMemory, pieces: readonly Buffer[], at: number): void {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  if (bytes === 0) return
  if (pieces.length > PIECES_MAX) writeMemory(memory, Buffer.concat(pieces), at)
  else if (at < 0 || at + bytes > memory.bytes) throw new Error('the memory is full')
  else {
    const done = writevSync(memory.fd, pieces, at)
    if (done !== bytes) writeMemory(memory, Buffer.concat(pieces).subarray(done), at + done)
  }
}
const PIECES_MAX = 1024 // the kernel's bound
