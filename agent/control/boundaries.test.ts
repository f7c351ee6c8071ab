import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { boundaries } from './boundaries.ts'
import { childSocket } from './box-folders.ts'

const folder = mkdtempSync(join(tmpdir(), 'boundaries-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CELLS = ['separate users', 'bounded memory', 'cell without network']
const about = async (data: string) => (await boundaries(data)).filter(({ name }) => CELLS.includes(name)) // biome-ignore format: one line

test('an empty network is real where one can be had, with or without a right to', async () => {
  const canHave = [['--net'], ['--map-root-user', '--net']].some(
    (args) => spawnSync('unshare', [...args, 'true']).status === 0,
  )
  expect((await about(folder))[2]?.real).toBe(canHave)
})

test('where systemd starts the cells it is what keeps them, whoever asks', async () => {
  const socket = childSocket(folder, 'cell')
  mkdirSync(dirname(socket), { recursive: true })
  writeFileSync(socket, '')
  const found = await about(folder)
  expect(found.map(({ real }) => real)).toEqual([true, true, true])
  expect(found[0]?.because).toMatch(/^systemd gives each cell/)
})
