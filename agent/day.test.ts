import { expect, test } from 'vitest'
import { Day, type Recent } from './day.ts'

const T0 = 1_700_000_000_000_000
const SECOND = 1e6
const HOUR = 3600 * SECOND

function found(each: Partial<Recent>): Recent {
  return {
    timeUs: T0,
    severity: 'medium',
    message: 'Telnet.',
    rule_id: 'sid:1',
    event_id: 'e',
    host: '10.0.0.1',
    attack_ids: ['T1021'],
    ...each,
  }
}

test('a window has its own counts, the day has all; digests fold by rule and host, worst and newest first', () => {
  const day = new Day()
  day.found(found({ timeUs: T0 - 25 * HOUR, severity: 'critical', rule_id: 'sid:9' }))
  day.found(found({ event_id: 'first' }))
  day.found(found({ timeUs: T0 + SECOND, event_id: 'second', message: 'Telnet again.' }))
  day.found(found({ timeUs: T0 + 2 * SECOND, host: '10.0.0.2', rule_id: 'sid:2' }))
  day.found(found({ timeUs: T0 + 9 * SECOND, severity: 'high', host: null, rule_id: 'sid:3' }))
  const facts = day.facts({ fromUs: T0 + SECOND, toUs: T0 + 9 * SECOND })
  expect(facts.findings).toEqual({ low: 0, medium: 2, high: 0, critical: 0 })
  expect(facts.findings24h).toEqual({ low: 0, medium: 3, high: 0, critical: 0 })
  expect(facts.digests).toMatchObject([
    { rule_id: 'sid:2', host: '10.0.0.2', count: 1 },
    { rule_id: 'sid:1', id: 'second', title: 'Telnet again.', count: 2, first: T0 },
  ])
  expect(facts.topRules[0]).toEqual({ rule_id: 'sid:1', title: 'Telnet again.', count: 2 })
  expect(facts.topHosts).toEqual([
    { host: '10.0.0.1', count: 2 },
    { host: '10.0.0.2', count: 1 },
  ])
})

test('operations messages are counted by request, in their window', () => {
  const day = new Day()
  const row = (at: number, access_type: string, side = 'request') =>
    day.operations({
      kind: 'ot',
      event_time: T0 + at * SECOND,
      src_ip: '10.0.0.7',
      dest_ip: `10.0.1.${at}`,
      record: { modbus: { [side]: { access_type } } },
    })
  row(1, 'READ')
  row(2, 'WRITE SINGLE')
  row(2, 'WRITE SINGLE', 'response')
  row(31, 'READ')
  const first = day.facts({ fromUs: T0, toUs: T0 + 30 * SECOND }).ot
  expect(first).toEqual({ reads: 1, writes: 1, stations: 1, controllers: 2 })
  const next = day.facts({ fromUs: T0 + 30 * SECOND, toUs: T0 + 60 * SECOND }).ot
  expect(next).toEqual({ reads: 1, writes: 0, stations: 1, controllers: 1 })
})
