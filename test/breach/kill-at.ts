/** Kills this process (SIGKILL) just before its n-th change of the file system: the test of crash safety. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const CHANGES = [
  'openSync',
  'writeSync',
  'fsyncSync',
  'fdatasyncSync',
  'renameSync',
  'mkdirSync',
  'rmSync',
  'ftruncateSync',
] as const

export function killAt(n: number): void {
  let count = 0
  const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of CHANGES) {
    const real = functions[name] as (...args: unknown[]) => unknown
    functions[name] = (...args) => {
      if (++count === n) process.kill(process.pid, 'SIGKILL')
      return real(...args)
    }
  }
  syncBuiltinESMExports() // imports bind live: every module sees the change
}
