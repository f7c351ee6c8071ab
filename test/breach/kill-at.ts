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
const CHANGES_PROMISED = ['open', 'rename', 'rm'] as const
const CHANGES_OF_A_FILE = ['write', 'writeFile', 'sync', 'datasync'] as const

type Functions = Record<string, (...args: unknown[]) => unknown>

/** What comes back counts a step of another kind: a call that a commit stands beside. */
export function killAt(n: number): () => void {
  let count = 0
  const step = () => {
    if (++count === n) process.kill(process.pid, 'SIGKILL')
  }
  const wrap = (
    functions: Functions,
    names: readonly string[],
    after = (made: unknown) => made,
  ) => {
    for (const name of names) {
      const real = (functions[name] as Functions[string]).bind(functions)
      functions[name] = (...args) => {
        step()
        return after(real(...args))
      }
    }
  }
  wrap(fs as unknown as Functions, CHANGES)
  wrap(fs.promises as unknown as Functions, CHANGES_PROMISED, async (made) => {
    const file = (await (made as Promise<unknown>)) as Functions | undefined
    if (file) wrap(file, CHANGES_OF_A_FILE)
    return file
  })
  syncBuiltinESMExports() // imports bind live: every module sees the change
  return step
}
