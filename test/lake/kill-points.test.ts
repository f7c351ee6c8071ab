/** Writer, settler, compactor and cell are killed at named points, forty seeds; `./build.sh long kill` runs a thousand. */
import { expect, test } from 'vitest'
import { CellUnderFire } from './cell-under-fire.ts'
import { killOnce } from './kill-once.ts'
import { WHOLE } from './lake-at-work.ts'

const SEEDS = 40
const base = Number(process.env.PICKET_SEED ?? 4000)

test(`killed at named points, ${SEEDS} seeds from ${base}`, async () => {
  const cell = await CellUnderFire.open()
  const points = new Map<string, number>()
  let acknowledged = 0
  try {
    for (let seed = base; seed < base + SEEDS; seed++) {
      const killed = await killOnce(seed, cell)
      expect(killed.found, `seed ${seed}: ${killed.role} ${killed.point}`).toEqual(WHOLE)
      const name = `${killed.role} ${killed.point}`
      points.set(name, (points.get(name) ?? 0) + 1)
      acknowledged += killed.acknowledged
    }
  } finally {
    await cell.close()
  }
  for (const [name, times] of [...points].sort())
    process.stderr.write(`kill-points: ${times} × ${name}\n`)
  process.stderr.write(`kill-points: ${acknowledged} rows acknowledged\n`)
  const reached = [...points.keys()].filter((name) => !name.endsWith('not reached'))
  expect(reached.length).toBeGreaterThan(15)
})
