import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { find, folded, skipTable } from './search.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)

test(`a pattern is found where it first lies, and nowhere else (seed ${SEED})`, () => {
  const chance = new Chance(SEED)
  const letters = ['a', 'A', 'b', 'B', '0', '[', '{', '@']
  const text = (least: number, most: number) => Buffer.from(Array.from({ length: chance.int(least, most) }, () => chance.pick(letters)).join('')) // biome-ignore format: one line
  let found = 0
  for (let round = 0; round < 30_000; round++) {
    const nocase = chance.int(0, 1) === 1
    const sought = text(1, chance.pick([1, 2, 3, 5]))
    const bytes = nocase ? folded(sought) : sought
    const ahead = chance.int(0, 9) === 0 ? chance.int(100, 3000) : 0
    const buffer = Buffer.concat([Buffer.alloc(ahead, chance.pick(letters)), text(0, 40)])
    const from = chance.int(0, 10)
    const to = chance.int(0, buffer.length)
    const plain = (nocase ? Buffer.from(folded(buffer)) : buffer).subarray(0, to)
    const expected = from > to ? -1 : plain.indexOf(bytes, from)
    const got = find(buffer, from, to, { bytes, nocase, skip: skipTable(bytes, nocase) })
    if (got !== expected) expect.fail(`${sought} ${nocase} in ${buffer} [${from}, ${to}): ${got}, not ${expected}`) // biome-ignore format: one line
    if (got >= 0) found++
  }
  expect(found).toBeGreaterThan(1000)
})
