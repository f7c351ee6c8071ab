/** Very many small files: rows still come in, a question is answered or ended in words, compaction catches up. */
import { expect, test } from 'vitest'
import { compact } from '../../agent/lake/compact.ts'
import { settle } from '../../agent/lake/settle.ts'
import { countRows, manyFiles } from './many-files.ts'
import { makeSite } from './site.ts'

const FILES = 1500
const COMPACT_FILES = 32

test(`${FILES} small files: a question is answered, rows come in, then a handful of files is left`, async () => {
  const site = await makeSite({ compactFiles: COMPACT_FILES })
  try {
    const { rows } = await manyFiles(site, FILES)
    expect(await countRows(site)).toBe(rows)
    await site.write([{ host: 'while it is behind' }])
    expect(await settle(site.lake())).toMatchObject({ rows: 1, faults: [] })
    let merges = 0
    while (await compact(site.lake())) merges++
    expect(merges).toBeLessThan(6)
    expect(site.lake().catalog.files().length).toBeLessThan(COMPACT_FILES)
    expect(await countRows(site)).toBe(rows + 1)
  } finally {
    site.remove()
  }
})
