import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openEngine } from './engine.ts'
import { rehearse } from './rehearsal.ts'

const openFiles = () => readdirSync('/proc/self/fd').length
const threads = () => readdirSync('/proc/self/task').length

test('a cell rehearses with opened columns, and no file or thread of it stays', async () => {
  const engine = await openEngine({ memoryMiB: 64 })
  try {
    expect(await rehearse(engine)).toBe(true) // what Node and the engine start once is there now
    const [files, tasks] = [openFiles(), threads()]
    expect(await rehearse(engine)).toBe(true)
    expect(openFiles()).toBe(files)
    expect(threads()).toBeLessThanOrEqual(tasks)
  } finally {
    engine.closeSync()
  }
})
