/** An event as a sentence: each clause from the row, none from thin air. */
import { expect, test } from 'vitest'
import type { EventRow } from '../../agent/base/event.ts'
import { findings } from '../../test/browser/story/findings.ts'
import { withoutEnds } from './finding-rows.ts'
import { splitRule } from './rule-text.ts'
import { ends, foldedWords, tell, timeline } from './tell.ts'

const base = {
  ...(findings[0] as EventRow),
  src_ip: '10.0.0.1',
  dest_ip: '10.0.0.2',
  dest_port: 53,
  proto: 'UDP',
}
const without: Partial<EventRow> = {}
const row = (kind: EventRow['kind'], record: Record<string, unknown>, more = without): EventRow => {
  const { message: _, ...rest } = base
  return { ...rest, kind, record, ...more }
}

test.for([
  [
    row('dns', { dns: { queries: [{ rrname: 'a.example', rrtype: 'TXT' }], rcode: 'NXDOMAIN' } }),
    '10.0.0.1 asks for a.example (TXT). The answer is NXDOMAIN.',
  ],
  [row('dns', { dns: { rrname: 'a.example', rcode: 'NOERROR' } }), '10.0.0.1 asks for a.example.'],
  [
    row('http', { http: { http_method: 'GET', url: '/x', hostname: 'h.example', status: 404 } }),
    '10.0.0.1 sends GET /x to h.example; the answer is 404.',
  ],
  [row('tls', { tls: { sni: 't.example' } }), '10.0.0.1 opens TLS to t.example (10.0.0.2).'],
  [
    row('ssh', { ssh: { client: { software_version: 'libssh' } } }),
    '10.0.0.1 (libssh) opens SSH to 10.0.0.2.',
  ],
  [
    row('flow', {}, { bytes: 1500, packets: 2, app_proto: 'failed' }),
    '10.0.0.1 talks to 10.0.0.2 on udp/53: 1.5 KB in 2 packets.',
  ],
  [row('dns', {}), 'dns: 10.0.0.1 → 10.0.0.2, udp/53'],
  [row('dns', { dns: 'not an object' }), 'dns: 10.0.0.1 → 10.0.0.2, udp/53'],
] as const)('%#', ([event, sentence]) => {
  expect(tell(event).replaceAll('\u00a0', ' ')).toBe(sentence)
})

test('a record may come as the text that the lake keeps, or be no JSON at all', () => {
  const text = JSON.stringify({ tls: { sni: 't.example' } })
  expect(tell({ ...row('tls', {}), record: text } as unknown as EventRow)).toContain('t.example')
  for (const broken of ['{', '[]', 'null', '7'])
    expect(tell({ ...row('tls', {}), record: broken } as unknown as EventRow)).toBe(
      'tls: 10.0.0.1 → 10.0.0.2, udp/53',
    )
})

test('a name of a thousand characters is cut', () => {
  expect(tell(row('tls', { tls: { sni: 'a'.repeat(1000) } })).length).toBeLessThan(150)
})

test('who, to whom, on what', () => {
  expect(ends(row('flow', {}))).toBe('10.0.0.1 → 10.0.0.2, udp/53')
  const { dest_ip: _, ...alone } = row('flow', {})
  expect(ends(alone as EventRow)).toBe('10.0.0.1, udp/53')
})

test('neighbours that say the same are one line with its count, the finding stands alone', () => {
  const about = { ...base, event_id: 'turn', event_time: 5e6 }
  const flow = (n: number) =>
    row('flow', {}, { event_id: `f${n}`, event_time: n * 1e6, bytes: n, packets: 1 })
  const told = timeline([flow(1), flow(2), flow(3), about, flow(6)], about, 24)
  expect(told.map(({ count, turn }) => [count, turn])).toEqual([
    [3, false],
    [1, true],
    [1, false],
  ])
  expect(told.map(foldedWords).map((text) => text.replaceAll('\u00a0', ' '))).toEqual([
    '3 times in 2 s',
    '',
    '',
  ])
  const many = Array.from({ length: 100 }, (_, i) =>
    row('dns', { dns: { rrname: `${i}.example` } }, { event_id: `d${i}` }),
  )
  const cut = timeline([...many, about], about, 24)
  expect(cut).toHaveLength(24)
  expect(cut.at(-1)?.turn).toBe(true)
})

test('a row does not repeat its two ends', () => {
  expect(withoutEnds('SQL injection in the URI: 203.0.113.9 to 10.0.0.1 port 80')).toBe(
    'SQL injection in the URI',
  )
  expect(withoutEnds('Tunnel: fd5c:1::9 to fd5c:2::1')).toBe('Tunnel')
  expect(withoutEnds('moved from: a to b')).toBe('moved from: a to b')
})

test('a rule is split at its own semicolons only', () => {
  const found = splitRule('alert tcp any any -> any any (msg:"a; b"; content:"\\;x\\""; sid:1;)')
  expect(found).toEqual({
    header: 'alert tcp any any -> any any',
    options: [
      { name: 'msg', value: '"a; b"' },
      { name: 'content', value: '"\\;x\\""' },
      { name: 'sid', value: '1' },
    ],
  })
  for (const none of ['', '(', ')(', 'no rule']) expect(splitRule(none)).toBeUndefined()
})
