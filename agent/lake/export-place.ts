/** Where rows may go as plain text: never among the encrypted ones, never over a file that is there. */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { Failure } from '../base/failure.ts'

/** An absolute path to a file that is not there yet, outside the data folder: no plaintext goes there. */
export function exportPlace(path: string, data: string): string {
  if (!isAbsolute(path)) throw new Failure('invalid', 'An export needs an absolute path.')
  const folder = dirname(resolve(path))
  if (!existsSync(folder)) throw new Failure('not-found', `The folder ${folder} does not exist.`)
  const target = join(realpathSync(folder), basename(path))
  if (`${target}/`.startsWith(`${realpathSync(data)}/`))
    throw new Failure('refused', 'An export must not go into the data folder: it is plain text.')
  if (existsSync(target)) throw new Failure('conflict', `${target} exists already.`)
  return target
}
