/**
 * The fixed questions of the web, as data: SQL over the view `events` with parameters by name. A page
 * picks one by its name and can set nothing but these parameters, so a warm cell may answer them (D14).
 */
import { Failure } from '../base/failure.ts'

type Kind = 'text' | 'time' | 'number' | 'limit' | 'offset' | 'seconds'

export interface NamedQuery {
  sql: string
  /** Of a page of newest rows: the time of its oldest, from the same parameters. */
  oldest?: string
  params: Readonly<Record<string, Kind>>
}

const LIMIT = 100
const LIMIT_MAX = 1_000
const OFFSET_MAX = 1_000_000
const SECONDS_MAX = 7 * 86_400
const TEXT_CHARS_MAX = 512

/** Values as the engine takes them: what is absent is null, and a filter that is null filters nothing. */
export function readParams(
  query: NamedQuery,
  given: Readonly<Record<string, unknown>>,
): Record<string, string | number | null> {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(query.params, name))
      throw new Failure('invalid', `This question has no parameter ${name}.`)
  return Object.fromEntries(
    Object.entries(query.params).map(([name, kind]) => [name, readParam(name, kind, given[name])]),
  )
}

function readParam(name: string, kind: Kind, value: unknown): string | number | null {
  const wrong = () => new Failure('invalid', `The parameter ${name} is not a ${kind}.`)
  const absent = value === undefined || value === null || value === ''
  const whole = (fallback: number, max: number) => {
    const number = absent ? fallback : Number(value)
    if (!Number.isSafeInteger(number) || number < 0) throw wrong()
    return Math.min(number, max)
  }
  if (kind === 'limit') return whole(LIMIT, LIMIT_MAX)
  if (kind === 'offset') return whole(0, OFFSET_MAX)
  if (kind === 'seconds') return whole(300, SECONDS_MAX)
  if (absent) return null
  if (kind === 'number') return whole(0, Number.MAX_SAFE_INTEGER)
  if (typeof value !== 'string' || value.length > TEXT_CHARS_MAX) throw wrong()
  if (kind === 'time' && Number.isNaN(Date.parse(value))) throw wrong()
  return value
}

// One clause a filter. `$q` is free text: no pattern characters of the asker have a meaning.
const SINCE = '($since::TIMESTAMP IS NULL OR event_time >= $since::TIMESTAMP)'
const UNTIL = '($until::TIMESTAMP IS NULL OR event_time < $until::TIMESTAMP)'
const ADDRESS = '($address::VARCHAR IS NULL OR src_ip = $address OR dest_ip = $address)'
const HOST = '($host::VARCHAR IS NULL OR host = $host OR src_ip = $host OR dest_ip = $host)'
const TENANT = '($tenant::VARCHAR IS NULL OR tenant_id = $tenant)'
const PAGE = 'ORDER BY event_time DESC, event_id DESC LIMIT $limit OFFSET $offset'
const TEXT = `($q::VARCHAR IS NULL OR contains(lower(concat_ws(' ', message, host, rule_id, src_ip, dest_ip, "user", app_proto, record)), lower($q)))` // biome-ignore format: one clause

const RANGE = { since: 'time', until: 'time', tenant: 'text' } as const
const LIST = { ...RANGE, address: 'text', host: 'text', q: 'text', limit: 'limit', offset: 'offset' } as const // biome-ignore format: one line
const WHERE = `${SINCE} AND ${UNTIL} AND ${TENANT} AND ${ADDRESS} AND ${HOST} AND ${TEXT}`

const EVENT = `tenant_id, fleet_id, event_id, event_time, ingest_time, kind, host, rule_id, severity,
  attack_ids, "user", src_ip, src_port, dest_ip, dest_port, proto, app_proto, community_id, flow_id,
  bytes, packets, action, message, record, appliance_id`

/** Rows, newest first: what is picked of each, which ones, and by what they can be chosen. */
const page = (picked: string, where: string, params: NamedQuery['params']): NamedQuery => ({
  sql: `SELECT ${picked} FROM events WHERE ${where} ${PAGE}`,
  oldest: `SELECT min(event_time)::VARCHAR FROM (SELECT event_time FROM events WHERE ${where}
    ORDER BY event_time DESC LIMIT $limit + $offset)`,
  params,
})

/** A list of one kind of protocol event, with what its record says picked out. */
const protocol = (kind: string, picked: string): NamedQuery =>
  page(
    `tenant_id, event_id, event_time, host, src_ip, src_port, dest_ip, dest_port, proto,
    app_proto, flow_id, community_id, message, ${picked}, record`,
    `kind = '${kind}' AND ${WHERE}`,
    LIST,
  )

export const NAMED_QUERIES: Readonly<Record<string, NamedQuery>> = {
  findings: page(
    EVENT,
    `kind = 'finding' AND ${WHERE}
      AND ($severity::VARCHAR IS NULL OR list_contains(string_split($severity, ','), severity))
      AND ($rule_id::VARCHAR IS NULL OR rule_id = $rule_id)`,
    { ...LIST, severity: 'text', rule_id: 'text' },
  ),
  findingsCount: {
    sql: `SELECT count(*) AS total FROM events WHERE kind = 'finding' AND ${WHERE}
      AND ($severity::VARCHAR IS NULL OR list_contains(string_split($severity, ','), severity))
      AND ($rule_id::VARCHAR IS NULL OR rule_id = $rule_id)`,
    params: {
      ...RANGE,
      address: 'text',
      host: 'text',
      q: 'text',
      severity: 'text',
      rule_id: 'text',
    },
  },
  event: {
    sql: `SELECT ${EVENT} FROM events WHERE event_id = TRY_CAST($event_id AS UUID) LIMIT 1`,
    params: { event_id: 'text' },
  },
  flows: page(
    EVENT,
    `kind = 'flow' AND ${WHERE}
      AND ($app_proto::VARCHAR IS NULL OR app_proto = $app_proto)
      AND ($port::BIGINT IS NULL OR src_port = $port OR dest_port = $port)`,
    { ...LIST, app_proto: 'text', port: 'number' },
  ),
  dns: protocol(
    'dns',
    `coalesce(record->>'$.dns.rrname', record->>'$.dns.queries[0].rrname') AS rrname,
    coalesce(record->>'$.dns.rrtype', record->>'$.dns.queries[0].rrtype') AS rrtype,
    record->>'$.dns.rcode' AS rcode`,
  ),
  http: protocol(
    'http',
    `record->>'$.http.hostname' AS hostname, record->>'$.http.url' AS url,
    record->>'$.http.http_method' AS method, record->>'$.http.status' AS status,
    record->>'$.http.http_user_agent' AS user_agent`,
  ),
  tls: protocol(
    'tls',
    `record->>'$.tls.sni' AS sni, record->>'$.tls.version' AS version,
    coalesce(record->>'$.tls.ja3.hash', record->>'$.tls.ja3') AS ja3, record->>'$.tls.ja4' AS ja4`,
  ),
  ssh: protocol(
    'ssh',
    `record->>'$.ssh.client.software_version' AS client,
    record->>'$.ssh.server.software_version' AS server`,
  ),
  ot: protocol('ot', 'action'),
  events: page(EVENT, `($kind::VARCHAR IS NULL OR kind = $kind) AND ${WHERE}`, {
    ...LIST,
    kind: 'text',
  }),
  byFlow: {
    sql: `SELECT ${EVENT} FROM events WHERE flow_id = $flow_id ORDER BY event_time LIMIT $limit`,
    params: { flow_id: 'text', limit: 'limit' },
  },
  /** What happened around a finding: the same flow, or the same two addresses within the window. */
  around: {
    sql: `WITH f AS (SELECT * FROM events WHERE event_id = TRY_CAST($event_id AS UUID) LIMIT 1)
      SELECT ${EVENT.replace(/(^|[\s,])("?[a-z_]+"?)/g, '$1e.$2')} FROM events e, f
      WHERE e.tenant_id = f.tenant_id AND e.event_id <> f.event_id
      AND e.event_time BETWEEN f.event_time - to_seconds($seconds) AND f.event_time + to_seconds($seconds)
      AND (e.flow_id = f.flow_id OR e.community_id = f.community_id
        OR (e.src_ip = f.src_ip AND e.dest_ip = f.dest_ip)
        OR (e.src_ip = f.dest_ip AND e.dest_ip = f.src_ip))
      ORDER BY e.event_time LIMIT $limit`,
    params: { event_id: 'text', seconds: 'seconds', limit: 'limit' },
  },
  /** Findings a bucket and severity: the strip of the last day. */
  severityByTime: {
    sql: `SELECT time_bucket(to_seconds($seconds), event_time) AS bucket, severity, count(*) AS findings
      FROM events WHERE kind = 'finding' AND ${SINCE} AND ${UNTIL} AND ${TENANT}
      GROUP BY ALL ORDER BY bucket, severity`,
    params: { ...RANGE, seconds: 'seconds' },
  },
  severities: {
    sql: `SELECT severity, count(*) AS findings, max(event_time) AS last_seen FROM events
      WHERE kind = 'finding' AND ${SINCE} AND ${UNTIL} AND ${TENANT} GROUP BY severity`,
    params: RANGE,
  },
  topRules: {
    sql: `SELECT rule_id, arg_max(message, event_time) AS message,
      arg_max(severity, event_time) AS severity, count(*) AS findings,
      count(DISTINCT host) AS hosts, min(event_time) AS first_seen, max(event_time) AS last_seen
      FROM events WHERE kind = 'finding' AND ${SINCE} AND ${UNTIL} AND ${TENANT}
      GROUP BY rule_id ORDER BY findings DESC, rule_id LIMIT $limit`,
    params: { ...RANGE, limit: 'limit' },
  },
  topHosts: {
    sql: `SELECT tenant_id, host, count(*) AS findings,
      count(*) FILTER (WHERE severity IN ('high', 'critical')) AS serious, max(event_time) AS last_seen
      FROM events WHERE kind = 'finding' AND host IS NOT NULL AND ${SINCE} AND ${UNTIL} AND ${TENANT}
      GROUP BY tenant_id, host ORDER BY serious DESC, findings DESC, host LIMIT $limit`,
    params: { ...RANGE, limit: 'limit' },
  },
  /** Flows and bytes a bucket. */
  trafficByTime: {
    sql: `SELECT time_bucket(to_seconds($seconds), event_time) AS bucket, count(*) AS flows,
      sum(bytes) AS bytes, sum(packets) AS packets FROM events
      WHERE kind = 'flow' AND ${SINCE} AND ${UNTIL} AND ${TENANT} GROUP BY bucket ORDER BY bucket`,
    params: { ...RANGE, seconds: 'seconds' },
  },
  /** The newest row about each asset. */
  assets: {
    sql: `SELECT tenant_id, host, arg_max(src_ip, event_time) AS address, min(event_time) AS first_seen,
      max(event_time) AS last_seen, arg_max(message, event_time) AS message,
      arg_max(record, event_time) AS record FROM events
      WHERE kind = 'asset' AND ${SINCE} AND ${UNTIL} AND ${TENANT} AND ${HOST}
      GROUP BY tenant_id, host ORDER BY last_seen DESC, host LIMIT $limit OFFSET $offset`,
    params: { ...RANGE, host: 'text', limit: 'limit', offset: 'offset' },
  },
  actions: page(EVENT, `kind = 'action' AND ${WHERE}`, LIST),
  faults: {
    sql: `SELECT message AS fault, count(*) AS times, max(event_time) AS last_seen FROM events
      WHERE kind = 'fault' AND ${SINCE} AND ${UNTIL} AND ${TENANT}
      GROUP BY message ORDER BY times DESC, fault LIMIT $limit`,
    params: { ...RANGE, limit: 'limit' },
  },
  rulesSeen: {
    sql: `SELECT rule_id, count(*) AS findings, max(event_time) AS last_seen FROM events
      WHERE kind = 'finding' AND ${SINCE} AND ${UNTIL} AND ${TENANT} GROUP BY rule_id ORDER BY rule_id`, // biome-ignore format: one line
    params: RANGE,
  },
}
