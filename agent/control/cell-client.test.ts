/** What somebody is told whose question no cell answered. */
import { expect, test } from 'vitest'
import { CELL_LIMITS, CellClient } from './cell-client.ts'

test('a cell that has not started in time is said to be that, and not to have been closed', async () => {
  const started = CellClient.start(CELL_LIMITS, undefined, 1)
  await expect(started).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'No process to answer the question started in time, as this machine has too much other work; ask again.', // biome-ignore format: one line
  })
})
