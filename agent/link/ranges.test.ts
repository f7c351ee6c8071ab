import { expect, test } from 'vitest'
import { Chance } from '../../test/traffic/chance.ts'
import { Ranges } from './ranges.ts'

test('islands are those of a plain set, in any order', () => {
  const seed = Math.floor(Math.random() * 1e9)
  const chance = new Chance(seed)
  const ranges = new Ranges()
  const plain = new Set<number>()
  for (let i = 0; i < 2000; i++) {
    const first = chance.int(1, 300)
    const last = Math.min(300, first + chance.int(0, 3))
    const apart = ![first - 1, first, first + 1].some((each) => plain.has(each))
    expect(ranges.isApart(first), `seed ${seed}`).toBe(apart)
    ranges.addRange(first, last)
    for (let n = first; n <= last; n++) plain.add(n)
    expect(ranges.list(), `seed ${seed}`).toEqual(islands(plain))
    expect(ranges.has(first)).toBe(true)
  }
  expect(new Ranges(ranges.list()).list()).toEqual(ranges.list())
})

test('whole and above', () => {
  const ranges = new Ranges([
    [1, 3],
    [5, 5],
    [7, 9],
  ])
  expect([ranges.whole, ranges.highest, ranges.islands]).toEqual([3, 9, 3])
  expect(ranges.above(1)).toEqual([[7, 9]])
  expect(new Ranges([[2, 3]]).whole).toBe(0)
})

function islands(plain: Set<number>): [number, number][] {
  const list: [number, number][] = []
  for (const n of [...plain].sort((a, b) => a - b)) {
    const last = list.at(-1)
    if (last && last[1] === n - 1) last[1] = n
    else list.push([n, n])
  }
  return list
}
