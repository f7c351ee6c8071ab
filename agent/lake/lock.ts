/** flock(2) on an open file: held by a living process only, so a lock left by kill -9 is no lock. */
import koffi from 'koffi'

const LOCK_EX_NB = 2 | 4

let flock: ((fd: number, operation: number) => number) | undefined

/** Takes the whole file for this descriptor; false when another open file description has it. */
export function lockFile(fd: number): boolean {
  flock ??= koffi.load('libc.so.6').func('int flock(int fd, int operation)') as unknown as (
    fd: number,
    operation: number,
  ) => number
  return flock(fd, LOCK_EX_NB) === 0
}
