import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Controllers } from './controllers.ts'

const TENANT = 'a'.repeat(32)
const MONTH_US = 31 * 24 * 3600e6

test('known after a restart; a flood does not push the real ones out; the old make room', () => {
  const folder = mkdtempSync(join(tmpdir(), 'picket-controllers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'controllers.json')
  const first = new Controllers(path)
  first.report(TENANT, ['10.0.0.9', '::ffff:10.0.0.9', 'nonsense'], 1)
  expect(first.of(TENANT)).toEqual(['10.0.0.9'])

  const again = new Controllers(path)
  const flood = Array.from({ length: 5000 }, (_, n) => `10.9.${n >> 8}.${n & 255}`)
  again.report(TENANT, flood, 2)
  expect(again.of(TENANT)).toContain('10.0.0.9')
  expect(again.of(TENANT).length).toBe(4096)
  expect(again.dropped).toBe(5000 - 4095)
  expect(again.of('b'.repeat(32))).toEqual([])

  again.report(TENANT, ['10.0.0.9'], MONTH_US)
  again.report(TENANT, ['10.8.8.8'], MONTH_US + 3)
  expect(again.of(TENANT)).toEqual(expect.arrayContaining(['10.0.0.9', '10.8.8.8']))
})
