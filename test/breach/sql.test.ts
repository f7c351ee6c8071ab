/** Attempts on the layer `sql`: a question that asks for more than its scope, told to a running box and to less and less of it. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { cellRoom } from '../../agent/lake/cell-room.ts'
import type { Limits } from '../../agent/lake/confined-child.ts'
import { scan } from '../../agent/lake/parquet.ts'
import { attempt, type Layer } from './attempt.ts'
import { refusal } from './box.ts'
import { type Canary, canary, canaryOf } from './canary.ts'
import {
  BOUND,
  FRESH,
  GUARD,
  LANDLOCK,
  LOCK,
  ONE_SELECT,
  SCOPE,
  SECCOMP,
  VIEW,
  WATCH,
} from './cell-layers.ts'
import { GROUP, OWN_USER } from './cell-walls.ts'
import { LakeStage } from './lake-stage.ts'

let stage: LakeStage
beforeAll(async () => {
  stage = await LakeStage.open()
  await stage.plainParquet()
})
afterAll(() => stage.close())

/** `@`: zulu's lake file, `~`: the bait, `^`: a plain Parquet with the bait in its statistics. */
const filled = (sql: string) =>
  sql
    .replaceAll('@', () => stage.branches.zulu.paths[0] ?? '')
    .replaceAll('~', () => stage.baitFile)
    .replaceAll('^', () => join(stage.folder, 'plain.parquet'))
    .replaceAll('#', () => stage.folder)

interface Question {
  layers?: readonly Layer[]
  planted?: () => string[]
  secrets?: () => Canary[]
}

/** One question that must give nothing of zulu and nothing of the box. */
function question(id: string, sql: string, more: Question = {}) {
  const { layers = [GUARD, SCOPE], planted, secrets = () => [stage.theirs, stage.bait] } = more
  attempt(id, {
    by: sql,
    layers,
    secrets,
    try: (run) => stage.put(run, filled(sql), planted ? { planted: planted() } : {}),
  })
}

const FOREIGN = [
  `SELECT * FROM events WHERE tenant_id = 'zulu'`,
  `SELECT string_agg(host, ',') FROM events WHERE tenant_id IN ('alfa', 'zulu')`,
  `SELECT * FROM events WHERE fleet_id = 'zorro'`,
]
for (const sql of FOREIGN) question('sql-01', sql)

describe('names of another tenant', () => {
  /** `@` stands for a tenant of this box or of nobody; the answers must not differ by one byte. */
  test.each([
    `SELECT * FROM events WHERE tenant_id = '@'`,
    `SELECT count(*) FROM events WHERE tenant_id IN ('alfa', '@')`,
    `SELECT * FROM events WHERE fleet_id = '@'`,
    `SELECT * FROM @.events`,
    `SELECT @.main.events.host FROM events`,
  ])('sql-01 known and unknown are refused alike: %s', async (sql) => {
    const refused = new Set<string>()
    for (const name of ['zulu', 'zorro', 'ghost'])
      refused.add(await refusal(stage.asAlfa(sql.replace('@', name))))
    expect([...refused]).toEqual([`refused: ${CROSS_TENANT}`])
  })

  test('sql-01 by the command line: same words, same exit code, same bytes', async () => {
    const { box } = stage
    const said = []
    const sql = `SELECT * FROM events WHERE tenant_id = '@'`
    for (const name of ['zulu', 'ghost']) said.push(await box.query('alfa', sql.replace('@', name)))
    said.push(await box.query('ghost', 'SELECT 1'), await box.query('alfa,ghost', 'SELECT 1'))
    const err = `${JSON.stringify({ error: { kind: 'refused', message: CROSS_TENANT } })}\n`
    const expected = { code: 3, out: '', err }
    expect(said).toEqual([expected, expected, expected, expected])
    const plain = await box.picket('query', '--scope', 'ghost', '--sql', 'SELECT 1')
    expect(plain).toEqual({ code: 3, out: '', err: `picket: ${CROSS_TENANT}\n` })
  })

  test('sql-01 the refusal is a line of the audit trail', async () => {
    await refusal(stage.asAlfa(`SELECT 'once' FROM events WHERE tenant_id = 'zulu'`))
    const { items } = await stage.box.web.auditList({ token: stage.token, limit: 20 })
    expect(items.map(({ verb, outcome }) => `${verb} ${outcome}`)).toContain('lake.query refused')
  })
})

for (const name of [`chr(122) || 'ulu'`, `reverse('uluz')`, `decode(from_base64('enVsdQ=='))`])
  question('sql-02', `SELECT host FROM events WHERE tenant_id = ${name}`, { layers: [SCOPE] })

const FILES = [GUARD, LOCK, LANDLOCK]
const WITH_KEY = `read_parquet('@', encryption_config = {footer_key: 'k1'})`
question('sql-03', `SELECT * FROM '^'`, { layers: FILES })
question('sql-03', `SELECT * FROM '../../../../../../../..^'`, { layers: FILES })
question('sql-03', `SELECT * FROM ${WITH_KEY}`, { layers: [GUARD, LOCK, SCOPE] })

const hidden = (what: string) =>
  `SELECT CASE WHEN host IS NOT NULL THEN (SELECT max(${what} e.host <> '')) END FROM events e`
question('sql-04', hidden(`content) FROM read_text('~') WHERE (`), { layers: FILES })
question('sql-04', hidden(`content::VARCHAR) FROM read_blob('~') WHERE (`), { layers: FILES })
question('sql-04', hidden(`file) FROM glob('#/*.txt') WHERE (`), {
  layers: [GUARD, LOCK, { ...LANDLOCK, shows: /"rows":\[\[null\]\]/ }],
  secrets: () => [stage.called],
})
question('sql-04', hidden(`stats_max_value) FROM parquet_metadata('^') WHERE (`), { layers: FILES })
question('sql-04', hidden(`host) FROM read_parquet('^') WHERE (`), { layers: FILES })

const STRANGER = () => [
  `CREATE TABLE "${stage.theirs.text}" (x INTEGER)`,
  `CREATE OR REPLACE VIEW lake.events AS SELECT 1 AS "${stage.theirs.text}"`,
]
question('sql-05', 'SELECT * FROM (SHOW ALL TABLES)', { planted: STRANGER })
question('sql-05', 'SELECT * FROM (DESCRIBE lake.events)', { planted: STRANGER })
question('sql-05', 'SELECT * FROM (SUMMARIZE lake.events)')

/** Statements of one operator; then the next one asks `next`, and must get its own rows, and nothing the first left there. */
function leaving(
  id: string,
  sql: string,
  { layers, next, keeps }: { layers: readonly Layer[]; next: string; keeps: boolean },
) {
  // biome-ignore format: one line
  const left = canary('what an operator left behind')
  const [one, two] = [left.text.slice(0, 9), left.text.slice(9)]
  attempt(id, {
    by: sql,
    layers,
    secrets: () => [left],
    try: async (run) => {
      await stage.put(run, sql.replaceAll('~', `'${one}' || '${two}'`), { state: true })
      const answer = await stage.put(run, next, { state: true })
      if (keeps) run.keeps('the next answer', [stage.ours], answer)
    },
    undo: () => stage.endCells(),
  })
}

const ONE_AT_A_TIME = { layers: [GUARD, ONE_SELECT, FRESH], next: 'SELECT host FROM lake.events', keeps: true } // biome-ignore format: one line
for (const sql of [
  'SELECT 1; /* ; */ DROP VIEW lake.events',
  'SELECT 1 /* /* ; */ ; */; DROP VIEW lake.events',
  'SELECT $$;$$; DROP VIEW lake.events',
  'SELECT 1; DROP VIEW lake.events -- ;',
])
  leaving('sql-06', sql, ONE_AT_A_TIME)

const FIRST = { ...ONE_AT_A_TIME, next: 'SELECT host FROM events', keeps: false }
leaving('sql-12', 'CREATE TEMP VIEW events AS SELECT ~ AS host', FIRST)
leaving('sql-12', 'CREATE MACRO lower(x) AS ~', {
  ...FIRST,
  next: 'SELECT lower(host) FROM events',
})
leaving(
  'sql-12',
  'CREATE SCHEMA mine; CREATE VIEW mine.events AS SELECT ~ AS host; USE mine',
  FIRST,
)
leaving('sql-12', 'SET VARIABLE x = ~', { ...FIRST, next: `SELECT getvariable('x')` })

/** The engine aborts at the log that it may not write, a locked one lets it be switched on all the same. */
const DIED = /The cell died/
attempt('sql-07', {
  layers: [GUARD, ...[LOCK, SECCOMP, LANDLOCK].map((layer) => ({ ...layer, shows: DIED }))],
  try: async (run) => {
    const folder = join(stage.folder, 'log')
    await stage.put(run, `SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '${folder}')`, { loose: true }) // biome-ignore format: one line
    await stage.put(run, 'SELECT 1', { loose: true })
    if (existsSync(folder)) run.harm('a log was written to the disk')
  },
  undo: () => {
    stage.endCells()
    rmSync(join(stage.folder, 'log'), { recursive: true, force: true })
  },
  holds: async () => expect((await stage.asAlfa('SELECT 1')).rows).toEqual([[1]]),
})

const long = (times: number, text: string) => {
  let sql = `'${text.repeat(10)}'`
  for (let i = 1; i < times; i++) sql = `replace(${sql}, '${text}', '${text.repeat(10)}')`
  return sql
}

/** Its answer is a number that stands nowhere in the question: it shows that all of the work was done. */
function heavy(
  id: string,
  of: { sql: string; answer: string; layers: readonly Layer[]; limits?: Limits },
) {
  // biome-ignore format: one line
  const { sql, answer, layers, limits } = of
  attempt(id, {
    layers,
    secrets: () => [canaryOf('the result of all that work', answer)],
    // What the guard refuses is put to the box; its limits are those of the product.
    try: (run) => stage.put(run, sql, limits && (run.off.size > 0 || layers[0] !== GUARD) ? { limits } : {}), // biome-ignore format: one line
    holds: async () => expect((await stage.asAlfa('SELECT 1')).rows).toEqual([[1]]),
  })
}

/** A third of what a cell may use, so that the control need not fill more than it must. */
const TIGHT = { cpuMs: 20_000, wallMs: 60_000, rssBytes: 256 << 20 }
heavy('sql-08', {
  sql: `SELECT length(format('{:>300000001}', 'x')) * 3 AS n`,
  answer: '900000003',
  layers: [GUARD, GROUP, WATCH],
  limits: TIGHT,
})
heavy('sql-09', {
  sql: `SELECT length(replace(${long(6, 'x')}, 'x', '${'x'.repeat(300)}')) * 3 AS n`,
  answer: '900000000',
  layers: [GROUP, WATCH],
  limits: TIGHT,
})
test('sql-09 the same in a box, past its own limit', async () => {
  const sql = `SELECT length(replace(${long(7, 'x')}, 'x', '${'x'.repeat(300)}'))`
  const { rssBytes } = cellRoom()
  expect(await refusal(stage.asAlfa(sql))).toMatch(`more than ${rssBytes >> 20} MB`)
  expect((await stage.asAlfa('SELECT 1')).rows).toEqual([[1]])
})
heavy('sql-10', {
  sql: `SELECT levenshtein(${long(4, 'x')}, ${long(4, 'y')}) * 100003 AS n`,
  answer: '1000030000',
  layers: [WATCH],
  limits: { cpuMs: 150, wallMs: 30_000, rssBytes: 512 << 20 },
})

question(
  'sql-11',
  'SELECT * FROM (WITH zulu_events AS (SELECT 1) SELECT * FROM zulu_events) a, zulu_events',
  {
    planted: () => [`CREATE TABLE zulu_events AS SELECT '${stage.theirs.text}' AS host`],
  },
)

for (const sql of [
  'SELECT filename FROM events',
  'SELECT events FROM events',
  `SELECT COLUMNS('.*') FROM events`,
  'SELECT unnest(events) FROM events',
  'SELECT * FROM events POSITIONAL JOIN (SELECT 1)',
])
  question('sql-13', sql, {
    layers: [VIEW],
    secrets: () => stage.paths,
    planted: () => [`CREATE OR REPLACE VIEW main.events AS SELECT *, filename FROM ${scan(stage.branches.alfa.paths, 'k0')}`], // biome-ignore format: one line
  })
test('sql-13 only the documented columns exist', async () => {
  for (const column of ['filename', 'file_row_number', 'file_index', 'rowid'])
    expect(await refusal(stage.asAlfa(`SELECT ${column} FROM events`)), column).toMatch(/^invalid: /) // biome-ignore format: one line
})

// Views and the file cache name no path any more, as a cell opens files into memory: refused below, without a control.
/** Who is shown a folder as a descriptor does not learn where it lies. */
const UNNAMED: Layer = { ...OWN_USER, shows: /"\/proc\/\d+\/fd\/\d+|"\[\/proc/ }
for (const sql of [
  `SELECT value FROM duckdb_settings() WHERE name = 'allowed_paths'`,
  `SELECT current_setting('allowed_paths')`,
])
  question('sql-14', sql, { layers: [GUARD, UNNAMED], secrets: () => stage.paths })

const TEN = '(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))'
const last = canary('the last row')
attempt('sql-16', {
  layers: [BOUND],
  secrets: () => [last],
  try: (run) =>
    stage.put(run, `SELECT CASE WHEN a.n + b.n + c.n + d.n + e.n = 45 THEN '${last.text.slice(0, 9)}' || '${last.text.slice(9)}' ELSE '${'x'.repeat(600)}' END FROM ${[...'abcde'].map((name) => `${TEN} ${name}(n)`).join(', ')}`), // biome-ignore format: one line
})

test.each([
  'SHOW TABLES',
  'DESCRIBE events',
  'SUMMARIZE events',
  `ATTACH '@' AS other`,
  `COPY events TO '/tmp/picket-breach.csv'`,
  `COPY (SELECT * FROM events) TO '/dev/shm/picket-breach.csv'`,
  `EXPORT DATABASE '/tmp/picket-breach'`,
  'PRAGMA database_list',
  'SELECT * FROM pragma_database_list()',
  'SELECT sql FROM duckdb_views()',
  'SELECT * FROM duckdb_external_file_cache()',
  `PRAGMA add_parquet_key('k0', '0123456789112345')`,
  'SET enable_external_access = true',
  'INSTALL httpfs',
  'SELECT 1\uff1b DROP VIEW lake.events',
])('what is no question is refused, and says neither path nor key: %s', async (sql) => {
  const answer = await refusal(stage.asAlfa(filled(sql)))
  expect(answer).toMatch(/^(refused|invalid): /)
  expect(answer).not.toContain(stage.box.tenant('alfa').tenant_uid)
  expect(answer).not.toMatch(/footer_key/)
})
