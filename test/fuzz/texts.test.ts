/** Texts from outside: rules, signed JSON, SQL. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { canonical, parseCanonical } from '../../agent/base/canonical.ts'
import { Failure } from '../../agent/base/failure.ts'
import { checkRules } from '../../agent/detect/signatures/rule-set.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { guardSql } from '../../agent/lake/sql-guard.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { Chance } from '../traffic/chance.ts'
import { corpus } from '../traffic/corpus.ts'
import { fuzzBytes, SEED } from './fuzz.ts'

const CORPUS_RULES = 150

function realRules(): string[] {
  const folder = corpus('rules')
  if (!folder) return []
  const all = globSync(join(folder, '*.rules')).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('alert')),
  )
  return new Chance(SEED).sample(all, CORPUS_RULES)
}

const rules = [
  ...shippedRuleFiles().flatMap((file) => readFileSync(file, 'utf8').split('\n')),
  'alert tcp any any -> any any (msg:"m"; content:"|41 42|c"; offset:1; depth:8; content:"x"; distance:-2; within:9; pcre:"/^a(b|c)+$/iR"; byte_test:2,>,5,0,relative; byte_jump:4,0,relative,align; isdataat:10,relative; flow:to_server,established; threshold:type both,track by_src,count 5,seconds 60; sid:1; rev:2;)',
  'alert http [10.0.0.0/8,!10.1.0.0/16] ![80,8000:9000] <> $HOME_NET any (msg:"m"; http.uri; content:"/a"; startswith; nocase; http.header_names; content:"|0d 0a|X"; xbits:set,a,track ip_src; sid:2;)',
  ...realRules(),
].map((text) => Buffer.from(text))

fuzzBytes('rules', rules, (bytes) => {
  const text = bytes.toString('utf8')
  const { total, loaded, refused } = checkRules([{ path: 'f.rules', text }])
  if (loaded > total || loaded + refused.length < total) throw new Error('a rule is unaccounted')
  for (const { line, reason } of refused)
    if (!(line >= 1) || reason === '' || reason.includes('\n'))
      throw new Error(`a refusal that is no line: ${JSON.stringify(reason)}`)
})

/** A Failure the caller may show, or a bug. */
function expected(error: unknown): void {
  const kind = Failure.kindOf(error)
  if (kind !== 'invalid' && kind !== 'refused') throw error
}

const VALUES = [
  { b: [1, 2.5, -0.001, 1e-7, true, null], a: { '': 'ü\u2028', é: [] } },
  [[[[[[['deep']]]]]]],
  'text with "quotes", \\ and \u0001',
]

fuzzBytes(
  'canonical JSON',
  [
    ...VALUES.map((value) => Buffer.from(canonical(value))),
    Buffer.from('{"a":1,"a":2}'),
    Buffer.from('{"__proto__":{"x":1}}'),
    Buffer.from('['.repeat(5000)),
    Buffer.from(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`),
  ],
  (bytes) => {
    let text: string
    try {
      text = canonical(parseCanonical(bytes))
    } catch (error) {
      expected(error)
      return
    }
    if (!Buffer.from(text).equals(bytes)) throw new Error(`it was written anew as ${text}`)
    if (({} as { x?: unknown }).x !== undefined) throw new Error('the prototype was reached')
  },
)

const engine = await openEngine({ memoryMiB: 256 })
const connection = await engine.connect()
afterAll(() => {
  connection.closeSync()
  engine.closeSync()
})

const QUESTIONS = [
  `WITH RECURSIVE a AS (SELECT host, count(*) n FROM events GROUP BY host) SELECT a.*, e.host FROM a JOIN events e USING (host) WHERE n > 1 ORDER BY 1 LIMIT 5`,
  `SELECT record->>'$.alert', list_transform([1], x -> x + 1), {'a': 1}, attack_ids[1:2] FROM lake.events WHERE tenant_id = 'alfa' AND fleet_id IN ('acme')`,
  `SELECT row_number() OVER (PARTITION BY host ORDER BY event_time), CASE WHEN severity = 'high' THEN 1 ELSE 0 END FROM events e, unnest([1, 2]) t(u) QUALIFY 1`,
  `SELECT * FROM read_csv('/etc/passwd'); COPY events TO 'x'; ATTACH 'y'; PRAGMA z; SET a = 1`,
  `SELECT 1 UNION ALL SELECT $1; -- comment\n/* more */ SELECT E'\\x41', 'a' || $$b$$, 1e400, 0x7f, "quoted""name"`,
].map((text) => Buffer.from(text))

fuzzBytes('SQL', QUESTIONS, async (bytes) => {
  const sql = bytes.toString('utf8')
  try {
    await guardSql(connection, sql, { tenants: ['alfa'], fleets: ['acme'] })
    if (sql.includes('\0')) throw new Error('it passed with a NUL')
  } catch (error) {
    expected(error)
    if ((error as Error).message.length > 500) throw new Error('a sentence without end')
  }
})
