/** Words of the rule language that fewer rules use: decoding, calculation, memory, parts of a packet. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { ethernet, tcp, udp } from '../../../test/traffic/frames.ts'
import { CLIENT, httpExchange, SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Thresholds } from './thresholds.ts'

const UDP = 'alert udp any any -> any any'

function lab(...rules: string[]): SignatureLab {
  const made = new SignatureLab(
    rules.map((rule, i) => `${rule.replace(/\)$/, '')} sid:${i + 1};)`).join('\n'),
  )
  expect(made.refused).toEqual([])
  return made
}

test.each([
  ['byte_extract:1,0,n,string,dec; byte_test:n,=,123,1,string,dec;', '3123', true],
  ['byte_test:0,>,99,1,string,dec;', 'x100 ', true],
  ['byte_test:0,>,100,1,string,dec;', 'x100 ', false],
  [
    'byte_math:bytes 1, offset 0, oper *, rvalue 2, result n; content:"z"; offset:n; depth:1;',
    '\x02...z',
    true,
  ],
  [
    'byte_math:bytes 1, offset 0, oper *, rvalue 2, result n; content:"z"; offset:n; depth:1;',
    '\x01...z',
    false,
  ],
  [
    'content:"d="; base64_decode:relative; base64_data; content:"secret"; startswith;',
    'd=c2VjcmV0',
    true,
  ],
  [
    'content:"d="; base64_decode:bytes 4,relative; base64_data; content:"secret";',
    'd=c2VjcmV0',
    false,
  ],
  ['entropy:value < 1;', 'aaaaaaaa', true],
  ['entropy:value > 1;', 'aaaaaaaa', false],
  ['udp.hdr; content:"|00 50|"; offset:2; depth:2;', 'x', true],
  ['ipv4.hdr; content:"|11|"; offset:9; depth:1;', 'x', true],
  ['ipv6.hdr; content:"|11|";', 'x', false],
  ['pcre:/a.c/;', 'abc', true],
])('%s on %j: %s', (options, payload, expected) => {
  const fired = lab(`${UDP} (${options})`).datagram(Buffer.from(payload, 'latin1'))
  expect(fired).toEqual(expected ? [1] : [])
})

test.each([
  ['xor:"01"', Buffer.from('bc'), 'cb'],
  ['from_base64', Buffer.from('YWJj'), 'abc'],
  ['from_base64:offset 1', Buffer.from('xYWJj'), 'abc'],
  ['gunzip', gzipSync('abc'), 'abc'],
  ['gunzip:max-size 2', gzipSync('abc'), 'ab'],
  ['gunzip', Buffer.from('abc'), undefined],
  ['pcrexform:"id=(\\w+)"', Buffer.from('?id=abc&'), 'abc'],
])('transform %s', (transform, body, expected) => {
  const http = httpExchange({ method: 'POST', requestBody: body, requestBodyBytes: body.length })
  const words = `http.request_body; ${transform}; content:"${expected ?? 'a'}"; startswith; endswith;`
  const made = lab(`alert http any any -> any any (flow:to_server; ${words})`)
  expect(made.transaction({ proto: 'http', stage: 'done', http })).toEqual(expected ? [1] : [])
})

test('a buffer that is absent, or else holds', () => {
  const rule = (words: string) => `alert http any any -> any any (http.referer; ${words})`
  const made = lab(
    rule('absent;'),
    rule('absent:or_else; content:!"evil";'),
    rule('content:!"evil";'),
  )
  expect(made.transaction({ proto: 'http', stage: 'done', http: httpExchange({}) })).toEqual([1, 2])
  const requestHeaders = [{ name: 'Referer', value: 'evil' }]
  const http = httpExchange({ requestHeaders })
  expect(made.transaction({ proto: 'http', stage: 'done', http })).toEqual([])
})

test('one rule over question and answer', () => {
  const made = lab(
    'alert http any any => any 80 (http.method; content:"GET"; http.stat_code; content:"200";)',
  )
  const http = httpExchange({ method: 'GET', status: 200 })
  expect(
    made.transaction({ proto: 'http', stage: 'request', http: { ...http, status: 0 } }),
  ).toEqual([])
  expect(made.transaction({ proto: 'http', stage: 'done', http })).toEqual([1])
})

test('numbers of a flow and bits of a host', () => {
  const counting = lab(
    `${UDP} (content:"a"; flowint:n,+,1; noalert;)`,
    `${UDP} (content:"a"; flowint:n,isset; flowint:n,>,1;)`,
  )
  expect([counting.datagram('a'), counting.datagram('a'), counting.datagram('a')].flat()).toEqual([
    2, 2,
  ])
  const bits = lab(
    `${UDP} (content:"one"; xbits:set,seen,track ip_src,expire 1; noalert;)`,
    `${UDP} (content:"two"; xbits:isset,seen,track ip_src;)`,
  )
  const other = { src: '10.0.0.6', dest: '203.0.113.9', srcPort: 40_000, destPort: 80 }
  bits.datagram('one')
  expect(bits.datagram('two', other)).toEqual([])
  expect(bits.datagram('two')).toEqual([2])
})

test.each([
  ['byte_math:bytes 1, offset 0, oper %, rvalue 2, result n;', 'byte_math'],
  ['base64_data; content:"x";', 'base64_data'],
  ['xor:"0"; content:"x";', 'xor'],
  ['xbits:set,a,track tx;', 'xbits'],
  ['entropy:value much;', 'entropy'],
  ['pcre:"/(a)/, host:name";', 'pcre'],
  ['vlan.id:200,4;', 'vlan.id'],
  ['tag:host,5,packets,both;', 'tag'],
  ['tag:session,5;', 'tag'],
])('%s is refused, and names its word', (options, keyword) => {
  const made = new SignatureLab(`${UDP} (${options} sid:1;)`)
  expect(made.refused.map((each) => each.keyword)).toEqual([keyword])
})

test('what is asked of a header that IPv6 does not have is no answer there', () => {
  const made = lab(
    'alert ip any any -> any any (tos:!1;)',
    'alert ip any any -> any any (id:!70000;)',
    'alert ip any any -> any any (ttl:64;)',
  )
  expect(made.datagram('a')).toEqual([1, 2, 3])
  const ends = { src: '2001:db8::1', dest: '2001:db8::2', srcPort: 4000, destPort: 80 }
  expect(made.datagram('a', ends)).toEqual([3])
})

test('a rule on addresses and ports alone is said once for each direction, one with more for each packet', () => {
  const made = lab(
    'alert ip any any -> any any ()',
    'alert udp any any -> any 80 ()',
    'alert ip any any -> any any (flowbits:set,seen; xbits:set,seen,track ip_src;)',
    'alert ip any any -> any any (ttl:64;)',
    'alert ip !10.9.9.9 any -> any any ()',
    'alert ip any any -> !$HOME_NET any ()',
    'alert ip any any -> any any (flowbits:isset,seen;)',
  )
  const answer = { src: CLIENT.dest, dest: CLIENT.src, srcPort: 80, destPort: 40_000 }
  expect(made.datagram('a')).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(made.datagram('b')).toEqual([4, 5, 6, 7])
  expect(made.datagram('c', answer)).toEqual([1, 3, 4, 5, 7])
  expect(made.datagram('d', answer)).toEqual([4, 5, 7])
})

test('what fits a rule with <> both ways is told twice, unless its ends are the same', () => {
  const made = lab(
    'alert ip any any <> 10.0.0.0/8 any (ttl:64;)',
    'alert udp any any <> 10.0.0.0/8 80 (content:"a";)',
    'alert udp 10.0.0.0/8 any <> [10.0.0.0/8] any (content:"a";)',
    'alert udp any any <> any 80 (content:"a";)',
  )
  const inside = { src: '10.0.0.5', dest: '10.0.0.6', srcPort: 80, destPort: 80 }
  expect(made.datagram('a', inside)).toEqual([1, 1, 2, 2, 3, 4, 4])
  expect(made.datagram('a')).toEqual([1, 4])
})

test('a datagram whose transport cannot be read is asked by rules on IP, and by no others', () => {
  const made = lab('alert ip any any -> any any ()', 'alert tcp any any -> any any ()')
  const frame = tcp(CLIENT, { seq: 1, flags: 2 })
  frame[14 + 20 + 12] = 0xf0 // a header longer than the datagram
  const packet = made.frame(frame)
  expect(packet.fault).toBe('bad-offset')
  expect(made.take()).toEqual([1])
})

test.each([
  ['200', [200, 300], true],
  ['200,0', [200, 300], true],
  ['200,1', [200, 300], false],
  ['300,-1', [200, 300], true],
  ['>=200,all', [200, 300], true],
  ['>200,all', [200, 300], false],
  ['!500,all', [200, 300], true],
  ['100-600,2', [200, 300, 400], true],
  ['100-600,2', [200, 300], false],
  ['!500', [], false],
])('vlan.id:%s on %j: %s', (value, vlans, expected) => {
  const made = lab(`alert ip any any -> any any (vlan.id:${value};)`)
  made.frame(ethernet(0x0800, udp(CLIENT, 'x').subarray(14), vlans))
  expect(made.take()).toEqual(expected ? [1] : [])
})

test('what expressions catch goes to the alert, the packet and the flow, in rules that match', () => {
  const made = new SignatureLab(
    [
      `${UDP} (pcre:"/(?P<alert_who>\\w+)=(?P<flow_what>\\w+)/"; sid:1;)`,
      `${UDP} (pcre:"/^(\\w+)=(\\w+)/, pkt:first, flow:second"; content:"b"; sid:2;)`,
      `${UDP} (pcre:"/(?P<flow_never>\\w+)/"; content:"nowhere"; sid:3;)`,
    ].join('\n'),
  )
  expect(made.refused).toEqual([])
  made.datagram('a=b')
  expect(made.hits.map(({ sid, context, pktvars }) => ({ sid, context, pktvars }))).toEqual([
    { sid: 1, context: { who: 'a' }, pktvars: undefined },
    { sid: 2, context: undefined, pktvars: [{ first: 'a' }] },
  ])
  expect(made.engine.memory.metadata(0)).toEqual({ flowvars: [{ what: 'b' }, { second: 'b' }] })
  made.engine.forget(0)
  expect(made.engine.memory.metadata(0)).toBe(undefined)
})

test('the entropy that a rule computes is of the flow, whether or not it matched', () => {
  const made = lab(`${UDP} (entropy:value > 7;)`)
  expect(made.datagram('abab')).toEqual([])
  expect(made.engine.memory.metadata(0)).toEqual({ entropy: { content: 1 } })
})

test('plain contents of a rule over transactions may have gone by in the stream', () => {
  const made = lab('alert ip any any -> any any (content:"early"; http.uri; content:"/late";)')
  const filler = 'x'.repeat(6000)
  made.segments([
    ['>', 'an ear'],
    ['>', `ly word ${filler}`],
  ])
  const http = httpExchange({ uri: '/late', method: 'GET' })
  expect(made.transaction({ proto: 'http', stage: 'done', http })).toEqual([1])
  const never = lab('alert ip any any -> any any (content:"early"; http.uri; content:"/late";)')
  never.segments([['>', filler]])
  expect(never.transaction({ proto: 'http', stage: 'done', http })).toEqual([])
})

test('an event is judged at the packet that had it, with or without a flow', () => {
  const made = lab(
    'alert pkthdr any any -> any any (decode-event:udp.len_invalid;)',
    'alert udp any any -> any any (decode-event:ipv4.trunc_pkt;)',
    'alert ip 10.9.9.9 any -> any any (decode-event:udp.len_invalid;)',
  )
  const packet = made.frame(udp(CLIENT, 'x'))
  made.take()
  made.engine.event('udp.len_invalid', packet)
  made.engine.event('udp.pkt_too_small', packet)
  expect(made.take()).toEqual([1])
  packet.flow = -1
  made.engine.event('ipv4.trunc_pkt', packet)
  expect(made.take()).toEqual([2])
  const unknown = new SignatureLab('alert pkthdr any any -> any any (decode-event:udp.odd; sid:1;)')
  expect(unknown.refused[0]?.reason).toBe('the event udp.odd is not noticed here')
})

test('the name and size of a file, with or without a side', () => {
  const made = lab(
    'alert http any any -> any any (filename:"REPORT"; fileext:"pdf"; flow:to_client;)',
    'alert http any any -> any any (fileext:!"pdf"; flow:to_client;)',
    'alert http any any -> any any (filesize:>2; flow:to_client;)',
    'alert http any any => any any (http.method; content:"GET"; file.data:to_client; content:"abc";)',
    'alert http any any => any any (http.method; content:"GET"; file.data:to_server; content:"abc";)',
  )
  const responseBody = Buffer.from('abc')
  const http = httpExchange({ uri: '/a/Report.pdf?x', responseBody, responseBodyBytes: 3 })
  expect(made.transaction({ proto: 'http', stage: 'done', http }).toSorted()).toEqual([1, 3, 4])
})

test('thresholds of a flow, and those that need more each time', () => {
  const { rules } = lab(
    `${UDP} (threshold:type limit, track by_flow, count 1, seconds 60;)`,
    `${UDP} (threshold:type backoff, track by_flow, count 1, multiplier 3;)`,
  )
  const thresholds = new Thresholds(rules)
  const said = (sid: number, flow: string) => thresholds.admit(sid, '10.0.0.1', '10.0.0.2', 1, flow)
  expect([said(1, 'a'), said(1, 'a'), said(1, 'b')]).toEqual([true, false, true])
  const times = Array.from({ length: 10 }, (_, i) => i + 1)
  expect(times.filter(() => said(2, 'a'))).toEqual([1, 3, 9])
})
