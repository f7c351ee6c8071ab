/**
 * One afternoon at one site, as object-literal ports: a laptop nobody has seen scans the control
 * network and writes to a chiller's controller; SSH guessing was blocked before. Everything is made from
 * `now`, so that the pages look the same whenever the test runs. A second tenant lives on the same
 * machine, whom nobody of this story may see.
 */
import type { EventRow, Severity } from '../../agent/base/event.ts'
import { Failure } from '../../agent/base/failure.ts'
import type {
  AssetView,
  RulesView,
  RuleView,
  SiteStatus,
} from '../../agent/control/agent-client.ts'
import type { AuditItem, SessionView, UserView } from '../../agent/control/keys-client.ts'
import { atomsOf, type Role } from '../../agent/tenancy/role.ts'
import type { ActionView, Day, ListFilter, LiveEvent, Ports, Rows } from '../../web/base/ports.ts'

export const NOW_US = Date.UTC(2026, 10, 23, 11, 56) * 1000
const S = 1e6
const MIN = 60 * S
const HOUR = 60 * MIN
const DAY = 24 * HOUR

export const TENANT = { tenant_id: 'acme-cpt', tenant_uid: 'a1'.repeat(16), fleet_id: 'acme' }
export const STRANGER = { tenant_id: 'zulu-lon', tenant_uid: 'b2'.repeat(16), fleet_id: 'zulu' }
export const PASSWORD = 'correct horse battery'
export const CODE = 'K7QF-4M2X-D9PA'

const LAPTOP = '10.40.7.23'
const PLC = '10.40.2.11'
const SCADA = '10.40.2.5'
const GUESSER = '198.51.100.17'

/** Ids that sort by their number, in the shape of a UUID. */
export function idOf(n: number): string {
  return `01930000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

function row(n: number, at: number, more: Partial<EventRow> & Pick<EventRow, 'kind'>): EventRow {
  return {
    tenant_id: TENANT.tenant_id,
    fleet_id: TENANT.fleet_id,
    appliance_id: 'c3'.repeat(16),
    event_id: idOf(n),
    event_time: at,
    ingest_time: at + 120_000,
    ...more,
  }
}

const OPENED = NOW_US - 13 * MIN - 16 * S

const findings: EventRow[] = [
  row(1, OPENED, {
    kind: 'finding',
    severity: 'critical',
    rule_id: 'base:ot-writes',
    message: `A station never seen before, ${LAPTOP}, wrote 214 times to ${PLC} in 6 min 21 s; usual is 0 to 3 an hour`,
    host: 'PLC-2',
    src_ip: LAPTOP,
    src_port: 50_112,
    dest_ip: PLC,
    dest_port: 502,
    proto: 'TCP',
    app_proto: 'modbus',
    community_id: '1:Vb0wQh3eK9r2oT1yXs5uZp8nLcE=',
    attack_ids: ['T0836', 'T0848'],
    record: {
      event_type: 'alert',
      alert: { category: 'OT write spike', severity: 1, action: 'allowed' },
      modbus: { function: 'write multiple registers', unit: 1, address: 40_101, count: 8 },
      baseline: { window_s: 60, needed: 20, seen: 20, busiest_hour_of_30_days: 3 },
      payload: Buffer.from(
        '0a1c0000001701100064000810011801180118011801180118011801 18'.replaceAll(' ', ''),
        'hex',
      ).toString('base64'),
    },
  }),
  row(2, OPENED - 9 * MIN, {
    kind: 'finding',
    severity: 'high',
    rule_id: 'base:scan',
    message: `${LAPTOP} tried 31 addresses on tcp/502 in 92 s; 4 answered`,
    host: LAPTOP,
    src_ip: LAPTOP,
    dest_ip: '10.40.2.0',
    dest_port: 502,
    proto: 'TCP',
    attack_ids: ['T0846'],
  }),
  row(3, OPENED - 12 * MIN, {
    kind: 'finding',
    severity: 'medium',
    rule_id: 'base:new-device',
    message: 'New device on the control network: ENG-LT-07',
    host: 'ENG-LT-07',
    src_ip: LAPTOP,
    attack_ids: ['T0864'],
  }),
  row(4, NOW_US - 3 * HOUR - 42 * MIN, {
    kind: 'finding',
    severity: 'high',
    rule_id: 'sid:9000103',
    message: 'SSH guessing: 41 tries in 60 s',
    host: 'bastion',
    src_ip: GUESSER,
    src_port: 41_220,
    dest_ip: '10.40.1.8',
    dest_port: 22,
    proto: 'TCP',
    app_proto: 'ssh',
    attack_ids: ['T1110.001', 'T1021.004'],
    record: {
      event_type: 'alert',
      alert: { signature_id: 9_000_103, rev: 2 },
      ssh: { client: { software_version: 'libssh_0.9.6' } },
    },
  }),
  row(5, NOW_US - 9 * HOUR, {
    kind: 'finding',
    severity: 'low',
    rule_id: 'sid:9000108',
    // Hostile on purpose: bidi, markup and a formula; pages must show them and nothing else.
    message: 'Odd user agent \u202e<script>alert(1)</script> =cmd()',
    host: 'kiosk-3',
    src_ip: '10.40.9.14',
    dest_ip: '203.0.113.80',
    dest_port: 80,
    proto: 'TCP',
    app_proto: 'http',
    attack_ids: ['T1071.001'],
  }),
]

const strangerFinding: EventRow = {
  ...row(900, OPENED, {
    kind: 'finding',
    severity: 'critical',
    message: 'A canary that must never be seen',
    rule_id: 'sid:1',
    src_ip: '192.0.2.99',
  }),
  tenant_id: STRANGER.tenant_id,
  fleet_id: STRANGER.fleet_id,
}

function flow(n: number, at: number, more: Partial<EventRow>): EventRow {
  const lasted = ((n * 7919) % 90) + 0.4
  return row(n, at, {
    kind: 'flow',
    proto: 'TCP',
    record: {
      event_type: 'flow',
      flow: {
        start: new Date((at - lasted * S) / 1000).toISOString(),
        end: new Date(at / 1000).toISOString(),
      },
    },
    ...more,
  })
}

const flows: EventRow[] = Array.from({ length: 240 }, (_, i) => {
  const at = NOW_US - 20 * S - i * 14 * S
  const kind = i % 4
  const bytes = 900 + ((i * 104_729) % 480_000)
  const sized = { bytes, packets: 6 + Math.round(bytes / 900) }
  if (kind === 0)
    return flow(1000 + i, at, {
      src_ip: SCADA,
      src_port: 49_000 + i,
      dest_ip: `10.40.2.${11 + (i % 9)}`,
      dest_port: 502,
      app_proto: 'modbus',
      ...sized,
    })
  if (kind === 1)
    return flow(1000 + i, at, {
      src_ip: `10.40.9.${10 + (i % 30)}`,
      src_port: 51_000 + i,
      dest_ip: '10.40.1.2',
      dest_port: 53,
      proto: 'UDP',
      app_proto: 'dns',
      bytes: 214,
      packets: 2,
    })
  if (kind === 2)
    return flow(1000 + i, at, {
      src_ip: `10.40.9.${10 + (i % 30)}`,
      src_port: 52_000 + i,
      dest_ip: `203.0.113.${20 + (i % 60)}`,
      dest_port: 443,
      app_proto: 'tls',
      ...sized,
    })
  return flow(1000 + i, at, {
    src_ip: i < 80 ? LAPTOP : `2001:db8:40::${(i % 20).toString(16)}`,
    src_port: 50_112,
    dest_ip: i < 80 ? PLC : '2001:db8:ffff::1',
    dest_port: i < 80 ? 502 : 22,
    app_proto: i < 80 ? 'modbus' : 'ssh',
    ...sized,
  })
})

const before: EventRow[] = [
  row(2001, OPENED - 11 * MIN, {
    kind: 'asset',
    host: 'ENG-LT-07',
    src_ip: LAPTOP,
    message: `A new device takes ${LAPTOP} by DHCP and calls itself ENG-LT-07`,
  }),
  findings[2] as EventRow,
  findings[1] as EventRow,
  ...Array.from({ length: 27 }, (_, i) =>
    flow(2100 + i, OPENED - 9 * MIN + i * 3 * S, {
      src_ip: LAPTOP,
      dest_ip: PLC,
      dest_port: 502,
      app_proto: 'modbus',
      bytes: 120,
      packets: 2,
    }),
  ),
  row(2200, OPENED - 6 * MIN - 42 * S, {
    kind: 'ot',
    app_proto: 'modbus',
    src_ip: LAPTOP,
    dest_ip: PLC,
    dest_port: 502,
    proto: 'TCP',
    record: { modbus: { function: 'read device identification' } },
  }),
  row(2201, OPENED - 34 * S, {
    kind: 'ot',
    app_proto: 'modbus',
    src_ip: LAPTOP,
    dest_ip: PLC,
    dest_port: 502,
    proto: 'TCP',
    record: { modbus: { function: 'write multiple registers, 8 from 40101' } },
  }),
]
const after: EventRow[] = Array.from({ length: 214 }, (_, i) =>
  row(2300 + i, OPENED + i * 1.7 * S, {
    kind: 'ot',
    app_proto: 'modbus',
    src_ip: LAPTOP,
    dest_ip: PLC,
    dest_port: 502,
    proto: 'TCP',
    record: { modbus: { function: 'write multiple registers, 8 from 40101' } },
  }),
)

function plan(n: number, more: Partial<ActionView>): ActionView {
  return {
    action_id: idOf(5000 + n),
    tenant_uid: TENANT.tenant_uid,
    target: LAPTOP,
    durationMs: 4 * 3600_000,
    reason: 'OT writes by a station never seen: 20 in 60 s',
    rule_id: 'base:ot-writes',
    finding_id: idOf(1),
    evidence: 'proven',
    hash: (n % 16).toString(16).repeat(64),
    state: 'proposed',
    proposedAt: OPENED + n,
    lapsesAt: NOW_US + 46 * MIN,
    ...more,
  }
}

export function storyActions(): ActionView[] {
  return [
    plan(1, { dest: PLC, port: 502, proto: 'tcp' }),
    plan(2, {
      reason: '31 addresses tried on tcp/502 in 92 s',
      rule_id: 'base:scan',
      finding_id: idOf(2),
      evidence: 'spoofable',
      durationMs: 3600_000,
    }),
    plan(3, {
      target: GUESSER,
      reason: 'SSH guessing: 41 tries in 60 s',
      rule_id: 'sid:9000103',
      finding_id: idOf(4),
      state: 'active',
      proposedAt: NOW_US - 3 * HOUR - 42 * MIN,
      decidedAt: NOW_US - 3 * HOUR - 40 * MIN,
      decidedBy: 'sipho',
      activeAt: NOW_US - 3 * HOUR - 40 * MIN,
      endsAt: NOW_US + 20 * MIN,
      packets: 1843,
      bytes: 110_580,
      decideToDropMs: 3.1,
    }),
    plan(4, {
      target: '203.0.113.9',
      reason: 'Web exploit attempts: 6 in 30 s',
      rule_id: 'sid:9000105',
      finding_id: idOf(5),
      state: 'undone',
      proposedAt: NOW_US - 2 * DAY,
      decidedAt: NOW_US - 2 * DAY + 9 * MIN,
      decidedBy: 'thandi',
      endedAt: NOW_US - 2 * DAY + 9 * MIN,
    }),
    plan(5, {
      target: '10.40.0.1',
      reason: 'DNS tunnel: 212 names of one domain in 5 min',
      rule_id: 'base:dns-tunnel',
      finding_id: idOf(6),
      state: 'refused',
      because: 'It is the gateway of this network, which is never blocked.',
      proposedAt: NOW_US - 3 * DAY,
      endedAt: NOW_US - 3 * DAY,
    }),
    plan(6, {
      target: '198.51.100.40',
      reason: 'SSH guessing: 30 tries in 60 s',
      rule_id: 'sid:9000103',
      finding_id: idOf(7),
      state: 'expired',
      proposedAt: NOW_US - 4 * DAY,
      decidedAt: NOW_US - 4 * DAY + 2 * MIN,
      decidedBy: 'policy',
      endedAt: NOW_US - 4 * DAY + 4 * HOUR,
    }),
    {
      ...plan(9, { target: '192.0.2.99', reason: 'A canary that must never be seen' }),
      tenant_uid: STRANGER.tenant_uid,
    },
  ]
}

const asset = (n: number, more: Partial<AssetView>): AssetView => ({
  tenant_id: TENANT.tenant_id,
  address: `10.40.9.${10 + n}`,
  mac: `00:1b:1c:00:00:${(16 + n).toString(16)}`,
  names: [],
  roles: [],
  firstSeen: NOW_US - 30 * DAY - n * HOUR,
  lastSeen: NOW_US - n * MIN,
  ...more,
})

const assets: AssetView[] = [
  asset(0, {
    address: LAPTOP,
    names: ['ENG-LT-07'],
    vendor: 'Dell',
    roles: ['Modbus client'],
    firstSeen: OPENED - 11 * MIN,
    lastSeen: NOW_US - 7 * MIN,
  }),
  asset(1, {
    address: SCADA,
    names: ['SCADA-01'],
    vendor: 'HPE',
    roles: ['Modbus client', 'polls 9 controllers'],
  }),
  asset(2, {
    address: PLC,
    names: ['PLC-2'],
    vendor: 'Schneider Electric',
    roles: ['Modbus server', 'unit 1'],
  }),
  asset(3, {
    address: '10.40.1.8',
    names: ['bastion', 'bastion.acme.example'],
    vendor: 'Supermicro',
    roles: ['SSH server'],
  }),
  asset(4, { address: '10.40.1.2', names: ['ns1'], roles: ['DNS server'] }),
  asset(5, { address: '10.40.0.1', names: [], vendor: 'Juniper', roles: ['gateway'] }),
  asset(6, { address: '2001:db8:40::a', names: ['kiosk-3'], vendor: 'Raspberry Pi' }),
  ...Array.from({ length: 21 }, (_, i) => asset(10 + i, { names: i % 3 ? [`desk-${i}`] : [] })),
  { ...asset(60, { address: '192.0.2.99', names: ['canary'] }), tenant_id: STRANGER.tenant_id },
]

const rule = (
  n: number,
  msg: string,
  severity: Severity,
  attack_ids: string[],
  hits = 0,
): RuleView => ({
  rule_id: `sid:${9_000_100 + n}`,
  sid: 9_000_100 + n,
  rev: 2,
  msg,
  severity,
  attack_ids,
  file: 'picket.rules',
  enabled: true,
  hits,
  text: `alert tcp $EXTERNAL_NET any -> $HOME_NET any (msg:"${msg}"; flow:established,to_server; content:"|0a|probe; yes"; fast_pattern; threshold:type both,track by_src,count 30,seconds 60; metadata:mitre ${attack_ids.join(' ')}; sid:${9_000_100 + n}; rev:2;)`,
})

const rules: RulesView = {
  tenant_id: TENANT.tenant_id,
  generation: 7,
  ageSeconds: 6 * 3600 + 400,
  rules: [
    rule(1, 'Scan of many ports by one source', 'medium', ['T1046']),
    rule(2, 'Web shell upload by POST', 'critical', ['T1505.003']),
    rule(3, 'SSH guessing', 'high', ['T1110.001', 'T1021.004'], 4),
    rule(4, 'DNS tunnel: long labels of one domain', 'high', ['T1071.004', 'T1048.003']),
    rule(5, 'Path traversal in a URL', 'high', ['T1190'], 6),
    rule(6, 'Modbus write by a station never seen', 'critical', ['T0836', 'T0855'], 1),
    rule(7, 'Modbus restart of communications', 'high', ['T0816']),
    rule(8, 'User agent of a known tool', 'low', ['T1071.001'], 1),
    rule(9, 'Log4Shell lookup in a header', 'critical', ['T1190']),
    rule(10, 'TLS to an address without a name', 'low', ['T1573']),
    rule(11, 'SQL injection in a query string', 'high', ['T1190'], 2),
    rule(12, 'Shell command in a form field', 'critical', ['T1059.004']),
  ],
  refused: [
    {
      file: 'local.rules',
      line: 12,
      sid: 1_000_044,
      keyword: 'luajit',
      reason: 'A rule may not run code.',
    },
  ],
}

/** Traffic of an hour with a hump and a few lost frames while it lasted. */
function perSecond() {
  return Array.from({ length: 360 }, (_, i) => {
    const at = Math.floor(NOW_US / 1e6 / 10) * 10 - (359 - i) * 10
    const wave =
      20_400 + 2600 * Math.sin(i / 40) + 900 * Math.sin(i / 3.1) + 300 * Math.sin(i * 1.7)
    const hump = 7800 * Math.exp(-(((i - 288) / 14) ** 2))
    const lost = i >= 276 && i <= 300 ? Math.max(0, 3.2 - Math.abs(i - 288) / 5) : 0
    return { at, frames: Math.round(wave + hump), dropped: Number(lost.toFixed(1)) }
  })
}

export function storyStatus(more: Partial<SiteStatus> = {}): SiteStatus {
  return {
    site: 'Cape Town',
    tenant_id: TENANT.tenant_id,
    fleet_id: TENANT.fleet_id,
    state: 'findings',
    states: { blind: null, stale: null, cutOff: null },
    sentence:
      'Cape Town: 214 Modbus writes to PLC-2 from a station never seen before; 2 actions wait for you, 1 block in force.',
    basis: [
      'frames on 1 of 1 capture port',
      'self-test at 11:00 found in 0.4 s',
      '12 rules, 6 h old',
      'clock +3 ms of UTC',
      '538 of 74,812,440 frames lost',
    ],
    capture: {
      interfaces: [
        {
          name: 'mirror0',
          frames: 74_812_440,
          processed: 74_811_902,
          dropped: 538,
          bytes: 51_204_117_004,
          lastFrameAt: NOW_US - 2000,
          perSecond: perSecond(),
        },
      ],
    },
    blindSeconds: 0,
    missedFrames: 0,
    rules: { loaded: 12, refused: 1, generation: 7, ageSeconds: 6 * 3600 + 400 },
    selfTest: {
      lastAt: NOW_US - 56 * MIN,
      ok: true,
      foundAfterMs: 412,
      sentence: 'The self-test attack was found after 0.4 s.',
    },
    clock: { offsetMs: 3, source: 'kernel' },
    version: '0.1.0',
    startedAt: NOW_US - 6 * DAY,
    counters: {},
    flows: { live: 1204 },
    assets: 28,
    openFindings: { critical: 1, high: 2, medium: 1, low: 1 },
    waitingActions: 2,
    ...more,
  }
}

function day(): Day {
  const from = NOW_US - DAY
  const halfHours = Array.from({ length: 48 }, (_, i) => ({
    at: from + i * 30 * MIN,
    counts: {} as Day['halfHours'][number]['counts'],
  }))
  for (const { event_time, severity } of findings) {
    const half = halfHours[Math.min(47, Math.floor((event_time - from) / (30 * MIN)))]
    if (half && severity) half.counts[severity] = (half.counts[severity] ?? 0) + 1
  }
  return {
    from,
    to: NOW_US,
    halfHours,
    seen: [
      { from, to: from + 12.9 * HOUR },
      { from: from + 13.8 * HOUR, to: NOW_US },
    ],
    selfTests: Array.from({ length: 24 }, (_, i) => ({
      at: from + (i + 0.07) * HOUR,
      ok: i !== 13,
    })),
  }
}

const AUDIT: readonly [number, string, string, AuditItem['outcome']][] = [
  [4, 'session.login', 'thandi signed in.', 'done'],
  [6, 'lake.view', 'thandi looked at findings.', 'done'],
  [220, 'action.approve', `sipho approved action ${idOf(5003)}.`, 'done'],
  [221, 'action.approve', `sipho asked to approve action ${idOf(5003)}.`, 'intent'],
  [260, 'session.refused', 'Somebody was refused: wrong name or password.', 'refused'],
  [2871, 'action.undo', `thandi undid action ${idOf(5004)}.`, 'done'],
  [4300, 'rules.loaded', 'thandi loaded the rules again.', 'done'],
  [4400, 'user.added', 'thandi added account sipho.', 'done'],
]

function audit(): AuditItem[] {
  return AUDIT.map(([minutes, verb, sentence, outcome], i) => ({
    seq: 4120 - i,
    at: new Date((NOW_US - minutes * MIN) / 1000).toISOString(),
    sentence,
    verb,
    outcome,
    tenant_id: TENANT.tenant_id,
    actor: sentence.split(' ')[0] ?? '',
    subject: '',
    hash: (4120 - i).toString(16).padStart(64, '7'),
  }))
}

const user = (name: string, role: Role, more: Partial<UserView> = {}): UserView => ({
  user_id: `u-${name}`,
  tenant_id: TENANT.tenant_id,
  name,
  role,
  tenants: [TENANT.tenant_id],
  disabled: false,
  hasPassword: true,
  createdAt: NOW_US - 90 * DAY,
  lastLoginAt: NOW_US - 4 * MIN,
  ...more,
})

function matches(each: EventRow, { address, words, from, to, after }: ListFilter): boolean {
  if (from !== undefined && each.event_time < from) return false
  if (to !== undefined && each.event_time > to) return false
  if (
    after &&
    (each.event_time > after.at || (each.event_time === after.at && each.event_id >= after.id))
  )
    return false
  if (address) return [each.src_ip, each.dest_ip, each.host].includes(address)
  const wanted = words?.toLowerCase() ?? ''
  return [each.host, each.message, each.rule_id, each.src_ip, each.dest_ip, each.app_proto].some(
    (text) => text?.toLowerCase().includes(wanted),
  )
}

function listOf(
  all: readonly EventRow[],
  scope: readonly string[],
  filter: ListFilter,
  extra: (each: EventRow) => boolean = () => true,
): Rows<EventRow> {
  const fit = all
    .filter((each) => scope.includes(each.tenant_id) && matches(each, filter) && extra(each))
    .sort((a, b) => b.event_time - a.event_time || (a.event_id < b.event_id ? 1 : -1))
  const rows = fit.slice(0, filter.limit)
  const last = rows.at(-1)
  return fit.length > filter.limit && last
    ? { rows, next: { at: last.event_time, id: last.event_id } }
    : { rows }
}

/** The story's own state: what a test may look at and change. */
export interface Story {
  ports: Ports
  actions: ActionView[]
  status: SiteStatus | undefined
  sessions: Map<string, SessionView>
  /** verb and subject of each line that a route of the table asked for. */
  audited: string[]
  tell(event: LiveEvent): void
  /** Signs somebody in and gives the token. */
  enter(name: string, role: Role, more?: Partial<SessionView>): string
}

export function createStory(): Story {
  const listeners = new Set<(event: LiveEvent) => void>()
  let entered = 0
  const story: Story = {
    ports: undefined as unknown as Ports,
    actions: storyActions(),
    status: storyStatus(),
    sessions: new Map(),
    audited: [],
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    enter: (name, role, more = {}) => {
      const token = `${name}${++entered}`.replace(/\W/g, '').padEnd(43, 'x').slice(0, 43)
      story.sessions.set(token, {
        session_id: `s-${entered}`,
        user_id: `u-${name}`,
        name,
        role,
        atoms: atomsOf(role),
        tenants: [TENANT],
        mustSetPassword: false,
        startedAt: NOW_US,
        idleEndsAt: NOW_US + 30 * MIN,
        endsAt: NOW_US + 12 * HOUR,
        ...more,
      })
      return token
    },
  }
  story.ports = {
    ...peoplePorts(story),
    ...rowPorts(),
    ...boxPorts(story),
    live: {
      listen: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  }
  return story
}

function sessionOf(story: Story, token: string): SessionView {
  const found = story.sessions.get(token)
  if (found) return found
  throw new Failure('unauthorized', 'The session has ended. Sign in again.')
}

function peoplePorts(story: Story): Pick<Ports, 'sessions' | 'users' | 'audit'> {
  const users = [
    user('thandi', 'admin'),
    user('sipho', 'operator', { lastLoginAt: NOW_US - 3.6 * HOUR }),
    user('lerato', 'viewer', { lastLoginAt: NOW_US - 9 * DAY }),
    user('contractor', 'viewer', { disabled: true, hasPassword: false }),
  ]
  const answer = (token: string) => ({ token, session: sessionOf(story, token) })
  return {
    sessions: {
      login: async ({ name, password }) => {
        const found = users.find((each) => each.name === name && !each.disabled)
        if (!found || password !== PASSWORD)
          throw new Failure('unauthorized', 'Name or password is wrong.')
        return answer(story.enter(name, found.role))
      },
      redeem: async ({ code }) => {
        if (code !== CODE) throw new Failure('unauthorized', 'That code is wrong, used or over.')
        return answer(story.enter('thandi', 'admin', { mustSetPassword: true }))
      },
      session: async ({ token }) => sessionOf(story, token),
      logout: async ({ token }) => ({ ended: story.sessions.delete(token) }),
      setPassword: async ({ token }) => {
        const { name, role } = sessionOf(story, token)
        story.sessions.delete(token)
        return answer(story.enter(name, role))
      },
    },
    users: {
      users: async () => ({ users }),
      addUser: async ({ name, role }) => {
        if (users.some((each) => each.name === name))
          throw new Failure('conflict', `There is a ${name} already.`)
        const made = user(name, role, { hasPassword: true })
        delete made.lastLoginAt
        users.push(made)
        return made
      },
      changeUser: async ({ user_id, role, disabled }) => {
        const found = users.find((each) => each.user_id === user_id)
        if (!found) throw new Failure('not-found', 'There is no such account.')
        if (role) found.role = role
        if (disabled !== undefined) found.disabled = disabled
        return found
      },
      removeUser: async () => ({ removed: false }),
    },
    audit: {
      audit: async ({ verb, outcome }) => {
        story.audited.push(`${verb} ${outcome}`)
        return { seq: 1 }
      },
      auditList: async ({ limit = 100, before = Number.MAX_SAFE_INTEGER }) => {
        const older = audit().filter(({ seq }) => seq < before)
        const items = older.slice(0, limit)
        const last = items.at(-1)
        return {
          items,
          intact: true,
          ...(older.length > limit && last ? { before: last.seq } : {}),
        }
      },
    },
  }
}

function rowPorts(): Pick<Ports, 'findings' | 'flows' | 'days'> {
  const everything = [...findings, strangerFinding]
  return {
    findings: {
      list: async ({ scope }, filter) =>
        listOf(
          everything,
          scope,
          filter,
          (each) => !filter.severity || each.severity === filter.severity,
        ),
      get: async ({ scope }, id) =>
        everything.find((each) => each.event_id === id && scope.includes(each.tenant_id)),
      around: async (_, finding) =>
        finding.event_id === idOf(1)
          ? [...before, finding, ...after].sort((a, b) => a.event_time - b.event_time)
          : [finding],
    },
    flows: { list: async ({ scope }, filter) => listOf(flows, scope, filter) },
    days: { last24h: async () => day() },
  }
}

function boxPorts(story: Story): Pick<Ports, 'actions' | 'site' | 'lake' | 'settings'> {
  const present = () => {
    if (story.status) return story.status
    throw new Failure('unavailable', 'picket-agent does not answer.')
  }
  return {
    actions: {
      list: async (tenants) =>
        story.actions.filter((each) =>
          tenants.some(({ tenant_uid }) => tenant_uid === each.tenant_uid),
        ),
      decide: async (token, { action_id, hash, verb }) => {
        const found = story.actions.find((each) => each.action_id === action_id)
        if (!found || found.hash !== hash)
          throw new Failure('conflict', 'The plan has changed since you saw it.')
        const by = { decidedBy: sessionOf(story, token).name, decidedAt: NOW_US }
        if (verb === 'approve')
          Object.assign(found, by, {
            state: 'active',
            activeAt: NOW_US,
            endsAt: NOW_US + found.durationMs * 1000,
            decideToDropMs: 2.4,
          })
        if (verb === 'reject') Object.assign(found, by, { state: 'rejected', endedAt: NOW_US })
        if (verb === 'undo') Object.assign(found, by, { state: 'undone', endedAt: NOW_US })
        story.tell({ kind: 'action', action: found })
        return found
      },
      neverBlock: async () => [
        { prefix: '10.40.0.1', because: 'the gateway, seen now' },
        { prefix: '10.40.1.2', because: 'the resolver' },
        { prefix: '10.40.2.11', because: 'a controller' },
        { prefix: '10.40.0.0/28', because: 'your list' },
      ],
    },
    site: {
      status: async () => present(),
      assets: async () => assets,
      rules: async () => rules,
      reloadRules: async () => ({ loaded: 12, refused: 1, generation: 8 }),
      selfTest: async () => ({ ok: true, sentence: 'The self-test attack was found after 0.3 s.' }),
    },
    lake: {
      status: async (tenants) => ({
        rowsSettled: 1_204_411,
        settleRowsPerSecond: 182_400,
        retentionDays: 180,
        disk: { totalBytes: 1.82e12, freeBytes: 0.737e12 },
        tenants: tenants.map(({ tenant_id, tenant_uid }) => ({
          tenant_id,
          tenant_uid,
          rows: 41_203_118,
          tier1Files: 41,
          tier2Files: 842,
          bytes: 883_000_000_000,
          oldestRow: new Date((NOW_US - 99 * DAY) / 1000).toISOString(),
          oldestRowTier1: new Date((NOW_US - 7 * HOUR) / 1000).toISOString(),
          oldestRowTier2: new Date((NOW_US - 99 * DAY) / 1000).toISOString(),
          generation: 8831,
          waiting: 1,
          aside: 0,
        })),
      }),
    },
    settings: {
      view: () => ({
        file: '/var/lib/picket/config.json',
        groups: [
          {
            title: 'Capture',
            settings: [
              { name: 'capture.interfaces', value: 'mirror0', meaning: 'Ports that are captured.' },
              { name: 'capture.ringMiB', value: '64', meaning: 'Ring of each shard, in MiB.' },
            ],
          },
          {
            title: 'Containment',
            settings: [
              {
                name: 'contain.policy',
                value: 'propose',
                meaning:
                  'Propose waits for a person; automatic acts alone on proven evidence only.',
              },
            ],
          },
        ],
      }),
    },
  }
}
