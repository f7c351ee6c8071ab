/** Two tenants of one box: what is inside a scope is answered; rows of another by import; what an engine says about a row. */
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { RunningLake } from '../lake/running-lake.ts'
import { attempt, type Layer } from './attempt.ts'
import { PASSWORD, refusal } from './box.ts'
import { canary, canaryOf } from './canary.ts'

let box: RunningLake
let token: string
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'zorro' })
  await box.import('alfa', [{ host: 'plc-1', message: 'ours', user: '17' }])
  await box.import('zulu', [{ host: 'zulu-secret', message: 'theirs' }])
  const { code } = await box.cli.oneTimeLogin({ tenant_id: 'alfa' })
  const first = await box.web.redeem({ code, source: '127.0.0.1' })
  token = (await box.web.setPassword({ token: first.token, next: PASSWORD })).token
})
afterAll(() => box.close())

/** As the administrator of alfa, who sees alfa alone. */
const asAlfa = (sql: string) => box.web.query({ token, sql })

test('a question inside the scope is answered, and the scope is echoed', async () => {
  expect(await asAlfa('SELECT tenant_id, fleet_id, host FROM events')).toEqual({
    scope: ['alfa'],
    columns: ['tenant_id', 'fleet_id', 'host'],
    rows: [['alfa', 'acme', 'plc-1']],
  })
  const { code, out } = await box.query('alfa', 'SELECT host FROM events')
  expect([code, JSON.parse(out)]).toEqual([
    0,
    { scope: ['alfa'], columns: ['host'], rows: [['plc-1']] },
  ])
})

test('D16 what an engine says about a row reaches the asker, cut short, and no log', async () => {
  const marker = 'row-value-that-is-nobodys-business'
  await box.import('alfa', [{ host: 'plc-2', message: marker.padEnd(2000, 'x') }])
  const answer = await refusal(asAlfa("SELECT message::INTEGER FROM events WHERE host = 'plc-2'"))
  expect(answer).toMatch(/^invalid: .*row-value/)
  expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(300 + 'invalid: '.length)
  expect(box.logs).not.toContain(marker.slice(0, 12))
  expect(box.logs).toContain('lake.ready') // control: the logs were listened to
})

describe('picket lake import and export', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'export-'))
    return () => rmSync(folder, { recursive: true })
  })
  const file = () => join(folder, 'foreign.ndjson')
  const bring = (tenant: string, rows: readonly object[]) => {
    writeFileSync(file(), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return box.picket('lake', 'import', '--tenant', tenant, file(), '--json')
  }
  const held = async () => (await box.ask(['alfa'], 'SELECT count(*) FROM events')).rows

  test('a row of another tenant, known or unknown, refuses the whole file alike', async () => {
    const before = await held()
    const said = []
    for (const tenant_id of ['zulu', 'ghost'])
      said.push(
        await bring('alfa', [
          { host: 'ours', tenant_id: 'alfa' },
          { host: 'x', tenant_id },
        ]),
      )
    const error = { kind: 'refused', message: CROSS_TENANT }
    const expected = { code: 3, out: '', err: `${JSON.stringify({ error })}\n` }
    expect(said).toEqual([expected, expected])
    expect(await held()).toEqual(before)
  })

  test('a file of its own comes in, goes out, and is refused by the neighbour', async () => {
    const brought = await bring('alfa', [{ host: 'plc-9', event_time: '2026-11-01T00:00:00Z' }])
    expect([brought.code, JSON.parse(brought.out)]).toEqual([0, { rows: 1 }])
    const out = join(folder, 'out.ndjson')
    const sql = `SELECT * FROM events WHERE host = 'plc-9'`
    const exported = await box.picket('lake', 'export', '--tenant', 'alfa', '--out', out, '--sql', sql) // biome-ignore format: one line
    expect(exported.code).toBe(0)
    const foreign = await box.picket('lake', 'import', '--tenant', 'zulu', out)
    expect(foreign).toEqual({ code: 3, out: '', err: `picket: ${CROSS_TENANT}\n` })
    expect((await box.picket('lake', 'import', '--tenant', 'alfa', out)).code).toBe(0)
  })

  test('an export into the data folder is refused: it is plain text', async () => {
    symlinkSync(join(box.data, 'run'), join(folder, 'link'))
    for (const out of [join(box.data, 'out.ndjson'), join(folder, 'link', 'out.ndjson')]) {
      const { code, err } = await box.picket('lake', 'export', '--tenant', 'alfa', '--out', out)
      expect([code, err]).toEqual([3, expect.stringMatching(/must not go into the data folder/)])
      expect(existsSync(out)).toBe(false)
    }
  })
})

const ONLY_FACTS: Layer = { name: 'facts in a log, and no text', shows: /lake\.ready/ }
const LINEAR: Layer = {
  name: 'an engine whose patterns take linear time',
  shows: /"rows":\[\[false\]\]/,
}
const NO_PATTERN: Layer = { name: 'words are words', shows: /"rows":\[\]/ }

const value = canary('a value of a row')
const asked = canary('what was asked')
attempt('metrics-05', {
  layers: [ONLY_FACTS],
  secrets: () => [value, asked, canaryOf('a token', token), canaryOf('a password', PASSWORD)],
  try: async (run) => {
    await box.import('alfa', [{ host: 'plc-3', message: value.text }])
    const sql = `SELECT message::INTEGER AS "${asked.text}" FROM events WHERE host = 'plc-3'`
    const answer = await refusal(asAlfa(sql))
    expect(answer).toContain(value.text.slice(0, 8)) // the asker is told
    await refusal(box.web.login({ name: asked.text, password: PASSWORD, source: '192.0.2.7' }))
    await refusal(box.web.session({ token: `${token}x` }))
    run.saw('the logs', box.logs)
    if (run.without(ONLY_FACTS)) run.saw('a log of what failed', `${sql} ${answer}`)
  },
})

/** Twenty-nine letters are enough for an engine that goes back at each. */
const BOMB = '(a+)+$'
const LONG = `${'a'.repeat(29)}b`
attempt('search-08', {
  layers: [NO_PATTERN, LINEAR],
  try: async (run) => {
    await box.import('alfa', [{ kind: 'finding', host: 'plc-4', message: LONG, event_time: '2026-11-01T00:00:00Z' }]) // biome-ignore format: one line
    if (!run.without(NO_PATTERN)) {
      const params = { q: BOMB, limit: 10 }
      return run.does('the list', box.web.query({ token, named: 'findings', params }))
    }
    if (!run.without(LINEAR))
      return run.does('the answer', asAlfa(`SELECT regexp_full_match('${LONG}', '${BOMB}')`))
    return run.does('a pattern of this process', () => {
      try {
        return runInNewContext(`/^${BOMB}/.test('${LONG}')`, {}, { timeout: 1000 })
      } catch (error) {
        return run.harm(`one word keeps a process busy: ${error}`)
      }
    })
  },
})
