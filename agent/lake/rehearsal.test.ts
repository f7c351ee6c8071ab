import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { rehearse } from './rehearsal.ts'

const openFiles = () => readdirSync('/proc/self/fd').length
const threads = () => readdirSync('/proc/self/task').length

test('a cell rehearses with opened columns, and no file or thread of it stays', async () => {
  expect(await rehearse()).toBe(true) // what Node and the engine start once is there now
  const [files, tasks] = [openFiles(), threads()]
  expect(await rehearse()).toBe(true)
  expect(openFiles()).toBe(files)
  expect(threads()).toBeLessThanOrEqual(tasks)
})
