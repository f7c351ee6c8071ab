/** Lakes of several tenants are worked on at once, by one engine: a key of one is never taken for that of the other. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeSite, type Site } from '../../test/lake/site.ts'
import { Batch } from './parquet.ts'
import { wouldRetire } from './retention.ts'
import { settle } from './settle.ts'

const DAY_US = 86_400_000_000
const NAMES = ['alfa', 'zulu'] as const
let now = Date.UTC(2026, 10, 1) * 1000
let site: Site
beforeEach(async () => {
  site = await makeSite({ tenants: [...NAMES], nowUs: () => now })
  for (const name of NAMES) {
    await site.write(
      [
        { kind: 'flow', host: name },
        { kind: 'finding', host: name },
      ],
      name,
    )
    await settle(site.lake(name))
  }
  now += 40 * DAY_US
})
afterEach(() => site.remove())

const open = async (name: string) => {
  const { catalog, options, tenant } = site.lake(name)
  const { key } = await options.keys.parquetKey({ tenant_uid: tenant.tenant_uid, epoch: 1 })
  return Batch.ofFiles(options, [{ key, paths: catalog.files().map((file) => catalog.absolute(file)) }]) // biome-ignore format: one line
}

test('an export of one tenant goes on while the files of another are opened', async () => {
  await using alfa = await open('alfa')
  await using zulu = await open('zulu')
  expect((await alfa.facts()).rows).toBe(2)
  expect((await zulu.facts()).rows).toBe(2)
})

test('previews of two tenants at once count all that each would delete', async () => {
  const rules = { all: 100, flow: 10 }
  const both = await Promise.all(NAMES.map((name) => wouldRetire(site.lake(name), rules)))
  expect(both).toEqual([expect.objectContaining({ rows: 1 }), expect.objectContaining({ rows: 1 })])
})
