import { expect, test } from 'vitest'
import { ethernet, ipv4Header } from '../../../test/traffic/frames.ts'
import { CLIENT, httpExchange, SignatureLab } from '../../../test/traffic/signature-lab.ts'

const rule = (options: string, header = 'alert tcp any any -> any any', sid = 1) =>
  `${header} (msg:"x"; ${options} sid:${sid}; rev:1;)`
const UDP = 'alert udp any any -> any any'

/** Whether a rule of these options fires on one datagram. */
function fires(options: string, payload: string | Uint8Array): boolean {
  const lab = new SignatureLab(rule(options, UDP))
  expect(lab.refused).toEqual([])
  return lab.datagram(payload).length === 1
}

test.each([
  ['content:"abc";', 'xxabcxx', true],
  ['content:"abc";', 'xxABCxx', false],
  ['content:"aBc"; nocase;', 'xxAbCxx', true],
  ['content:"|41 42|c";', 'ABc', true],
  ['content:"a|3b|b";', 'a;b', true],
  ['content:"a\\;\\"\\\\b";', 'a;"\\b', true],
  ['content:!"abc";', 'nothing', true],
  ['content:!"abc";', 'an abc', false],
  ['content:"ab"; content:!"cd";', 'ab..', true],
  ['content:"ab"; content:!"cd";', 'ab.cd', false],
  ['content:"abc"; depth:3;', 'abcdef', true],
  ['content:"bcd"; depth:3;', 'abcdef', false],
  ['content:"bcd"; offset:1; depth:3;', 'abcdef', true],
  ['content:"bcd"; offset:2;', 'abcdef', false],
  ['content:"abc"; startswith;', 'abcdef', true],
  ['content:"bcd"; startswith;', 'abcdef', false],
  ['content:"def"; endswith;', 'def..def', true],
  ['content:"abc"; endswith;', 'abc..def', false],
  ['content:"ab"; content:"cd"; distance:0;', 'ab..cd', true],
  ['content:"ab"; content:"cd"; distance:0;', 'cd..ab', false],
  ['content:"ab"; content:"cd"; distance:3;', 'ab..cd', false],
  ['content:"ab"; content:"cd"; distance:-4;', 'cdab', true],
  ['content:"ab"; content:"cd"; within:4;', 'ab..cd', true],
  ['content:"ab"; content:"cd"; within:3;', 'ab..cd', false],
  ['content:"ab"; content:"cd"; distance:1; within:3;', 'ab..cd', true],
  ['content:"ab"; content:!"cd"; within:4;', 'ab....cd', true],
  ['content:"ab"; content:!"cd"; within:4;', 'ab..cd', false],
  // the first place of "ab" leads nowhere, the second does
  ['content:"ab"; content:"cd"; within:2; content:"ef"; within:2;', 'abcd..abcdef', true],
  ['content:"ab"; content:"cd"; distance:1; within:2;', 'abab.cd', true],
  ['content:"ab"; isdataat:2,relative;', 'ab12', true],
  ['content:"ab"; isdataat:3,relative;', 'ab12', false],
  ['content:"ab"; isdataat:!1,relative;', '..ab', true],
  ['content:"ab"; isdataat:!1,relative;', '..ab.', false],
  ['isdataat:3;', '1234', true],
  ['isdataat:4;', '1234', false],
  ['dsize:4;', '1234', true],
  ['dsize:>4;', '1234', false],
  ['dsize:3<>5;', '1234', true],
  ['content:"id="; pcre:"/^[0-9]{3}$/R";', 'x id=123', true],
  ['content:"id="; pcre:"/^[0-9]{3}$/R";', 'x id=12a', false],
  ['content:"a"; pcre:"/b(?=c)/";', 'abc', true],
  ['content:"a"; pcre:!"/B/i";', 'abc', false],
  ['pcre:"/^x.y$/s";', 'x\ny', true],
  ['pcre:"/\\x00\\xff/";', Buffer.from([1, 0, 255]), true],
  ['pcre:"/a/"; content:"b"; distance:1; within:1;', 'ab.a.b', true],
  ['byte_test:2,>,256,0;', Buffer.from([1, 1]), true],
  ['byte_test:2,>,257,0;', Buffer.from([1, 1]), false],
  ['byte_test:2,=,513,0,little;', Buffer.from([1, 2]), true],
  ['byte_test:1,&,0x80,0;', Buffer.from([0x81]), true],
  ['byte_test:1,!&,128,0;', Buffer.from([0x01]), true],
  ['byte_test:4,=,1234,1,string,dec;', 'x1234', true],
  [
    'content:"L"; byte_jump:1,0,relative; content:"end"; distance:0; within:3;',
    'L\x03...end',
    true,
  ],
  [
    'content:"L"; byte_jump:1,0,relative; content:"end"; distance:0; within:3;',
    'L\x02...end',
    false,
  ],
  ['byte_extract:1,0,len; content:"z"; offset:len;', '\x03..z', true],
  ['byte_extract:1,0,len; content:"z"; offset:len;', '\x04..z.', false],
] as const)('%s on %j: %s', (options, payload, expected) => {
  expect(fires(options, payload)).toBe(expected)
})

test('headers: addresses, ports, direction', () => {
  const hits = (header: string) =>
    new SignatureLab(rule('content:"x";', header)).datagram('x', CLIENT).length
  expect(hits('alert udp 10.0.0.0/8 any -> any 80')).toBe(1)
  expect(hits('alert udp $HOME_NET any -> $EXTERNAL_NET $HTTP_PORTS')).toBe(1)
  expect(hits('alert udp $EXTERNAL_NET any -> $HOME_NET any')).toBe(0)
  expect(hits('alert udp any 80 <> any any')).toBe(1)
  expect(hits('alert udp [10.0.0.0/8,!10.0.0.5] any -> any any')).toBe(0)
  expect(hits('alert udp [10.0.0.0/8, ![10.0.0.0/24, !10.0.0.5]] any -> any any')).toBe(1)
  expect(hits('alert udp any any -> any [1:100,!80]')).toBe(0)
  expect(hits('alert ip any any -> any !81')).toBe(1)
  expect(hits('alert tcp any any -> any any')).toBe(0)
})

test('a pattern cut at every place by a segment boundary is found once', () => {
  const text = 'GET /needle-in-the-stream HTTP/1.0'
  const rules = [
    rule('flow:established,to_server; content:"needle-in-the-stream";'),
    rule('flow:to_server; content:"GET"; content:"stream"; distance:0;', undefined, 2),
    rule('flow:to_client; content:"needle";', undefined, 3),
  ].join('\n')
  for (let cut = 1; cut < text.length; cut++) {
    const lab = new SignatureLab(rules)
    const fired = lab.segments([
      ['>', text.slice(0, cut)],
      ['>', text.slice(cut)],
      ['>', 'more'],
    ])
    expect(fired.toSorted(), `cut at ${cut}`).toEqual([1, 2])
  }
})

test('one byte a segment', () => {
  const lab = new SignatureLab(rule('content:"abc"; content:"xyz"; distance:1; nocase;'))
  expect(lab.segments([...'abc-XYZ'].map((c) => ['>', c] as const))).toEqual([1])
})

test('bytes that a rule has fired on do not let it fire again', () => {
  const lab = new SignatureLab(
    [
      rule('flow:only_stream; content:"|00|"; offset:3; depth:1;'),
      rule('flow:only_stream; content:"ab"; content:"cd"; distance:0;', undefined, 2),
      rule('flow:only_stream; content:"abc"; startswith; content:"z";', undefined, 3),
    ].join('\n'),
  )
  expect(lab.segments([['>', 'abc\0']])).toEqual([1])
  expect(lab.segments([['>', '\0 and more\0']])).toEqual([])
  expect(lab.segments([['>', 'cd']])).toEqual([2])
  expect(lab.segments([['>', 'cd']])).toEqual([])
  expect(lab.segments([['>', 'abcdz']]).toSorted()).toEqual([2, 3])
  expect(lab.segments([['>', 'z']])).toEqual([])
})

test('offset and depth count from the beginning of the stream', () => {
  const lab = new SignatureLab(rule('flow:only_stream; content:"needle"; offset:10; depth:6;'))
  expect(
    lab.segments([
      ['>', '0123456789'],
      ['>', 'needle'],
    ]),
  ).toEqual([1])
  expect(
    lab.segments(
      [
        ['>', '0123'],
        ['>', '456789.needle'],
      ],
      { ...CLIENT, srcPort: 40_000 },
    ),
  ).toEqual([])
})

test('a hole in a stream joins nothing', () => {
  const lab = new SignatureLab(rule('content:"abcdef";'))
  const { engine } = lab
  const bytes = Buffer.from('abcdef')
  lab.segments([])
  engine.stream(0, true, bytes, 0, 3)
  engine.gap(0, true, 5)
  engine.stream(0, true, bytes, 3, 6)
  expect(lab.take()).toEqual([])
  engine.stream(0, true, bytes, 0, 3)
  engine.stream(0, true, bytes, 3, 6)
  expect(lab.take()).toEqual([1])
})

test('flow bits pass from rule to rule, and end with the flow', () => {
  const lab = new SignatureLab(
    [
      rule('content:"login"; flowbits:set,in; flowbits:noalert;'),
      rule('content:"secret"; flowbits:isset,in;', undefined, 2),
      rule('content:"secret"; flowbits:isnotset,in;', undefined, 3),
    ].join('\n'),
  )
  expect(
    lab.segments([
      ['>', 'secret'],
      ['>', 'login'],
      ['<', 'the secret'],
    ]),
  ).toEqual([3, 2])
  lab.engine.ended(0)
  lab.engine.forget(0)
  expect(lab.segments([['>', 'secret']])).toEqual([3])
})

test('a pass rule ends the judging of its flow', () => {
  const lab = new SignatureLab(
    [rule('content:"bad";'), rule('content:"ours"; ', 'pass tcp any any -> any any', 2)].join('\n'),
  )
  expect(lab.segments([['>', 'bad ours']])).toEqual([])
  expect(lab.segments([['>', 'bad again']])).toEqual([])
})

const HTTP = 'alert http any any -> any any'

test('sticky buffers and old modifiers see their part only', () => {
  const lab = new SignatureLab(
    [
      rule('http.uri; content:"/index"; startswith; bsize:11;', HTTP),
      rule('content:"index"; http_uri; content:"example"; http_host;', HTTP, 2),
      rule('http.user_agent; content:"example";', HTTP, 3),
      rule('http.header; content:"User-Agent|3a 20|test"; pcre:"/^Host\\x3a/m";', HTTP, 4),
      rule('http.stat_code; content:"200"; http.response_body; content:"hello";', HTTP, 5),
      rule('http.host; dotprefix; content:".example.com"; endswith;', HTTP, 6),
      rule('http.request_line; content:"GET /index.html HTTP/1.1"; bsize:24;', HTTP, 7),
      rule('http.cookie; content:!"a"; http.method; content:"GET";', HTTP, 8),
      rule('http.cookie; content:"a";', HTTP, 9),
      rule('urilen:<12; http.uri; content:!"z";', HTTP, 10),
      rule('content:"GET"; http_method; uricontent:"/INDEX"; nocase; pcre:"/html$/U";', HTTP, 11),
      rule('flow:to_client; file.data; content:"ell";', HTTP, 12),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  const fired = lab.transaction({ proto: 'http', stage: 'done', http: httpExchange() })
  expect(fired.toSorted((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 7, 10, 11, 12])
})

test('a content that a modifier moves takes "nothing behind it" along', () => {
  const lab = new SignatureLab(
    [
      rule('content:"test"; isdataat:!1,relative; http_user_agent;', HTTP),
      rule('content:"tes"; isdataat:!1,relative; http_user_agent;', HTTP, 2),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  const http = httpExchange({ requestHeaders: [{ name: 'User-Agent', value: 'a test' }] })
  expect(lab.transaction({ proto: 'http', stage: 'done', http })).toEqual([1])
})

test('a header that comes twice is one with both values; of lengths the first counts', () => {
  const requestHeaders = [
    { name: 'Host', value: 'a.example' },
    { name: 'User-Agent', value: 'one' },
    { name: 'Content-Length', value: '3' },
    { name: 'host', value: 'b.example' },
    { name: 'user-agent', value: 'two' },
    { name: 'content-length', value: '4' },
  ]
  const lab = new SignatureLab(
    [
      rule('http.header; content:"Host: a.example, b.example|0d 0a|User-Agent: one, two|0d 0a|Content-Length: 3|0d 0a|"; bsize:69;', HTTP), // biome-ignore format: one rule
      rule('http.header_names; content:"|0d 0a|Host|0d 0a|User-Agent|0d 0a|Content-Length|0d 0a 0d 0a|"; startswith; endswith;', HTTP, 2), // biome-ignore format: one rule
      rule('http.header; content:"Host: b.example"; nocase;', HTTP, 3),
      rule('http.content_len; content:"3"; bsize:1;', HTTP, 4),
      rule('http.request_header; content:"User-Agent: one, two"; bsize:20;', HTTP, 5),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  const http = httpExchange({ requestHeaders })
  expect(lab.transaction({ proto: 'http', stage: 'done', http })).toEqual([1, 2, 4, 5])
})

test('a file without a direction is one that is sent, too', () => {
  const lab = new SignatureLab(rule('flow:established; file_data; content:"ELF"; within:3;', HTTP))
  const sends = httpExchange({ method: 'POST', requestBody: Buffer.from('ELF and more') })
  expect(lab.transaction({ proto: 'http', stage: 'done', http: sends })).toEqual([1])
  const fetches = httpExchange({ responseBody: Buffer.from('ELF and more') })
  expect(lab.transaction({ proto: 'http', stage: 'done', http: fetches })).toEqual([1])
})

test('each rule fires once a transaction, whatever the number of stages', () => {
  const lab = new SignatureLab(
    [
      rule('http.uri; content:"index";', HTTP),
      rule('http.request_body; content:"part";', HTTP, 2),
      rule('http.uri; content:"index"; http.request_body; content:!"never";', HTTP, 3),
    ].join('\n'),
  )
  const http = httpExchange({ method: 'POST', requestDone: false, status: 0, responseDone: false })
  expect(lab.transaction({ proto: 'http', stage: 'request', http })).toEqual([1])
  http.requestBody = Buffer.from('a part')
  expect(lab.transaction({ proto: 'http', stage: 'request-body', http })).toEqual([2])
  http.requestBody = Buffer.from('a part, and the rest')
  http.requestDone = true
  expect(lab.transaction({ proto: 'http', stage: 'request-body', http })).toEqual([3])
  http.status = 200
  expect(lab.transaction({ proto: 'http', stage: 'response', http })).toEqual([])
  expect(lab.transaction({ proto: 'http', stage: 'done', http })).toEqual([])
})

test('Modbus: function, sub-function, what is written', () => {
  const modbus = {
    transaction: 1,
    unit: 3,
    function: 6,
    toServer: true,
    failed: false,
    exception: undefined,
    address: 100,
    quantity: 1,
    values: [7],
    subFunction: undefined,
    write: true,
    read: [],
    readAddress: undefined,
    readQuantity: undefined,
  }
  const header = 'alert modbus any any -> any 502'
  const lab = new SignatureLab(
    [
      rule('modbus: function 8, subfunction 1;', header),
      rule('modbus: access write holding, address 100, value >5;', header, 2),
      rule('modbus: unit 4, function 6;', header, 3),
      rule('modbus: access read;', header, 4),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  expect(lab.transaction({ proto: 'modbus', stage: 'request', modbus })).toEqual([2])
  const restart = { ...modbus, function: 8, subFunction: 1, address: undefined, write: false }
  expect(lab.transaction({ proto: 'modbus', stage: 'request', modbus: restart })).toEqual([1])
})

test('more candidates than are judged: the worst go first, and it is told', () => {
  const rules = Array.from({ length: 300 }, (_, i) =>
    rule(`content:"pattern"; priority:${i < 290 ? 3 : 1};`, UDP, i + 1),
  )
  const lab = new SignatureLab(rules.join('\n'))
  const fired = lab.datagram('a pattern')
  expect(fired.length).toBe(256)
  expect(fired.filter((sid) => sid > 290).length).toBe(10)
  expect(lab.incomplete).toEqual(['candidates'])
})

test('expressions and searches that run away are cut off, and it is told', () => {
  const lab = new SignatureLab(
    [
      rule('content:"aaaa"; pcre:"/(a+)+b(?!x)$/";', UDP),
      rule(
        'content:"a"; content:"a"; within:600; content:"a"; within:600; content:"zz"; within:1300;',
        UDP,
        2,
      ),
    ].join('\n'),
  )
  expect(lab.datagram(`${'a'.repeat(1300)}!b`)).toEqual([])
  expect(new Set(lab.incomplete)).toEqual(new Set(['steps', 'match-limit']))
})

test('more rules than can wait for the rest of a stream: it is told', () => {
  const waits = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      rule(`content:"pattern"; content:"end${i}"; distance:0;`, undefined, i + 1),
    ).join('\n')
  const few = new SignatureLab(waits(16))
  few.segments([['>', 'a pattern']])
  expect(few.incomplete).toEqual([])
  const many = new SignatureLab(waits(17))
  many.segments([['>', 'a pattern']])
  expect(many.incomplete).toEqual(['candidates'])
})

test('a new set takes over between two packets', () => {
  const lab = new SignatureLab(rule('content:"abc";', UDP))
  const other = new SignatureLab(rule('content:"xyz";', UDP, 7))
  expect(lab.datagram('abc')).toEqual([1])
  const before = lab.engine.generation
  lab.engine.swap(other.rules)
  expect(lab.engine.generation).toBeGreaterThan(before)
  expect(lab.datagram('abc xyz')).toEqual([7])
})

test('a fragment has no type of ICMP and no flags of TCP', () => {
  const lab = new SignatureLab(
    [
      rule('itype:0; icode:0;', 'alert icmp any any -> any any'),
      rule('flags:0;', 'alert tcp any any -> any any', 2),
      rule('ip_proto:!47;', 'alert ip any any -> any any', 3),
    ].join('\n'),
  )
  const part = (protocol: number) =>
    ethernet(
      0x0800,
      Buffer.concat([ipv4Header(CLIENT, protocol, 16, { fragmentOffset: 64 }), Buffer.alloc(16)]),
    )
  lab.frame(part(1))
  expect(lab.take()).toEqual([3])
  lab.frame(part(6))
  expect(lab.take()).toEqual([3])
})

test('what asks for addresses and a protocol alone is told once a direction of a flow', () => {
  const lab = new SignatureLab(
    [
      rule('ip_proto:!6; ip_proto:!47;', 'alert ip any any -> any any'),
      rule('ip_proto:17; content:"x";', 'alert ip any any -> any any', 2),
    ].join('\n'),
  )
  expect(lab.datagram('x')).toEqual([1, 2])
  expect(lab.datagram('x')).toEqual([2])
})

test('TCP flags, TTL and friends', () => {
  const lab = new SignatureLab(
    [
      rule('flags:S; ttl:64;'),
      rule('flags:SA;', undefined, 2),
      rule('flags:S+; window:64240;', undefined, 3),
      rule('sameip;', undefined, 4),
      rule('ip_proto:17;', 'alert ip any any -> any any', 5),
    ].join('\n'),
  )
  expect(lab.refused).toEqual([])
  const fired = (frame: Uint8Array) => {
    lab.frame(frame)
    return lab.take().toSorted()
  }
  expect(fired(lab.tcp({ seq: 1, flags: 2 }))).toEqual([1, 3])
  expect(fired(lab.tcp({ seq: 1, flags: 18 }))).toEqual([2, 3])
  expect(lab.datagram('x')).toEqual([5])
})

test('what has matched before its protocol is known waits for it through more segments', () => {
  const lab = new SignatureLab(rule('content:"secret";', 'alert http any any -> any any'))
  const parts = ['a secret', 'more', 'and more'].map((text) => ['>', text] as const)
  expect(lab.segments(parts)).toEqual([])
  lab.appProto = 'http'
  expect(lab.segments([['>', 'the end']])).toEqual([1])
})
