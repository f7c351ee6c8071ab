/**
 * The same rows twice: as plain Parquet for the yardstick, and sealed under a key per tenant as the lake keeps them. They are
 * made by the engine from a number, so that 47 million cost minutes; made once, and used again while the sizes agree.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COLUMNS } from '../../../agent/base/event.ts'
import type { Branch } from '../../../agent/lake/cell.ts'
import { literal, openEngine } from '../../../agent/lake/engine.ts'
import { writeSealed } from '../../../agent/lake/parquet.ts'
import { takeApart } from '../../../agent/lake/parquet-seal.ts'

const VERSION = 2 // of what stands in the rows, and how it is sealed
const FILE_ROWS = 500_000 // about what compaction makes
const ROW_GROUP_ROWS = 122_880
export const START_US = Date.UTC(2026, 10, 1) * 1000
export const SPAN_US = 7 * 86_400_000_000

export interface Rows {
  branches: Branch[]
  plain: string[]
  rows: number
  plainBytes: number
  sealedBytes: number
}

export interface Size {
  tenants: number
  rowsEach: number
  fileRows?: number
  groupRows?: number
}

export async function makeRows(folder: string, size: Size): Promise<Rows> {
  const { fileRows = FILE_ROWS, groupRows = ROW_GROUP_ROWS } = size
  const stamp = join(folder, 'rows.json')
  const wanted = JSON.stringify({ VERSION, ...size })
  if (existsSync(stamp)) {
    const made = JSON.parse(readFileSync(stamp, 'utf8')) as { wanted: string; rows: Rows }
    if (made.wanted === wanted) return made.rows
  }
  rmSync(folder, { recursive: true, force: true })
  const rows: Rows = { branches: [], plain: [], rows: 0, plainBytes: 0, sealedBytes: 0 }
  const engine = await openEngine({ memoryMiB: 1024, threads: 2 })
  const connection = await engine.connect()
  for (let t = 0; t < size.tenants; t++) {
    const tenant_id = `site-${t}`
    const key = createHash('sha256').update(`bench ${tenant_id}`).digest()
    const paths: string[] = []
    mkdirSync(join(folder, tenant_id), { recursive: true })
    for (let from = 0; from < size.rowsEach; from += fileRows) {
      const to = Math.min(size.rowsEach, from + fileRows)
      const plain = join(folder, tenant_id, `${from}.plain.parquet`)
      const path = join(folder, tenant_id, `${from}.parquet`)
      await connection.run(
        `COPY (${rowsSql(tenant_id, { from, to, of: size.rowsEach })}) TO ${literal(plain)}
         (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${groupRows})`,
      )
      const bytes = readFileSync(plain)
      const sealed = await writeSealed(path, takeApart(bytes), key)
      paths.push(path)
      rows.plain.push(plain)
      rows.plainBytes += bytes.length
      rows.sealedBytes += sealed.bytes
      rows.rows += to - from
    }
    const of = { tenant_id, fleet_id: `fleet-${t % 5}` }
    rows.branches.push({ ...of, key: key.toString('base64'), paths })
  }
  connection.closeSync()
  engine.closeSync()
  writeFileSync(stamp, JSON.stringify({ wanted, rows }))
  return rows
}

/** Times rise; one row in twenty is a finding; ids, flow numbers and payloads do not compress, names do. */
function rowsSql(tenant_id: string, { from, to, of }: { from: number; to: number; of: number }) {
  const values: Record<string, string> = {
    tenant_id: literal(tenant_id),
    fleet_id: literal(`fleet-${Number(tenant_id.split('-')[1]) % 5}`),
    event_time: `make_timestamp(${START_US} + i * ${Math.floor(SPAN_US / of)} + h % 1000)`,
    host: `'host-' || (h % 300)`,
    rule_id: `CASE WHEN finding THEN 'sid:' || (2000000 + h % 211) END`,
    severity: `CASE WHEN finding THEN ['low', 'medium', 'high', 'critical'][1 + h % 4] END`,
    event_id: 'uuid()',
    appliance_id: `md5(${literal(tenant_id)})`,
    ingest_time: `make_timestamp(${START_US} + i * ${Math.floor(SPAN_US / of)} + 2000000)`,
    kind: `CASE WHEN finding THEN 'finding' ELSE ['flow', 'flow', 'dns', 'http', 'tls'][1 + h % 5] END`,
    attack_ids: `CASE WHEN finding THEN ['T1071', 'T10' || (h % 40)] END`,
    user: `CASE WHEN h % 50 = 0 THEN 'user-' || (h % 90) END`,
    src_ip: `'10.0.' || (h % 4) || '.' || (h // 7 % 250)`,
    dest_ip: `'198.51.' || (h // 11 % 100) || '.' || (h // 13 % 250)`,
    src_port: '(1024 + h // 17 % 60000)::USMALLINT',
    dest_port: '[443, 53, 80, 22][1 + h % 4]::USMALLINT',
    proto: `CASE WHEN h % 4 = 1 THEN 'UDP' ELSE 'TCP' END`,
    app_proto: `['tls', 'dns', 'http', 'ssh'][1 + h % 4]`,
    community_id: `'1:' || base64(unhex(left(md5((h // 3)::VARCHAR), 20)))`,
    flow_id: '(h // 3)::VARCHAR',
    bytes: '(h // 19 % 100000)::UBIGINT',
    packets: '(h // 23 % 100)::UBIGINT',
    action: `CASE WHEN finding THEN 'alert' END`,
    message: `CASE WHEN finding THEN 'Rule ' || (h % 211) || ' matched on host ' || (h % 300) END`,
    record: `'{"event_type":"flow","flow":{"pkts_toserver":' || (h // 29 % 100) || ',"bytes_toclient":' || (h // 31 % 100000)
      || ',"state":"closed","reason":"timeout"},"tls":{"sni":"www' || (h // 37 % 5000) || '.example.net","ja4":"' || left(md5((h // 41 % 900)::VARCHAR), 16) || '"}}'`,
  }
  const columns = COLUMNS.map(([name, type]) => `(${values[name]})::${type} AS "${name}"`)
  return `SELECT ${columns.join(', ')} FROM (SELECT i, h, h // 5 % 20 = 0 AS finding FROM
    (SELECT i, (hash(i, ${literal(tenant_id)}) >> 1)::BIGINT AS h FROM range(${from}, ${to}) r(i))) ORDER BY event_time`
}
