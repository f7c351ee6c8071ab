/**
 * Errors of the engine quote values. Hundreds of hostile questions in a cell whose neighbour has rows of its own: what
 * is said may quote the asker's rows, cut short, and nothing of the neighbour, of keys, or of where files lie.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COLUMNS } from '../../agent/base/event.ts'
import { CellClient } from '../../agent/control/cell-client.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import type { Branch } from '../../agent/lake/cell.ts'
import { ERROR_BYTES_MAX, FILE_TROUBLE } from '../../agent/lake/cell-words.ts'
import { FUNCTIONS, TABLE_FUNCTIONS, TYPES } from '../../agent/lake/sql-allowed.ts'
import { RunningLake } from '../lake/running-lake.ts'
import { refusal } from './box.ts'

const OWN = 'own-canary-7f3a'
const FOREIGN = 'foreign-canary-91bc'

let box: RunningLake
let ring: Keyring
const branches = new Map<string, Branch[]>()
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'acme' })
  for (const [tenant, canary] of [
    ['alfa', OWN],
    ['zulu', FOREIGN],
  ] as const) {
    const rows = Array.from({ length: 5 }, (_, i) => ({
      host: `${canary}-host-${i}`,
      user: canary,
      message: `${canary} '"\\ {"a": [`,
      record: { canary, deep: { list: [canary] } },
      attack_ids: [canary],
      src_ip: canary,
      bytes: 2 ** 40 + i,
      owner: canary,
    }))
    await box.import(tenant, rows)
    const [[event_id] = []] = (await box.ask([tenant], 'SELECT event_id FROM events')).rows
    const values = [{ event_id: String(event_id), name: 'owner', value: canary, value_type: 'text' as const }] // biome-ignore format: one line
    await box.lake((lake) => lake.annexSet({ tenant_id: tenant, values }))
  }
  const folder = join(box.data, 'keys')
  ring = await Keyring.open({ folder, custodian: openFileCustodian(folder) })
  for (const { tenant_id, tenant_uid, fleet_id } of box.tenants) {
    const files = await box.files(tenant_id)
    const [{ epoch } = { epoch: 0 }] = files
    const key = ring.layer(tenant_uid, epoch, 'parquet').toString('base64')
    const paths = files.filter(({ tier }) => tier).map(({ path }) => path)
    const annex = files.filter(({ tier }) => !tier).map(({ path }) => path)
    branches.set(tenant_id, [{ tenant_id, fleet_id, key, paths, annex }])
  }
})
afterAll(() => box.close())

/** One cell for many questions; a new one where a question ended it. */
class Asker {
  readonly #scope: string[]
  #cell: CellClient | undefined
  died = 0

  constructor(scope: string[]) {
    this.#scope = scope
  }

  /** The words of the failure; nothing when it was answered. */
  async fails(sql: string): Promise<string | undefined> {
    const own = this.#scope.flatMap((tenant) => branches.get(tenant) ?? [])
    if (!this.#cell || this.#cell.isGone) {
      this.#cell = await CellClient.start({ cpuMs: 5_000, wallMs: 10_000, rssBytes: 600 << 20 })
      await this.#cell.confine(own.flatMap(({ paths, annex = [] }) => [...paths, ...annex]))
      await this.#cell.open(own)
    }
    try {
      await this.#cell.ask({ sql, params: {}, bytesMax: 1 << 20 })
      return undefined
    } catch (error) {
      if (this.#cell.isGone) this.died++
      return (error as Error).message
    }
  }

  close(): void {
    this.#cell?.kill()
  }
}

/** What no error may hold, with a word for it. */
function secrets(): [string, RegExp][] {
  const literally = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), 'i')
  const of = box.tenants.flatMap(({ tenant_id, tenant_uid }) =>
    (branches.get(tenant_id) ?? []).flatMap(({ key }): [string, RegExp][] => [
      ['a key', literally(key)],
      ['a key', literally(Buffer.from(key, 'base64').toString('hex'))],
      ['a uid', literally(tenant_uid)],
    ]),
  )
  return [
    ['the neighbour', /foreign-canary/i],
    ['a path', literally(box.data)],
    ['a path', /\.parquet|tier1|\/annex\/|\/tmp\/|\/proc\/|\/home\/|\/usr\/|\.cpp\b|\.hpp\b/],
    ['the name of a key', /\bk\d\b|footer_key|encryption_config/],
    ['the inside of the engine', /duckdb::|stack trace|0x[0-9a-f]{8}/i],
    ...of,
  ]
}

function wrongWith(text: string): string[] {
  const found = secrets().flatMap(([what, pattern]) => (pattern.test(text) ? [what] : []))
  return Buffer.byteLength(text) > ERROR_BYTES_MAX ? [...found, 'too long'] : found
}

async function sweep(questions: readonly string[]) {
  const asker = new Asker(['alfa'])
  const failed: string[] = []
  const leaks: string[] = []
  for (const sql of questions) {
    const said = await asker.fails(sql)
    if (said === undefined) continue
    failed.push(said)
    const wrong = wrongWith(said)
    if (wrong.length > 0) leaks.push(`${wrong.join()} in «${said}» of ${sql}`)
  }
  asker.close()
  process.stderr.write(`cell-errors: ${questions.length} questions, ${failed.length} errors, ${asker.died} cells ended\n`) // biome-ignore format: one line
  return { failed, leaks }
}

const COLUMN_NAMES = COLUMNS.map(([name]) => `"${name}"`)
const ARGUMENTS = [
  '',
  'host',
  'message, record',
  'attack_ids, host',
  'event_id, event_time, bytes',
  'host, host, host, host',
  `{'a': host}, [host]`,
  `x -> x + host`,
]
const named = (list: ReadonlyMap<string, { allow: boolean }>) => [...list].filter(([, { allow }]) => allow).map(([name]) => name) // biome-ignore format: one line

describe('controls', () => {
  test('the asker may see a value of his own, and a cell of both would show the neighbour', async () => {
    const own = new Asker(['alfa'])
    expect(await own.fails('SELECT host::INTEGER FROM events')).toContain(OWN)
    own.close()
    const both = new Asker(['zulu', 'alfa'])
    const said = await both.fails('SELECT host::INTEGER FROM events')
    expect(wrongWith(String(said))).toContain('the neighbour')
    both.close()
  })

  test('the scanner knows what it looks for', () => {
    const [branch] = branches.get('alfa') ?? []
    expect(wrongWith(String(branch?.paths[0]))).toEqual(expect.arrayContaining(['a path', 'a uid']))
    expect(wrongWith(`… ${branch?.key} …`)).toEqual(['a key'])
    expect(wrongWith(`No key "k0"`)).toEqual(['the name of a key'])
    expect(wrongWith('x'.repeat(301))).toEqual(['too long'])
  })
})

test('every allowed function with arguments that do not fit', async () => {
  const questions = named(FUNCTIONS).flatMap((name) =>
    ARGUMENTS.map((list) => `SELECT "${name}"(${list}) FROM events`),
  )
  const { failed, leaks } = await sweep(questions)
  expect(leaks).toEqual([])
  expect(failed.length).toBeGreaterThan(1000)
}, 240_000)

test('every column cast to every type that can be cast to', async () => {
  const types = named(TYPES).map((name) => name.replaceAll('_with_', ' with ').replaceAll('_time_', ' time ').replace('time_zone', 'time zone')) // biome-ignore format: one line
  const casts = [...new Set(types), 'VARCHAR[]', 'STRUCT(a INTEGER)', 'MAP(VARCHAR, INTEGER)', 'DECIMAL(3, 1)'] // biome-ignore format: one line
  const questions = COLUMN_NAMES.flatMap((column) => casts.map((type) => `SELECT max(CAST(${column} AS ${type})) FROM events`)) // biome-ignore format: one line
  const { failed, leaks } = await sweep(questions)
  expect(leaks).toEqual([])
  expect(failed.length).toBeGreaterThan(200)
}, 240_000)

test('names that are nearly those of something, and what only the lock of the engine would stop', async () => {
  const questions = [
    ...COLUMN_NAMES.map((name) => `SELECT ${name.replace('"', '"x')} FROM events`),
    ...COLUMN_NAMES.map((name) => `SELECT e.${name.replace(/.$/, 's"')} FROM events e`),
    ...[...TABLE_FUNCTIONS.keys()].flatMap((name) => [`SELECT * FROM "${name}"(host)`, `SELECT * FROM "${name}"('nowhere-at-all')`]).filter((sql) => !/repeat|range|series|logging|read_blob|profiling|glob|test_/.test(sql)), // biome-ignore format: one line
    ...['event', 'zulu', 'annexe', 'main.event', 'lake.event', 'zulu.events'].map((name) => `SELECT * FROM ${name}`), // biome-ignore format: one line
    'SELECT error(host) FROM events',
    'SELECT error(value) FROM annex',
    `SELECT * FROM events, annex WHERE value::INTEGER = host::INTEGER`,
    'SELECT (SELECT host FROM events) FROM annex',
    'SELECT json_extract(message, host) FROM events',
    'SELECT regexp_matches(host, message) FROM events',
    'SELECT strptime(host, message) FROM events',
    'SELECT host LIKE message ESCAPE host FROM events',
    'SELECT from_json(record, host) FROM events',
    'SELECT json_transform_strict(record, \'{"canary": "INTEGER"}\') FROM events',
    'SELECT date_trunc(host, event_time), timezone(host, event_time) FROM events',
    'SELECT map_from_entries([(host, 1), (host, 2)]) FROM events',
    'SELECT sum(bytes) OVER (ORDER BY host RANGE BETWEEN host PRECEDING AND CURRENT ROW) FROM events',
    'SELECT list_reduce([], (x, y) -> x + y) FROM events',
    'SELECT host FROM events ORDER BY host COLLATE nosuch',
    'SELECT host FROM events LIMIT (SELECT host FROM events LIMIT 1)',
  ]
  const { failed, leaks } = await sweep(questions)
  expect(leaks).toEqual([])
  expect(failed.length).toBeGreaterThan(100)
}, 240_000)

test('the whole way, guard and cell: a refusal of either says nothing foreign, of the neighbour by name too', async () => {
  const questions = [
    'SELECT host::INTEGER FROM events',
    'SELECT value::UUID FROM annex',
    `SELECT * FROM events WHERE tenant_id = 'zulu'`,
    `SELECT * FROM events WHERE host = '${FOREIGN}'::INTEGER`,
    `SELECT strptime(host, '%Y') FROM events`,
    `SELECT * FROM read_parquet('x')`,
    'SELECT * FROM nowhere',
    'SELECT nothing FROM events',
    'SELECT (',
    `SELECT repeat(host, 9) FROM events`,
    `SELECT host::INTEGER[3] FROM events`,
  ]
  for (const sql of questions) {
    const said = await refusal(box.ask(['alfa'], sql))
    expect(said).not.toBe('allowed')
    const wrong = wrongWith(said.replaceAll(FOREIGN, '')) // the asker's own words may come back
    expect(wrong, `${said} of ${sql}`).toEqual([])
  }
})

describe('files and keys that are not right, past the look that is taken at them before', () => {
  const open = async (change: (branch: Branch) => Branch, sql?: string) => {
    const cell = await CellClient.start()
    const own = (branches.get('alfa') ?? []).map(change)
    try {
      await cell.confine(own.flatMap(({ paths, annex = [] }) => [...paths, ...annex]))
      await cell.open(own)
      await cell.ask({ sql: sql ?? 'SELECT * FROM events', params: {}, bytesMax: 1 << 20 })
      return 'answered'
    } catch (error) {
      return (error as Error).message
    } finally {
      cell.kill()
    }
  }
  const kept = new Map<string, string>()
  const damaged = (damage: (bytes: Buffer) => Buffer) => (branch: Branch) => {
    const paths = branch.paths.map((path, i) => {
      const copy = join(folder, `${kept.size}-${i}.parquet`)
      writeFileSync(copy, damage(readFileSync(path)))
      kept.set(copy, path)
      return copy
    })
    return { ...branch, paths }
  }
  const folder = mkdtempSync(join(tmpdir(), 'cell-errors-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('control: as they are they answer', async () => {
    expect(await open((branch) => branch)).toBe('answered')
    expect(await open(damaged((bytes) => bytes))).toBe('answered')
  })

  test.each<[string, (branch: Branch) => Branch]>([
    ['another key', (branch) => ({ ...branch, key: randomBytes(32).toString('base64') })],
    [
      'the key of the neighbour',
      (branch) => ({ ...branch, key: branches.get('zulu')?.[0]?.key ?? '' }),
    ],
    ['no key at all', (branch) => ({ ...branch, key: 'AA==' })],
    [
      'the files of the neighbour',
      (branch) => ({ ...branch, paths: branches.get('zulu')?.[0]?.paths ?? [] }),
    ],
    ['a file that is not there', (branch) => ({ ...branch, paths: [`${branch.paths[0]}.gone`] })],
    ['an empty file', damaged(() => Buffer.alloc(0))],
    ['a cut file', damaged((bytes) => bytes.subarray(0, bytes.length / 2))],
    ['plain text', damaged(() => Buffer.from('PAR1 no parquet PAR1'))],
    [
      'one changed byte',
      damaged((bytes) => {
        const at = bytes.length >> 1 // the first columns are not read: the tenant is a literal
        bytes[at] = 0xff ^ (bytes[at] ?? 0)
        return bytes
      }),
    ],
    [
      'a footer of another length',
      damaged((bytes) =>
        Buffer.concat([bytes.subarray(0, -8), Buffer.from([1, 2, 0, 0]), bytes.subarray(-4)]),
      ),
    ],
    ['an annex that is events', (branch) => ({ ...branch, annex: branch.paths })],
  ])('%s', async (what, change) => {
    const said = await open(change, what.includes('annex') ? 'SELECT * FROM annex' : undefined)
    expect(said).not.toBe('answered')
    expect(wrongWith(said), said).toEqual([])
    if (!what.includes('annex') && what !== 'no key at all') expect(said).toBe(FILE_TROUBLE)
  })
})
