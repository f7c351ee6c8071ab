/** Proposals, a block in force, and what is over: one of each state. */
import type { ActionView } from '../../../web/base/ports.ts'
import {
  DAY,
  GUESSER,
  HOUR,
  idOf,
  LAPTOP,
  MIN,
  NOW_US,
  OPENED,
  PLC,
  STRANGER,
  TENANT,
} from './scene.ts'

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
