/** The event row: the one Parquet schema of all tiers, and what a stage hands to the journal. */

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

export const EVENT_KINDS = [
  'finding',
  'flow',
  'dns',
  'http',
  'tls',
  'ssh',
  'smb',
  'dhcp',
  'ftp',
  'smtp',
  'krb5',
  'rdp',
  'dcerpc',
  'snmp',
  'file',
  'packet',
  'ot',
  'asset',
  'host',
  'action',
  'summary',
  'health',
  'fault',
] as const
export type EventKind = (typeof EVENT_KINDS)[number]

export const SCHEMA_VERSION = 1
export const RECORD_BYTES_MAX = 65_536

/** What a stage says happened. `stamp` adds whose it is; nothing here can name a tenant. */
export interface EventDraft {
  kind: EventKind
  /** Microseconds since 1970, by packet or source. */
  event_time: number
  /** Set only where a stage must know the id before the row is written (a finding and its action). */
  event_id?: string
  host?: string | undefined
  /** `sid:2012345` · `base:<name>` · `picket:<slug>` …; findings and actions only. */
  rule_id?: string | undefined
  severity?: Severity | undefined
  attack_ids?: readonly string[] | undefined
  user?: string | undefined
  /** RFC 5952 text. */
  src_ip?: string | undefined
  dest_ip?: string | undefined
  src_port?: number | undefined
  dest_port?: number | undefined
  proto?: string | undefined
  app_proto?: string | undefined
  community_id?: string | undefined
  /** Decimal digits of an unsigned 64-bit number. */
  flow_id?: string | undefined
  /** Both directions together. */
  bytes?: number | undefined
  packets?: number | undefined
  action?: string | undefined
  message?: string | undefined
  /** EVE field names; at most RECORD_BYTES_MAX as JSON. */
  record?: Readonly<Record<string, unknown>> | undefined
}

export interface EventRow extends EventDraft {
  tenant_id: string
  fleet_id: string
  event_id: string
  /** Microseconds since 1970: when we had it. */
  ingest_time: number
  appliance_id: string
}

/** Whose rows these are. Only the journal's writer and the importer hold one. */
export interface Stamp {
  tenant_id: string
  fleet_id: string
  appliance_id: string
}

/** Column, DuckDB type, in file order: the first six are the core of L2. */
export const COLUMNS = [
  ['tenant_id', 'VARCHAR'],
  ['fleet_id', 'VARCHAR'],
  ['event_time', 'TIMESTAMP'],
  ['host', 'VARCHAR'],
  ['rule_id', 'VARCHAR'],
  ['severity', 'VARCHAR'],
  ['event_id', 'UUID'],
  ['appliance_id', 'VARCHAR'],
  ['ingest_time', 'TIMESTAMP'],
  ['kind', 'VARCHAR'],
  ['attack_ids', 'VARCHAR[]'],
  ['user', 'VARCHAR'],
  ['src_ip', 'VARCHAR'],
  ['dest_ip', 'VARCHAR'],
  ['src_port', 'USMALLINT'],
  ['dest_port', 'USMALLINT'],
  ['proto', 'VARCHAR'],
  ['app_proto', 'VARCHAR'],
  ['community_id', 'VARCHAR'],
  ['flow_id', 'VARCHAR'],
  ['bytes', 'UBIGINT'],
  ['packets', 'UBIGINT'],
  ['action', 'VARCHAR'],
  ['message', 'VARCHAR'],
  ['record', 'VARCHAR'],
] as const
