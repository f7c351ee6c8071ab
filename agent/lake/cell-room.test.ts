import { expect, test } from 'vitest'
import { cellRoom } from './cell-room.ts'

const [MIB, GIB] = [2 ** 20, 2 ** 30]

test.each([
  [2 * GIB, 512, 128],
  [8 * GIB, 512, 128],
  [16 * GIB, 1024, 640],
  [256 * GIB, 1536, 1152],
])('a machine of %i bytes gives a cell %i MiB, %i of them for columns', (machine, rss, clear) => {
  expect(cellRoom(machine)).toEqual({ rssBytes: rss * MIB, clearBytes: clear * MIB })
})
