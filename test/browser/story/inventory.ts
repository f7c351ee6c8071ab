/** Devices that were seen and rules that watch. */
import type { Severity } from '../../../agent/base/event.ts'
import type { AssetView, RulesView, RuleView } from '../../../agent/control/agent-client.ts'
import { DAY, HOUR, LAPTOP, MIN, NOW_US, OPENED, PLC, SCADA, STRANGER, TENANT } from './scene.ts'

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

export const assets: AssetView[] = [
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

export const rules: RulesView = {
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
