/** A claim code from the keyboard or a pipe, so that no list of processes shows it. */
import { createInterface } from 'node:readline'
import { Failure } from '../../base/failure.ts'

const CODE_CHARS_MAX = 64

/** The code itself, or, for `-`, the first line of standard input. */
export async function readCode(given: string): Promise<string> {
  if (given !== '-') return given
  if (process.stdin.isTTY) process.stderr.write('Code: ')
  const lines = createInterface({ input: process.stdin, terminal: false })
  try {
    for await (const line of lines) return line.trim().slice(0, CODE_CHARS_MAX)
  } finally {
    lines.close()
    process.stdin.destroy()
  }
  throw new Failure('invalid', 'No code was given on standard input.')
}
