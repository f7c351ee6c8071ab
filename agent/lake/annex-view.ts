/** The annex as SQL: the last value of each name of each event, over files of several acts and keys. */
import { literal } from './engine.ts'
import { scan } from './parquet.ts'

/** Files of one tenant under one key that the engine knows by this name. */
export interface AnnexScan {
  tenant_id: string
  keyName: string
  paths: readonly string[]
}

export const ANNEX_COLUMNS = [
  ['tenant_id', 'VARCHAR'],
  ['event_id', 'UUID'],
  ['name', 'VARCHAR'],
  ['value', 'VARCHAR'],
  ['value_type', 'VARCHAR'],
  ['event_us', 'BIGINT'], // when we had the event: how long its values are kept
  ['set_seq', 'BIGINT'],
  ['set_time', 'TIMESTAMP'],
] as const

const NAMES = ANNEX_COLUMNS.map(([name]) => name).join(', ')
const EMPTY = `SELECT ${ANNEX_COLUMNS.map(([name, type]) => `NULL::${type} AS ${name}`).join(', ')} WHERE false` // biome-ignore format: one line

/** Every value that was ever set and is still in these files. The tenant is a literal: a filter on it spares the others. */
export function annexRows(scans: readonly AnnexScan[]): string {
  const own = scans
    .filter(({ paths }) => paths.length > 0)
    .map(({ tenant_id, keyName, paths }) => `SELECT ${literal(tenant_id)} AS tenant_id, * EXCLUDE (tenant_id) FROM ${scan(paths, keyName)}`) // biome-ignore format: one line
  return own.length > 0 ? own.join(' UNION ALL BY NAME ') : EMPTY
}

/** One row an event and name: the one that was set last, also where it says that the value was taken away. */
export function annexLast(rows: string): string {
  return `SELECT unnest(arg_max({${ANNEX_COLUMNS.map(([name]) => `'${name}': ${name}`).join(', ')}}, set_seq))
    FROM (SELECT ${NAMES} FROM (${rows})) GROUP BY tenant_id, event_id, name`
}

/** What a question sees as `annex`. The groups are columns of their own, so that a filter on them reaches the files. */
export function annexView(scans: readonly AnnexScan[]): string {
  return `SELECT tenant_id, event_id, name, last.value AS value, last.value_type AS value_type,
    CASE WHEN last.value_type = 'number' THEN TRY_CAST(last.value AS DOUBLE) END AS number
    FROM (SELECT tenant_id, event_id, name, arg_max({'value': value, 'value_type': value_type}, set_seq) AS last
      FROM (${annexRows(scans)}) GROUP BY tenant_id, event_id, name)
    WHERE last.value IS NOT NULL`
}
