/** The attempt on the layer `sql` by a name in the annex: SQL where a tenant names an attribute of its events. */
import { rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect } from 'vitest'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary } from './canary.ts'
import { GUARD, LANDLOCK, LOCK } from './cell-layers.ts'
import { LakeStage } from './lake-stage.ts'

const AS_DATA: Layer = { name: 'names and values are data', shows: /the annex: .*union select/ }
const bait = canary('what is in a file of the box')
/** Short, so that it fits a name. */
const file = `/tmp/q${bait.text.slice(0, 8)}`
const payload = `x')union select content,1 from read_text('${file}')--`

let stage: LakeStage
let event = ''
beforeAll(async () => {
  stage = await LakeStage.open()
  writeFileSync(file, bait.text, { mode: 0o644 })
  const { rows } = await stage.box.ask(['alfa'], 'SELECT event_id FROM events')
  event = String(rows[0]?.[0])
})
afterAll(async () => {
  await stage.close()
  rmSync(file)
})

/** A question that is put together from what the tenant wrote. */
const careless = (text: string) =>
  `SELECT name, value FROM (VALUES ('x', '1')) t(name, value) WHERE (name = '${text}`

async function asked(run: Run): Promise<unknown> {
  if (run.without(GUARD)) return stage.put(run, careless(payload))
  if (run.without(AS_DATA)) return run.does('the answer', stage.asAlfa(careless(payload)))
  const { rows } = await stage.asAlfa('SELECT name, value FROM annex WHERE value IS NOT NULL')
  run.saw('the annex', JSON.stringify(rows))
  return rows
}

for (const by of ['as a name', 'as a value'] as const)
  attempt('sql-15', {
    by,
    layers: [AS_DATA, GUARD, LOCK, LANDLOCK],
    secrets: () => [bait],
    try: async (run) => {
      const said = by === 'as a name' ? `${payload}=1` : `y=${payload}`
      const set = await stage.box.picket('lake', 'annex', 'set', '--tenant', 'alfa', '--event', event, said) // biome-ignore format: one line
      expect(set.code, set.err).toBe(0)
      const rows = await asked(run)
      if (run.off.size === 0) expect(rows).toContainEqual(by === 'as a name' ? [payload, '1'] : ['y', payload]) // biome-ignore format: one line
    },
    undo: () => stage.endCells(),
  })
