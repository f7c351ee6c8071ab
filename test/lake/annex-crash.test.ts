/** The lake dies while values of the annex are set: what was acknowledged is there, an act is there whole or not at all. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { annexView } from '../../agent/lake/annex-view.ts'
import { openEngine, read } from '../../agent/lake/engine.ts'
import { settle } from '../../agent/lake/settle.ts'
import { makeSite, type Site } from './site.ts'

const ACT = new URL('./annex-act.ts', import.meta.url).pathname
const STEPS_MAX = 400
/** Between two kills; all steps would take minutes. The first is chosen by the seed. */
const STRIDE = 11
const seed = Number(process.env.PICKET_SEED ?? Date.now() % STRIDE)

function act(
  data: string,
  n: number,
  id: string,
): Promise<{ killed: boolean; acknowledged: number }> {
  // biome-ignore format: one line
  return new Promise((done, fail) =>
    execFile(process.execPath, [ACT, data, String(n), id], (error, stdout, stderr) => {
      if (error && error.signal !== 'SIGKILL') return fail(new Error(stderr))
      done({ killed: error !== null, acknowledged: stdout.split('\n').length - 1 })
    }),
  )
}

async function values({ lake, keys }: Site): Promise<Record<string, string>> {
  const { catalog, tenant } = lake()
  const engine = await openEngine({ memoryMiB: 128 })
  const connection = await engine.connect()
  try {
    const key = keys.keyFor(tenant.tenant_uid, 1).toString('base64')
    await connection.run(`PRAGMA add_parquet_key('k', '${key}')`)
    const paths = catalog.annexFiles().map((file) => catalog.absolute(file))
    const view = annexView([{ tenant_id: 'alfa', keyName: 'k', paths }])
    return Object.fromEntries(await read(connection, `SELECT name, value FROM (${view})`))
  } finally {
    connection.closeSync()
    engine.closeSync()
  }
}

test('killed at steps of twelve acts', async () => {
  const before = await makeSite({})
  const [row] = await before.write([{ host: 'plc-1' }])
  await settle(before.lake())
  const { tenants } = before
  writeFileSync(`${before.data}/place.json`, JSON.stringify({ tenants, seed: before.seed.toString('hex') })) // biome-ignore format: one line
  before.close()
  const seen = new Set<number>()
  let n = 1 + (seed % STRIDE)
  for (let killed = true; killed; n += STRIDE) {
    expect(n).toBeLessThan(STEPS_MAX)
    const data = mkdtempSync(join(tmpdir(), 'annex-crash-'))
    cpSync(before.data, data, { recursive: true })
    const end = await act(data, n, row?.event_id ?? '')
    killed = end.killed
    const site = await makeSite({ place: { data, tenants, seed: before.seed } })
    try {
      const found = await values(site)
      const whole = Object.keys(found).length - 1 // without `last`
      expect([end.acknowledged, end.acknowledged + 1], `step ${n}`).toContain(Math.max(whole, 0))
      for (let i = 0; i < whole; i++) expect(found[`n${i}`], `step ${n}`).toBe(String(i))
      if (whole > 0) expect(found.last, `step ${n}`).toBe(String(whole - 1))
      expect(site.lake().catalog.strays(), `step ${n}`).toEqual([])
      seen.add(end.acknowledged)
    } finally {
      site.remove()
    }
  }
  process.stderr.write(`annex: seed ${seed}, killed up to step ${n - 2 * STRIDE}, after ${[...seen].join()} acts\n`) // biome-ignore format: one line
  expect(seen.size).toBeGreaterThan(8) // it did die on the way, also where the files become one
  rmSync(before.data, { recursive: true, force: true })
}, 240_000)
