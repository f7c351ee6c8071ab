import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { makeRows } from '../../test/bench/lake/rows.ts'
import { readSealedFooter } from './parquet-open.ts'
import { get, type List, type Struct, ThriftReader } from './thrift.ts'

const folder = mkdtempSync(join(tmpdir(), 'seal-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Ids in parquet.thrift.
const [ROW_GROUPS, COLUMNS, META, PATH, STATISTICS] = [4, 1, 3, 3, 12]
const [OLD_MAX, OLD_MIN, NULLS, MAX, MIN] = [1, 2, 3, 5, 6]

const itemsOf = (struct: Struct, id: number) => (get(struct, id) as List).items

test('a sealed footer says each range once, and none of texts that nobody asks ranges of', async () => {
  const { branches } = await makeRows(folder, { tenants: 1, rowsEach: 2_000 })
  const [{ key, paths } = { key: '', paths: [] }] = branches
  const { bytes } = readSealedFooter(paths[0] as string, Buffer.from(key, 'base64'))
  const [group] = itemsOf(new ThriftReader(bytes, 0).struct(), ROW_GROUPS) as Struct[]
  const ids = new Map<string, number[]>()
  for (const chunk of itemsOf(group as Struct, COLUMNS) as Struct[]) {
    const meta = get(chunk, META) as Struct
    const statistics = get(meta, STATISTICS) as Struct
    ids.set(
      String(itemsOf(meta, PATH)[0]),
      statistics.map(({ id }) => id),
    )
  }
  expect(ids.size).toBe(25)
  for (const [column, has] of ids) {
    expect(has, column).toContain(NULLS)
    expect(has, column).not.toContain(OLD_MAX)
    expect(has, column).not.toContain(OLD_MIN)
    const isAsked = column !== 'message' && column !== 'record'
    expect(has.includes(MAX) && has.includes(MIN), column).toBe(isAsked)
  }
})
