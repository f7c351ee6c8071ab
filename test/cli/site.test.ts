/** init, rules, query and lake against a data folder on disk; no process of the box is up before. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { picket } from './picket.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-cli-'))
const data = join(folder, 'data')
const GOOD = 'alert tcp any any -> any any (msg:"one"; content:"abcdef"; sid:1000001; rev:1;)'
const BAD = 'alert tcp any any -> any any (msg:"two"; frobnicate:1; sid:1000002; rev:1;)'

beforeAll(async () => {
  const { code, out, err } = await picket(['init', '--data', data, '--tenant', 'alpha', '--json'])
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ tenant_id: 'alpha', fleet_id: 'alpha' })
})
afterAll(() => rmSync(folder, { recursive: true }))

function ruleFile(name: string, ...rules: string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `# rules\n${rules.join('\n')}\n`)
  return path
}

test('a tenant is made once; a second one joins the folder', async () => {
  const again = await picket(['init', '--data', data, '--tenant', 'alpha', '--json'])
  expect([again.code, again.out]).toEqual([2, ''])
  expect(JSON.parse(again.err)).toEqual({
    error: { kind: 'conflict', message: 'The tenant alpha exists on this box already.' },
  })
  const second = await picket([
    'init',
    '--data',
    data,
    '--tenant',
    'beta',
    '--fleet',
    'alpha',
    '--json',
  ])
  expect(second.code).toBe(0)
  expect(JSON.parse(second.out)).toMatchObject({ tenant_id: 'beta', fleet_id: 'alpha' })
})

test('rules check says what loads and why the rest does not', async () => {
  const path = ruleFile('some.rules', GOOD, BAD, 'nonsense')
  const { code, out, err } = await picket(['rules', 'check', path, '--json'])
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toEqual({
    total: 3,
    loaded: 1,
    refused: [
      {
        file: path,
        line: 3,
        sid: 1_000_002,
        keyword: 'frobnicate',
        reason: expect.any(String),
      },
      expect.objectContaining({ file: path, line: 4, reason: expect.any(String) }),
    ],
  })
  const words = await picket(['rules', 'check', path])
  expect(words.out.split('\n')[0]).toBe('1 of 3 rules load.')
  expect(words.out).toContain(`${path}:3: sid 1000002: frobnicate: `)
})

test('rules add puts files into the site, or refuses them whole', async () => {
  const path = ruleFile('mine.rules', GOOD)
  const { code, out } = await picket(['rules', 'add', path, '--data', data, '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual({ loaded: 1, refused: [], live: false })
  expect(readdirSync(join(data, 'rules'))).toEqual(['mine.rules'])

  const sets = join(folder, 'sets')
  mkdirSync(join(sets, 'a'), { recursive: true })
  mkdirSync(join(sets, 'b'))
  mkdirSync(join(folder, 'none'))
  writeFileSync(join(sets, 'a/x.rules'), GOOD)
  writeFileSync(join(sets, 'b/x.rules'), GOOD)
  for (const [given, named] of [
    [ruleFile('bad.rules', BAD), 'nothing was added'],
    [join(folder, 'absent.rules'), 'does not exist'],
    [join(folder, 'none'), 'holds no .rules file'],
    [sets, 'named x.rules'],
  ] as const) {
    const refused = await picket(['rules', 'add', given, '--data', data])
    expect([refused.code, refused.out], given).toEqual([2, ''])
    expect(refused.err, given).toContain(named)
  }
  expect(readdirSync(join(data, 'rules'))).toEqual(['mine.rules'])
})

test('rows go in and come out; another tenant, known or not, is exit 3 in the same words', async () => {
  const rows = join(folder, 'rows.ndjson')
  writeFileSync(
    rows,
    `${JSON.stringify({ event_time: '2026-01-01T00:00:00Z', kind: 'host', message: 'hello' })}\n`,
  )
  const at = ['--data', data, '--json']
  const imported = await picket(['lake', 'import', '--tenant', 'alpha', rows, ...at])
  expect([imported.code, imported.err]).toEqual([0, ''])
  const ask = (scope: string, sql: string) =>
    picket(['query', '--scope', scope, '--sql', sql, ...at])
  const answer = await ask('alpha', 'SELECT kind, message FROM events')
  expect(JSON.parse(answer.out)).toMatchObject({
    scope: ['alpha'],
    columns: ['kind', 'message'],
    rows: [['host', 'hello']],
  })
  const refusals = [
    await ask('alpha', `SELECT * FROM events WHERE tenant_id = 'beta'`),
    await ask('alpha', `SELECT * FROM events WHERE tenant_id = 'no-such'`),
    await ask('alpha,no-such', 'SELECT 1'),
  ]
  for (const { code, out, err } of refusals) {
    expect([code, out]).toEqual([3, ''])
    expect(JSON.parse(err)).toEqual({
      error: { kind: 'refused', message: 'cross-tenant traversal not permitted' },
    })
  }
  expect((await ask('alpha', 'SELEC 1')).code).toBe(2)
  expect((await ask('alpha', 'DROP TABLE events')).code).toBe(3)
  const out = join(folder, 'out.ndjson')
  expect((await picket(['lake', 'export', '--tenant', 'alpha', '--out', out, ...at])).code).toBe(0)
  expect(readFileSync(out, 'utf8')).toContain('"message":"hello"')
  const twice = await picket(['lake', 'export', '--tenant', 'alpha', '--out', out, ...at])
  expect([twice.code, twice.out]).toEqual([2, ''])
  expect(JSON.parse(twice.err).error.kind).toBe('conflict')
})

test('what cannot be imported is refused whole', async () => {
  const given = (text: string) => {
    const path = join(folder, 'wrong.ndjson')
    writeFileSync(path, text)
    return picket(['lake', 'import', '--tenant', 'beta', path, '--data', data, '--json'])
  }
  const row = { event_time: '2026-01-01T00:00:00Z', kind: 'host', message: 'x' }
  const foreign = `${JSON.stringify(row)}\n${JSON.stringify({ ...row, tenant_id: 'alpha' })}\n`
  expect((await given(foreign)).code).toBe(3)
  expect((await given('not json\n')).code).toBe(2)
  const absent = ['lake', 'import', '--tenant', 'beta', join(folder, 'absent'), '--data', data]
  expect((await picket(absent)).code).toBe(2)
  const count = ['query', '--scope', 'beta', '--sql', 'SELECT count(*) AS n FROM events']
  const { out } = await picket([...count, '--data', data, '--json'])
  expect(JSON.parse(out).rows.flat().map(Number)).toEqual([0])
})
