/** flock(2) on an open file: held by a living process only, so a lock left by kill -9 is no lock. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import koffi from 'koffi'
import { Failure } from '../base/failure.ts'

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

/** One `program` a data folder, for as long as the returned descriptor is open: the kernel takes it back when its holder dies. */
export function holdAlone(path: string, program: string, data: string): number {
  const file = openSync(path, 'a+', 0o600)
  if (lockFile(file)) {
    ftruncateSync(file)
    writeSync(file, `${process.pid}\n`)
    return file
  }
  const holder = readFileSync(path, 'utf8').trim()
  closeSync(file)
  throw new Failure(
    'conflict',
    `${program} already runs on ${data}, as process ${holder}. Stop it first.`,
    { path },
  )
}
