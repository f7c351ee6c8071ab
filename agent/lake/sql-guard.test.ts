import { afterAll, beforeAll, expect, test } from 'vitest'
import { openJudge, type SqlJudge } from '../../test/lake/sql-judge.ts'
import { CROSS_TENANT } from '../base/failure.ts'

const scope = { tenants: ['alfa', 'al-two'], fleets: ['acme'] }
let guard: SqlJudge
beforeAll(async () => {
  guard = await openJudge(scope)
})
afterAll(() => guard.close())
const judge = (sql: string) => guard.judge(sql)

test.each([
  'SELECT * FROM events',
  'from lake.events select host',
  `SELECT severity, count(*) FILTER (WHERE kind = 'finding') n FROM events WHERE event_time > now() - INTERVAL 1 DAY GROUP BY ALL HAVING count(*) > 1 ORDER BY n DESC LIMIT 10 OFFSET 2`,
  `WITH a AS (SELECT host, count(*) n FROM events GROUP BY host), b AS (SELECT * FROM a WHERE n > 1) SELECT a.*, b.n FROM a JOIN b USING (host)`,
  `WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r`,
  `SELECT record->>'$.alert.signature', json_extract(record, '$.dns') FROM events`,
  `SELECT list_transform([1, 2], x -> x + 1), [x * 2 for x in [1,2]], {'a': 1}, attack_ids[1], attack_ids[1:2] FROM events`,
  `SELECT unnest(attack_ids), time_bucket(INTERVAL 5 MINUTE, event_time) FROM events, unnest([1, 2]) t(u)`,
  `SELECT row_number() OVER (PARTITION BY host ORDER BY event_time), lag(bytes) OVER w, sum(bytes) OVER (ORDER BY event_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM events WINDOW w AS (ORDER BY event_time) QUALIFY row_number() OVER () = 1`,
  `SELECT CASE WHEN severity IN ('high', 'critical') THEN 1 ELSE 0 END, x FROM (VALUES (1), (2)) v(x), events WHERE host NOT LIKE '%x%' AND bytes BETWEEN 1 AND 2`,
  `SELECT * EXCLUDE (record), COLUMNS('src.*') FROM events WHERE tenant_id = 'alfa' AND fleet_id IN ('acme')`,
  `SELECT tenant_id, count(*) FROM events WHERE tenant_id LIKE 'al%' GROUP BY 1`,
  `SELECT e.host FROM events e WHERE EXISTS (SELECT 1 FROM events f WHERE f.host = e.host AND f.tenant_id = e.tenant_id)`,
  `SELECT extract(hour FROM event_time), event_time::DATE, date_trunc('hour', event_time), TRY_CAST(user AS INTEGER) FROM events`,
  `SELECT count(DISTINCT host) FROM events UNION ALL SELECT 1 EXCEPT SELECT 2`,
  `SELECT arg_max(host, bytes), quantile_cont(bytes, 0.95), string_agg(host, ',' ORDER BY host) FROM events GROUP BY ROLLUP (severity)`,
  `SELECT bytes::DECIMAL(18, 2) / 1024, attack_ids::VARCHAR, record::JSON, (record->'dns')::STRUCT(rrname VARCHAR)[] FROM events`,
  `SELECT e.host, j.key, j.value FROM events e, json_each(e.record) j WHERE j.type = 'VARCHAR'`,
  `SELECT regexp_extract(message, 'sid=([0-9]+)', 1), regexp_replace(host, '[^a-z]', '', 'g') FROM events USING SAMPLE 10%`,
  `WITH a AS NOT MATERIALIZED (SELECT DISTINCT ON (host) host, bytes FROM events ORDER BY bytes DESC NULLS LAST) SELECT avg(bytes) OVER (ORDER BY host NULLS FIRST GROUPS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM a`,
  `SELECT * FROM events a ASOF JOIN events b ON a.host = b.host AND a.event_time >= b.event_time`,
  `SELECT list_cosine_similarity([1.0, 2.0], [2.0, 3.0]), map_from_entries([(1, 2)]), struct_keys({'a': 1}), ago(INTERVAL 1 DAY)`,
  `SELECT e.host, a.value FROM events e JOIN annex a USING (tenant_id, event_id) WHERE a.name = 'owner'`,
  `SELECT annex.name, lake.annex.number FROM lake.annex WHERE annex.tenant_id = 'alfa'`,
])('a question of an analyst passes: %s', async (sql) => {
  expect(await judge(sql)).toBe('ok')
})

test.each([
  `SELECT * FROM events WHERE tenant_id = 'zulu'`,
  `SELECT * FROM events WHERE 'zulu' = tenant_id`,
  `SELECT * FROM events e WHERE e.TENANT_ID <> 'zulu'`,
  `SELECT * FROM events WHERE lower(tenant_id) = 'zulu'`,
  `SELECT * FROM events WHERE tenant_id IN ('alfa', 'zulu')`,
  `SELECT * FROM events WHERE tenant_id NOT IN ('zulu')`,
  `SELECT * FROM events WHERE tenant_id BETWEEN 'y' AND 'zz'`,
  `SELECT * FROM events WHERE tenant_id LIKE 'zu%'`,
  `SELECT * FROM events WHERE tenant_id ILIKE 'ZULU'`,
  `SELECT * FROM events WHERE tenant_id SIMILAR TO 'zulu'`,
  `SELECT * FROM events WHERE regexp_matches(tenant_id, '^zulu$')`,
  `SELECT * FROM events WHERE starts_with(tenant_id, 'zu')`,
  `SELECT * FROM events WHERE tenant_id IS NOT DISTINCT FROM 'zulu'`,
  `SELECT * FROM events WHERE tenant_id = ANY (['zulu'])`,
  `SELECT * FROM events WHERE list_contains(['zulu'], tenant_id)`,
  `SELECT * FROM events WHERE tenant_id IN (SELECT 'zulu')`,
  `SELECT * FROM events WHERE tenant_id IN (VALUES ('zulu'))`,
  `SELECT * FROM events WHERE tenant_id = 'zulu'::VARCHAR`,
  `SELECT CASE tenant_id WHEN 'zulu' THEN 1 END FROM events`,
  `SELECT nullif(tenant_id, 'zulu') FROM events`,
  `SELECT * FROM events WHERE fleet_id = 'other'`,
  `SELECT * FROM events WHERE fleet_id = 'alfa'`,
  `SELECT * FROM zulu.events`,
  `SELECT * FROM zulu.main.events`,
  `SELECT zulu.events.host FROM events`,
  `SELECT * FROM annex WHERE tenant_id = 'zulu'`,
  `SELECT * FROM zulu.annex`,
  `SELECT (SELECT max(host) FROM zulu.events)`,
])('a foreign tenant is refused in the one sentence: %s', async (sql) => {
  expect(await judge(sql)).toBe(CROSS_TENANT)
})

test.each([
  ['SELECT * FROM (SHOW ALL TABLES)', /SHOW_REF/],
  ['SELECT * FROM (DESCRIBE events)', /SHOW_REF/],
  ['SELECT * FROM (SUMMARIZE events)', /SHOW_REF/],
  [`SELECT * FROM '../zulu/tier1/0001.parquet'`, /no table/],
  [`SELECT * FROM read_parquet('/x')`, /read_parquet/],
  [
    `SELECT CASE WHEN true THEN (SELECT content FROM read_text('/etc/passwd') LIMIT 1) END`,
    /read_text/,
  ],
  [`SELECT (SELECT count(*) FROM glob('/*') g WHERE g.file = host) FROM events`, /glob/],
  [`SELECT * FROM enable_logging(storage='file', storage_path='/x')`, /enable_logging/],
  [`SELECT * FROM duckdb_settings()`, /duckdb_settings/],
  [`SELECT current_setting('allowed_paths')`, /current_setting/],
  [`SELECT getvariable('x')`, /getvariable/],
  [`SELECT repeat('x', 2000000000)`, /repeat/],
  [`SELECT format('{:>2000000000}', message) FROM events`, /format/],
  [`SELECT printf('%2000000000s', 'x')`, /printf/],
  [`SELECT lpad('x', 2000000000, 'y')`, /lpad/],
  [`SELECT unnest(range(100000000))`, /range/],
  [`SELECT * FROM generate_series(1, 100000000)`, /generate_series/],
  [`SELECT * FROM list_value(1)`, /table function list_value is not one/],
  [`SELECT json_each('[1]')`, /function json_each is not one/],
  [`SELECT * FROM zulu.json_each('[1]')`, /json_each is not one/],
  [`SELECT setseed(0.5)`, /setseed/],
  [`SELECT * FROM query('select 1')`, /query/],
  [`SELECT * FROM duckdb_tables`, /no table/],
  [`SELECT nextval('s')`, /nextval/],
  [`SELECT pg_typeof(1)`, /pg_typeof/],
  ['SELECT $1', /parameter/i],
  ['SELECT 1e400', /too large/],
  ["SELECT 1\0 FROM read_csv('/etc/passwd')", /NUL/],
  ["SELECT 1 -- \0\n; COPY events TO '/tmp/x'", /NUL/],
  ['SELECT 1; SELECT 2', /one question/],
  ['SELECT 1; /* ; */ DROP VIEW lake.events', /Only SELECT/],
  ['SET VARIABLE x = 1', /Only SELECT/],
  ['CREATE TEMP VIEW v AS SELECT 1', /Only SELECT/],
  ['CREATE MACRO count(x) AS 0', /Only SELECT/],
  ['PRAGMA database_list', /Only SELECT/],
  ["COPY events TO '/tmp/x'", /Only SELECT/],
  ["ATTACH '/tmp/x'", /Only SELECT/],
  ['EXPLAIN ANALYZE SELECT 1', /Only SELECT/],
  ['', /one question/],
  ['SELEC 1', /no SQL/],
  [
    `WITH a AS (SELECT 1) SELECT * FROM (WITH zulu_events AS (SELECT 1) SELECT 1) x, zulu_events`,
    /no table zulu_events/,
  ],
  [`SELECT * FROM events AT (VERSION => 1)`, /version/],
])('%s is refused', async (sql, reason) => {
  expect(await judge(sql)).toMatch(reason)
})

test('bounds: bytes of the text, parts of the tree', async () => {
  expect(await judge(`SELECT '${'x'.repeat(70_000)}'`)).toMatch(/65536 bytes/)
  expect(await judge(`SELECT ${Array.from({ length: 6000 }, () => '1').join(',')}`)).toMatch(
    /5000 parts/,
  )
  expect(await judge(`SELECT ${'('.repeat(3000)}1${')'.repeat(3000)}`)).not.toBe(undefined)
})
