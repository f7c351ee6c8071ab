/** What the settings of inspection change, end to end: packets in, EVE records out. */
import { expect, test } from 'vitest'
import { eveOf, ofType, sids } from '../traffic/eve-replay.ts'
import { type Ends, ethernet, tcpConversation, udp } from '../traffic/frames.ts'

const ENDS: Ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 8080 }
const talk = tcpConversation(ENDS, [
  { from: 'client', data: 'one evil\x00' },
  { from: 'server', data: 'two' },
])

test('an alert shows what it was seen in, of a packet or of a stream', async () => {
  const rules = `
    alert tcp-stream any any -> any any (content:"evil"; sid:1;)
    alert tcp-pkt any any -> any any (content:"evil"; sid:2;)`
  const options = { eve_types: [{ alert: { payload: true, packet: true } }] }
  const alerts = ofType(await eveOf(talk, { rules, options }), 'alert')
  const shown = alerts.map(({ alert, stream, payload_printable, payload_length }) => ({
    sid: alert.signature_id,
    stream,
    payload_printable,
    payload_length,
  }))
  const seen = { payload_printable: 'one evil.', payload_length: 9 }
  expect(shown.sort((a, b) => a.sid - b.sid)).toEqual([
    { sid: 1, stream: 1, ...seen },
    { sid: 2, stream: 0, ...seen },
  ])
  expect(alerts[0]?.packet_info).toEqual({ linktype: 1, linktype_name: 'EN10MB' })
})

const web = tcpConversation(ENDS, [
  { from: 'client', data: 'GET /a HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\n' },
  { from: 'server', data: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' },
])

test('header lines, references and what rules caught are shown as asked', async () => {
  const rules =
    'alert http any any -> any any (http.uri; pcre:"/(?P<flow_path>\\w+)$/"; reference:cve,2014-0160; flowbits:set,seen; sid:1;)'
  const options = {
    eve_types: [
      { http: { 'dump-all-headers': 'request' } },
      { alert: { metadata: { rule: { reference: true } } } },
      'flow',
    ],
  }
  const records = await eveOf(web, { rules, options })
  const [http] = ofType(records, 'http')
  expect(http?.http.request_headers).toEqual([
    { name: 'Host', value: 'h' },
    { name: 'X-One', value: '1' },
  ])
  expect(http?.http.response_headers).toBe(undefined)
  const metadata = { flowbits: ['seen'], flowvars: [{ path: 'a' }] }
  const [alert] = ofType(records, 'alert')
  expect(alert?.alert.references[0]).toMatch(/^https:\/\/cve\..*2014-0160$/)
  expect(alert?.metadata).toEqual(metadata)
  expect(ofType(records, 'flow')[0]?.metadata).toEqual(metadata)
})

test('a rule of the action config keeps records from being written, bypass ends a flow’s inspection', async () => {
  const config =
    'config http any any -> any any (http.uri; content:"/a"; config: logging disable, type tx, scope tx; sid:1;)'
  expect(ofType(await eveOf(web, { rules: config }), 'http')).toEqual([])
  expect(ofType(await eveOf(web), 'http')).toHaveLength(1)
  const bypass = `
    pass tcp any any -> any 8080 (flags:S; bypass; sid:1;)
    alert http any any -> any any (http.uri; content:"/a"; sid:2;)`
  const records = await eveOf(web, { rules: bypass })
  expect(sids(records)).toEqual([])
  expect(ofType(records, 'flow')[0]?.flow.state).toBe('bypassed')
})

test('of each type that is asked for come the records that come of all', async () => {
  const rules = 'alert http any any -> any any (http.uri; content:"/a"; sid:1;)'
  const all = await eveOf(web, { rules })
  for (const [name, type] of [
    ['alert', 'alert'],
    ['flow', 'flow'],
    ['http', 'http'],
    ['files', 'fileinfo'],
    ['anomaly', 'anomaly'],
  ] as const) {
    const records = await eveOf(web, { rules, options: { eve_types: [name] } })
    expect(records, name).toEqual(ofType(all, type))
  }
  expect(ofType(all, 'alert').length * ofType(all, 'http').length).toBe(1)
})

test('what passes is told where the rule says so, and an answer nobody asked for is odd', async () => {
  const rules = `
    pass http any any -> any any (http.uri; content:"/a"; alert; sid:1;)
    alert http any any -> any any (http.uri; content:"/a"; sid:2;)`
  expect(sids(await eveOf(web, { rules }))).toEqual([1])
  const answer = tcpConversation(ENDS, [{ from: 'server', data: 'HTTP/1.1 200 OK\r\n\r\n' }])
  const event = 'app-layer-event:http.unable_to_match_response_to_request'
  const odd = await eveOf(answer, { rules: `alert http any any -> any any (${event}; sid:3;)` })
  expect(sids(odd)).toEqual([3])
  expect(ofType(odd, 'anomaly')[0]?.anomaly).toMatchObject({
    type: 'applayer',
    event: 'UNABLE_TO_MATCH_RESPONSE_TO_REQUEST',
  })
})

const dropping = {
  mode: 'ips',
  eve_types: ['alert', 'flow', 'http', { drop: { flows: 'all', alerts: true } }],
}

test('in mode ips a rule takes its packet out, or all that follows of its flow', async () => {
  const rules = 'drop http any any -> any any (http.uri; content:"/a"; sid:1;)'
  const records = await eveOf(web, { rules, options: dropping })
  expect(ofType(records, 'alert').map(({ alert }) => alert.action)).toEqual(['blocked'])
  expect(ofType(records, 'http')).toEqual([])
  expect(ofType(records, 'flow')[0]?.flow.action).toBe('drop')
  const [first, ...rest] = ofType(records, 'drop')
  expect(first).toMatchObject({ drop: { reason: 'rules' }, alert: { signature_id: 1 } })
  expect(new Set(rest.map(({ drop }) => drop.reason))).toEqual(new Set(['flow drop']))
  expect(rest).toHaveLength(web.length - first?.pcap_cnt)
  const packet = 'drop tcp any any -> any any (flags:S; sid:2;)'
  const one = await eveOf(web, { rules: packet, options: dropping })
  expect(ofType(one, 'drop')).toHaveLength(1)
  expect(ofType(one, 'http')).toHaveLength(1)
  const told = await eveOf(web, { rules })
  expect(ofType(told, 'alert').map(({ alert }) => alert.action)).toEqual(['allowed'])
  expect(ofType(told, 'drop')).toEqual([])
})

test('which of two actions comes first is a setting', async () => {
  const rules = `
    pass udp any any -> any any (content:"x"; sid:1;)
    drop udp any any -> any any (content:"x"; sid:2;)`
  const frames = [udp(ENDS, 'x')]
  expect(sids(await eveOf(frames, { rules, options: dropping }))).toEqual([])
  const options = { ...dropping, action_order: ['drop', 'pass', 'reject', 'alert'] }
  expect(sids(await eveOf(frames, { rules, options }))).toEqual([2])
})

test('a packet that passes is met by no rule that goes after, whatever it asks', async () => {
  const rules = `
    pass tcp any any -> any 8080 (flags:PA; sid:1;)
    alert tcp any any -> any any (content:"GET /a"; sid:2;)
    alert http any any -> any any (http.uri; content:"/a"; sid:3;)`
  const options = { stream_inline: true }
  expect(sids(await eveOf(web, { rules, options }))).toEqual([])
})

test('findings of one rule are folded past a hundred a minute, unless told otherwise', async () => {
  const rules = 'alert udp any any -> any any (content:"x"; sid:1;)'
  const frames = Array.from({ length: 130 }, () => udp(ENDS, 'x'))
  expect(sids(await eveOf(frames, { rules }))).toHaveLength(100)
  const options = { fold_findings: false }
  expect(sids(await eveOf(frames, { rules, options }))).toHaveLength(130)
})

test('a connection that settings say not to follow is looked at segment by segment, of which none goes with another', async () => {
  const rules = `
    alert ip any any -> any any (content:"evil"; offset:4; depth:4; sid:1;)
    alert tcp any any -> any any (content:"one"; content:"two"; distance:0; sid:2;)
    alert tcp any any -> any any (content:"evil"; flow:established; sid:3;)
    alert tcp any any -> any any (content:"evil"; flow:only_stream; sid:4;)
    alert http any any -> any any (content:"evil"; sid:5;)`
  const late = talk.slice(3)
  const again = [...late, ...late.slice(0, 1)]
  expect(sids(await eveOf(again, { rules }))).toEqual([1, 1])
  expect(new Set(sids(await eveOf(talk, { rules })))).toEqual(new Set([1, 3, 4]))
  const followed = await eveOf(late, { rules, options: { midstream: true, async_oneside: true } })
  expect(sids(followed)).toContain(1)
  // What comes with the handshake half seen goes with nothing either.
  expect(sids(await eveOf([talk[0] as Buffer, ...late], { rules }))).toEqual([1])
})

test('a segment that its sender left to the card to cut is read, or malformed where settings say so', async () => {
  const rules = `
    alert http any any -> any any (http.uri; content:"/a"; sid:1;)
    alert pkthdr any any -> any any (decode-event:ipv4.iplen_smaller_than_hlen; sid:2;)`
  const asked = `GET /a HTTP/1.1\r\nHost: h\r\nX-One: ${'1'.repeat(1600)}\r\n\r\n`
  const [syn, answer, ack, question] = tcpConversation(ENDS, [{ from: 'client', data: asked }], 2000) as [Buffer, Buffer, Buffer, Buffer] // biome-ignore format: one line
  question.writeUInt16BE(0, 16)
  const frames = [syn, answer, ack, question]
  expect(sids(await eveOf(frames, { rules }))).toEqual([1])
  expect(sids(await eveOf(frames, { rules, options: { offload: 'malformed' } }))).toEqual([2])
})

test('packets that follow a tagged one are written where they are asked for', async () => {
  const rules = 'alert tcp any any -> any any (flags:S; tag:session,3,packets; sid:1;)'
  const options = { eve_types: [{ alert: { 'tagged-packets': true } }, 'packet'] }
  const records = await eveOf(talk, { rules, options })
  expect(sids(records)).toEqual([1])
  expect(ofType(records, 'packet').map(({ pcap_cnt }) => pcap_cnt)).toEqual([2, 3])
  expect(ofType(await eveOf(talk, { rules }), 'packet')).toEqual([])
})

test('ARP and what is odd in a packet are written where they are asked for', async () => {
  const arp = ethernet(
    0x0806,
    Buffer.from('000108000604000102000000000a0a0000050000000000000a000009', 'hex'),
  )
  const odd = ethernet(0xfbb7, Buffer.from('x'))
  const options = { eve_types: ['arp', { anomaly: { types: { decode: true } } }] }
  const [first, second] = await eveOf([arp, odd], { options })
  expect(first).toMatchObject({
    event_type: 'arp',
    arp: {
      opcode: 'request',
      src_ip: '10.0.0.5',
      dest_ip: '10.0.0.9',
      src_mac: '02:00:00:00:00:0a',
    },
  })
  expect(second).toMatchObject({
    event_type: 'anomaly',
    anomaly: { type: 'decode', event: 'decoder.ethernet.unknown_ethertype' },
    ether: { ether_type: 0xfbb7 },
  })
  expect(ofType(await eveOf([arp, odd, udp(ENDS, 'x')]), 'arp')).toEqual([])
})
