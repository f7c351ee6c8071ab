/** The lake's process dies at each of its steps in turn: between write, rename, commit and clean-up. */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compact } from '../../agent/lake/compact.ts'
import { settle } from '../../agent/lake/settle.ts'
import { makeSite, readLake, type Site } from './site.ts'

const ACT = new URL('./crash-act.ts', import.meta.url).pathname
const STEPS_MAX = 100
const ROWS = 5

/** Two files of tier 1 and two closed segments: settling makes the third file, and three are compacted. */
async function ready(): Promise<{ site: Site; ids: string[] }> {
  const site = await makeSite({ compactFiles: 100 })
  const ids: string[] = []
  for (let i = 0; i < 4; i++) {
    const rows = await site.write(Array.from({ length: ROWS }, () => ({ host: `h${i}` })))
    ids.push(...rows.map(({ event_id }) => event_id))
    if (i < 2) await settle(site.lake())
  }
  const { tenants, seed } = site
  writeFileSync(`${site.data}/place.json`, JSON.stringify({ tenants, seed: seed.toString('hex') }))
  site.close()
  return { site, ids: ids.sort() }
}

/** How the child ended: by its kill, or with all its work done. */
function act(data: string, n: number): Promise<'killed' | 'done'> {
  return new Promise((done, fail) =>
    execFile(process.execPath, [ACT, data, String(n)], (error, _, stderr) => {
      if (!error) return done('done')
      if (error.signal === 'SIGKILL') return done('killed')
      fail(new Error(stderr))
    }),
  )
}

test('killed at any step, every row is there once after the next start', async () => {
  const { site: before, ids } = await ready()
  const { tenants, seed } = before
  let n = 1
  for (let end = 'killed'; end === 'killed'; n++) {
    expect(n).toBeLessThan(STEPS_MAX)
    const data = mkdtempSync(join(tmpdir(), 'lake-crash-'))
    cpSync(before.data, data, { recursive: true })
    end = await act(data, n)
    const site = await makeSite({ place: { data, tenants, seed }, compactFiles: 3 })
    try {
      expect((await settle(site.lake())).faults, `step ${n}`).toEqual([])
      while (await compact(site.lake()));
      const found = await readLake(site, 'SELECT event_id FROM events ORDER BY event_id')
      expect(
        found.map(([id]) => id),
        `step ${n}`,
      ).toEqual(ids)
      expect(leftOver(site), `step ${n}`).toEqual([])
    } finally {
      site.remove()
    }
  }
  process.stderr.write(`crash: killed at ${n - 2} steps\n`)
  expect(n).toBeGreaterThan(15) // it did die on the way: write, rename, commit, removal
  rmSync(before.data, { recursive: true, force: true })
})

/** Parts, strays and segments that no restart may leave behind. */
function leftOver({ data, lake }: Site): string[] {
  const { tenant, catalog } = lake()
  const folder = join(data, 'tenants', tenant.tenant_uid)
  const aside = join(data, 'journal', tenant.tenant_uid, 'aside')
  return [
    ...catalog.strays(),
    ...readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.part')),
    ...readdirSync(join(data, 'journal', tenant.tenant_uid)).filter((name) => name !== 'aside'),
    ...(existsSync(aside) ? readdirSync(aside) : []),
  ].map(String)
}
