/** What was found, here and at a stranger's. */
import type { EventRow } from '../../../agent/base/event.ts'
import { GUESSER, HOUR, LAPTOP, MIN, NOW_US, OPENED, PLC, row, STRANGER } from './scene.ts'

export const findings: EventRow[] = [
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
      baseline: {
        rule_id: 'base:ot-writes',
        count: 20,
        first: new Date((OPENED - 34 * 1e6) / 1000).toISOString(),
        last: new Date(OPENED / 1000).toISOString(),
        evidence: 'proven',
      },
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

export const strangerFinding: EventRow = {
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
