/** What a box says before its console runs, in rows of 80. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { COLUMNS } from '../agent/control/console-rows.ts'

test('each sentence of a start fits its row, with who says it and a name in it', () => {
  const scripts = globSync('{initrd/*.sh,overlay/usr/lib/picket/*}', { cwd: import.meta.dirname })
  const said = scripts.flatMap((name) => {
    const text = readFileSync(join(import.meta.dirname, name), 'utf8')
    return [...text.matchAll(/\b(?:say|ask) "([^"]+)"/g)].map(([, sentence = '']) => `picket: ${sentence}`) // biome-ignore format: one line
  })
  expect(said.length).toBeGreaterThan(4)
  expect(said.filter((line) => line.length > COLUMNS)).toEqual([])
})
