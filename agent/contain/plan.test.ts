import { describe, expect, test } from 'vitest'
import { covers, type FindingFacts, planFor, planKey, describe as sentence } from './plan.ts'

const TENANT = 'a'.repeat(32)
const FINDING_ID = '019ab000-0000-7000-8000-000000000001'
const ACTION_ID = '019ab000-0000-7000-8000-000000000002'

const options = { durationMinutes: 240, nowUs: 1_000_000, newId: () => ACTION_ID }

function finding(change: Partial<FindingFacts> = {}): FindingFacts {
  return {
    event_id: FINDING_ID,
    tenant_uid: TENANT,
    rule_id: 'sid:2012345',
    severity: 'high',
    evidence: 'proven',
    title: 'Exploit attempt',
    timeUs: 900_000,
    src: '203.0.113.9',
    dest: '10.0.0.5',
    port: 443,
    proto: 'tcp',
    srcHome: false,
    destHome: true,
    ...change,
  }
}

const plan = (change: Partial<FindingFacts> = {}) => planFor(finding(change), options).plans[0]

describe('a block is as narrow as what was seen allows', () => {
  test.each([
    ['a stranger loses the asset', {}, { target: '203.0.113.9', dest: '10.0.0.5' }],
    [
      'a host of ours loses one port of it',
      { src: '10.0.1.7', srcHome: true },
      { target: '10.0.1.7', dest: '10.0.0.5', port: 443, proto: 'tcp' },
    ],
    [
      'a scanner loses all that goes through the box',
      { rule_id: 'base:port-scan' },
      { target: '203.0.113.9' },
    ],
    [
      'a sweep over many names none of them',
      { rule_id: 'base:host-sweep', dest: undefined, destHome: false, port: 22 },
      { target: '203.0.113.9' },
    ],
    [
      'a guesser of passwords loses that port',
      { rule_id: 'base:ssh-brute-force', port: 22 },
      { target: '203.0.113.9', dest: '10.0.0.5', port: 22, proto: 'tcp' },
    ],
    [
      'a station never seen loses the controller',
      { rule_id: 'base:ot-write', src: '10.0.1.7', srcHome: true, port: 502 },
      { target: '10.0.1.7', dest: '10.0.0.5', port: 502, proto: 'tcp' },
    ],
    [
      'an asset that beacons loses whom it calls',
      { rule_id: 'base:beacon', src: '10.0.0.5', dest: '203.0.113.9', srcHome: true },
      { target: '10.0.0.5', dest: '203.0.113.9' },
    ],
    [
      'a rule that fires on the answer blocks who asked',
      { attacker: 'dest', src: '10.0.0.5', dest: '203.0.113.9', srcHome: true, destHome: false },
      { target: '203.0.113.9', dest: '10.0.0.5' },
    ],
  ] as const)('%s', (_, change, expected) => {
    const { target, dest, port, proto } = plan(change as Partial<FindingFacts>) ?? {}
    expect({
      target,
      ...(dest && { dest }),
      ...(port && { port }),
      ...(proto && { proto }),
    }).toEqual(expected)
  })

  test('IPv6 in its one spelling, mapped IPv4 as IPv4', () => {
    expect(plan({ src: '2001:DB8:0::9', dest: '2001:db8::1' })).toMatchObject({
      target: '2001:db8::9',
      dest: '2001:db8::1',
    })
    expect(plan({ src: '::ffff:203.0.113.9' })).toMatchObject({ target: '203.0.113.9' })
  })
})

test.each([
  ['of severity low', { severity: 'low' }, 'severity low'],
  ['between strangers', { destHome: false }, 'Neither side'],
  ['from nobody', { src: '0.0.0.0' }, 'no address'],
  ['from multicast', { src: 'ff02::1' }, 'no address'],
  ['from link-local', { src: 'fe80::1' }, 'no address'],
  ['from what is no address', { src: 'evil.example' }, 'no address'],
] as const)('no plan for a finding %s', (_, change, because) => {
  const planned = planFor(finding(change), options)
  expect(planned.plans).toEqual([])
  expect(planned.because).toContain(because)
})

test('a worse finding blocks longer, never beyond a week', () => {
  expect(plan({ severity: 'medium' })?.durationMs).toBe(60 * 60_000)
  expect(plan({ severity: 'high' })?.durationMs).toBe(240 * 60_000)
  expect(plan({ severity: 'critical' })?.durationMs).toBe(480 * 60_000)
  const week = planFor(finding({ severity: 'critical' }), { ...options, durationMinutes: 10_080 })
  expect(week.plans[0]?.durationMs).toBe(10_080 * 60_000)
})

test('one plan for the same wish', () => {
  const first = plan()
  const live = new Set([planKey(first as NonNullable<typeof first>)])
  expect(planFor(finding(), { ...options, live }).because).toContain('already')
})

test('the reason shows what a reader could not see', () => {
  expect(plan({ title: 'User\u202Eagent\u0000' })?.reason).toBe('User\\u{202e}agent\\u{0}')
})

test('wider covers narrower, never the other way', () => {
  const narrow = plan({ rule_id: 'base:ssh-brute-force' })
  const wide = plan({ rule_id: 'base:port-scan' })
  if (!narrow || !wide) throw new Error('there is a plan')
  expect([covers(wide, narrow), covers(narrow, wide), covers(wide, wide)]).toEqual([
    true,
    false,
    true,
  ])
  expect(sentence(narrow)).toBe('Blocks 203.0.113.9 towards 10.0.0.5 port 443/tcp for 4 h.')
  expect(sentence(wide)).toBe('Blocks 203.0.113.9 for 4 h.')
})

test('a way of working is changed at the device, not by a block', () => {
  const telnet = finding({ category: 'Potential Corporate Privacy Violation', srcHome: true })
  const { plans, because } = planFor(telnet, options)
  expect(plans).toEqual([])
  expect(because).toContain('not by a block')
})
