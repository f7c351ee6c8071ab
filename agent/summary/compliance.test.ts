import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeSite } from '../../test/lake/site.ts'
import { calmSummary, NOON_US } from '../../test/traffic/summary-source.ts'
import { shippedControls } from '../controls-on-disk.ts'
import { Cell } from '../lake/cell.ts'
import { openEngine } from '../lake/engine.ts'
import { settle } from '../lake/settle.ts'
import { guardSql } from '../lake/sql-guard.ts'
import {
  type ControlValue,
  controlFacts,
  controlsSql,
  judgeCompliance,
  readControls,
} from './compliance.ts'

const shipped = globSync('rules/controls/*.json').map((path) => ({
  path,
  json: JSON.parse(readFileSync(path, 'utf8')),
}))
const controls = shippedControls()
const sqlIds = controls.flatMap(({ id, evidence }) => ('sql' in evidence ? [id] : []))
const calm = { ...calmSummary(NOON_US), lake: { ...calmSummary(NOON_US).lake, full_at: NOON_US + 90 * 86_400e6 } } // biome-ignore format: one line
const facts = controlFacts(calm)
const good = (change: Record<string, number | null> = {}): ControlValue[] =>
  sqlIds.map((id) => ({ id, value: change[id] === undefined ? Number(id === 'recorded') : change[id], because: change[id] === null ? 'no key' : null })) // biome-ignore format: one line

test('the shipped controls: named as their files, weights of 100 together', () => {
  expect(controls.map(({ id }) => `rules/controls/${id}.json`).sort()).toEqual(shipped.map(({ path }) => path).sort()) // biome-ignore format: one line
  expect(controls.reduce((sum, { weight }) => sum + weight, 0)).toBe(100)
})

test('a site in order has 100; before the first look there is no score', () => {
  expect(judgeCompliance(controls, good(), facts)).toEqual({ score: 100, controls: controls.length, failing: [] }) // biome-ignore format: one line
  expect(judgeCompliance(controls, null, facts)).toMatchObject({ score: null, failing: [] })
})

test('what does not hold costs its weight and says how much; unknown fails and says so', () => {
  const { score, failing } = judgeCompliance(
    controls,
    good({ telnet: 2, 'ssh-version-1': null }),
    facts,
  )
  expect(score).toBe(100 - 6 - 5)
  expect(failing.map(({ id, unknown, evidence }) => [id, unknown, evidence])).toEqual([
    ['telnet', false, '2 devices with telnet in 24 h'],
    ['ssh-version-1', true, 'not known: no key'],
  ])
  const one = judgeCompliance(controls, good({ telnet: 1 }), facts)
  expect(one.failing[0]?.evidence).toBe('1 device with telnet in 24 h')
})

test('every control can fail by its evidence, and every one is unknown without it', () => {
  const bad = { ...calm, rules: { loaded: 10, refused: 5, age_seconds: 9e6, silenced: 2 }, self_test: { at: NOON_US - 1e12, ok: false }, capture: { ...calm.capture, dropped: 500, blind_seconds: 4 }, clock: { ...calm.clock, offset_ms: -60_000 }, lake: { ...calm.lake, full_at: NOON_US + 86_400e6, fault: 'x' }, health: { ...calm.health, down: ['picket-lake'] } } // biome-ignore format: one line
  const worst = Object.fromEntries(sqlIds.map((id) => [id, id === 'recorded' ? 0 : 3]))
  const all = judgeCompliance(controls, good(worst), controlFacts(bad))
  expect(all.score).toBe(0)
  expect(all.failing.every(({ unknown }) => !unknown)).toBe(true)
  const nothing = controls.map(({ id, evidence }) => ({ id, evidence: 'sql' in evidence ? evidence : { ...evidence, status: 'derived.nowhere' }, sentence: 'x', weight: 1 })) // biome-ignore format: one line
  expect(judgeCompliance(nothing, [], facts).failing.every(({ unknown }) => unknown)).toBe(true)
  const proto = [{ ...nothing[0], evidence: { status: 'constructor.length', fails: { op: '>', value: 0 }, says: 'x' } }] as typeof nothing // biome-ignore format: one line
  expect(judgeCompliance(proto, [], facts).failing[0]?.unknown).toBe(true)
})

test.each([
  ['a field more', { extra: 1 }, /extra/],
  ['a weight of nothing', { weight: 0 }, /weight/],
  ['two questions', { evidence: { sql: 'SELECT 1; SELECT 2', fails: { op: '>', value: 0 }, says: 'x' } }, /evidence/], // biome-ignore format: one line
  ['an id that would end the literal', { id: "x' OR 1" }, /id/],
])('a control with %s is refused with its file', (_, change, reason) => {
  const json = { ...shipped[0]?.json, ...change }
  expect(() => readControls([{ path: 'c.json', json }])).toThrow(reason)
})

test('two controls of one id, and too many, are refused', () => {
  const [first] = shipped
  if (!first) throw new Error('there are controls')
  expect(() => readControls([first, first])).toThrow('one id')
  expect(() => readControls(Array.from({ length: 33 }, () => first))).toThrow('32')
})

test('the one question passes the guard, and a cell with rows gives one number a control', async () => {
  const sql = controlsSql(controls) ?? ''
  const engine = await openEngine({ memoryMiB: 128 })
  const connection = await engine.connect()
  await guardSql(connection, sql, { tenants: ['alfa'], fleets: ['alfa'] })
  connection.closeSync()
  engine.closeSync()
  const site = await makeSite()
  const now = Date.now() * 1000
  const finding = { kind: 'finding', event_time: now, severity: 'medium' } as const
  await site.write([
    { ...finding, rule_id: 'sid:1000009', host: 'printer' },
    { ...finding, rule_id: 'sid:1000009', host: 'printer' },
    { ...finding, rule_id: 'sid:1000009', src_ip: '10.0.0.4' },
    { ...finding, rule_id: 'sid:1000010', host: 'old', event_time: now - 2 * 86_400e6 },
    { kind: 'tls', event_time: now, dest_ip: '10.0.0.7', record: { tls: { version: 'TLSv1' } } },
    { kind: 'tls', event_time: now, dest_ip: '10.0.0.8', record: { tls: { version: 'TLS 1.3' } } },
  ])
  await settle(site.lake())
  const paths = site.lake().catalog.files().map((file) => site.lake().catalog.absolute(file)) // biome-ignore format: one line
  const [tenant] = site.tenants
  const key = site.keys.keyFor(tenant?.tenant_uid ?? '', 1).toString('base64')
  const cell = await Cell.open([{ tenant_id: 'alfa', fleet_id: 'alfa', key, paths }])
  const found: unknown[][] = []
  try {
    await cell.ask(
      { sql, params: {}, bytesMax: 1 << 20 },
      { columns: () => {}, rows: (rows) => found.push(...rows) > 0, drained: async () => {} },
    )
    const rows = Object.fromEntries(found)
    expect(rows).toEqual({ 'ot-new-writer': 0, 'http-basic-clear-text': 0, telnet: 2, 'ssh-version-1': 0, 'tls-version': 1, recorded: 5 }) // biome-ignore format: one line
  } finally {
    cell.closeSync()
    site.remove()
  }
})
