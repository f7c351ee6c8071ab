/** What must not be in a stretch of a stream: asked when that stretch has come whole, or as much of it as ever will. */
import { expect, test } from 'vitest'
import { type Eve, eveOf, sids } from '../../../test/traffic/eve-replay.ts'
import { tcp, tcpConversation } from '../../../test/traffic/frames.ts'
import { CLIENT, httpExchange, SignatureLab } from '../../../test/traffic/signature-lab.ts'

const VERSION = 'content:"HTTP/"; content:!"1.1"; within:3; content:!"1.0"; within:3;'
const rule = (options: string, proto = 'tcp-stream') =>
  `alert ${proto} any any -> any any (flow:established,to_server; ${options} sid:1;)`

const flowOf = (lab: SignatureLab) => lab.table.find(lab.frame(lab.tcp({ seq: 9, flags: 16 })))
const pieces = (...parts: string[]) => parts.map((part) => ['>', part] as const)

test('a request that comes byte by byte is of the version that it says in the end', () => {
  const said = (text: string) => new SignatureLab(rule(VERSION)).segments(pieces(...text))
  expect(said('GET / HTTP/1.1\r\n')).toEqual([])
  expect(said('GET / HTTP/1.0\r\n')).toEqual([])
  expect(said('GET / HTTP/1')).toEqual([])
  expect(said('GET / HTTP/2.0\r\n')).toEqual([1])
})

test('at the end of a connection, and before a gap, what has come is all there is', () => {
  const lab = new SignatureLab(rule(VERSION))
  expect(lab.segments(pieces('GET / HTTP/'))).toEqual([])
  const flow = flowOf(lab)
  lab.engine.ended(flow)
  expect(lab.take()).toEqual([1])
  lab.engine.ended(flow)
  expect(lab.take()).toEqual([])
  const other = new SignatureLab(rule(VERSION))
  expect(other.segments(pieces('GET / HTTP/1'))).toEqual([])
  other.engine.gap(flowOf(other), true, 100)
  expect(other.take()).toEqual([1])
})

test('what belongs to no stream, and what is far behind, waits for nothing', () => {
  const lab = new SignatureLab(rule('content:"needle"; content:!"no"; within:9000;', 'http'))
  lab.appProto = 'http'
  lab.segments(pieces('.'))
  const packet = lab.frame(lab.tcp({ seq: 1, flags: 24, payload: Buffer.from('needle') }))
  lab.engine.segment(packet.flow, true, packet.bytes, packet.payloadOffset, packet.end)
  expect(lab.take()).toEqual([1])
  const long = new SignatureLab(rule('content:"needle"; content:!"no"; within:9000;'))
  expect(long.segments(pieces('needle', '.'.repeat(1000), '.'.repeat(1000)))).toEqual([])
  expect(long.segments(pieces('.'.repeat(600)))).toEqual([1])
})

test('segments of connections that nobody follows take no room from those that are followed', () => {
  const lab = new SignatureLab(rule('content:"need"; content:"le"; distance:0;', 'tcp'))
  expect(lab.segments(pieces('... need'))).toEqual([])
  const ends = { ...CLIENT, srcPort: 40_001 }
  lab.segments(pieces('.'), ends)
  const { flow } = lab.frame(tcp(ends, { seq: 1, flags: 24 }))
  const other = Buffer.from('needed')
  for (let i = 0; i < 1000; i++) lab.engine.segment(flow, true, other, 0, other.length)
  expect(lab.take()).toEqual([])
  expect(lab.segments(pieces('le ...'))).toEqual([1])
})

test('a long segment that belongs to no stream is one', () => {
  const lab = new SignatureLab(
    'alert tcp any any -> any any (content:"need"; content:"le"; sid:1;)',
  )
  const { flow } = lab.frame(lab.tcp({ seq: 1, flags: 24 }))
  for (const length of [4, 16_380, 16_382, 32_766, 40_000]) {
    const bytes = Buffer.from(`${'.'.repeat(length - 4)}needle${'.'.repeat(20_000)}`)
    lab.engine.segment(flow, true, bytes, 0, bytes.length)
    expect(lab.take()).toEqual([1])
  }
})

test('a request that is whole is judged as it is, and its answer not with it', () => {
  const lab = new SignatureLab(
    `${rule('content:"POST"; content:!"token"; within:900;', 'http')}
    alert tcp-stream any any -> any any (flow:to_client; content:"200"; content:!"x"; within:900; sid:2;)`,
  )
  lab.appProto = 'http'
  expect(lab.segments([...pieces('POST / HTTP/1.1\r\n'), ['<', 'HTTP/1.1 200 OK']])).toEqual([])
  const flow = flowOf(lab)
  const said = (stage: 'request' | 'done', http = httpExchange()) => {
    lab.engine.transaction(flow, { proto: 'http', stage, http }, 1)
    return lab.take()
  }
  const half = { requestDone: false, responseDone: false, status: 0 }
  expect(said('request', httpExchange(half))).toEqual([])
  expect(said('request', httpExchange({ ...half, requestDone: true }))).toEqual([1])
  expect(said('done')).toEqual([2])
})

test('at the beginning of a stream too', () => {
  const said = (...parts: string[]) => {
    const lab = new SignatureLab(rule('content:"evil"; content:!"GET"; depth:3;'))
    return lab.segments(pieces(...parts))
  }
  expect(said('GET', ' evil')).toEqual([])
  expect(said('P', 'UT', ' evil')).toEqual([1])
  expect(said('GET', '.'.repeat(9000), ' evil')).toEqual([])
  const first = new SignatureLab(rule('content:!"GET"; depth:3; content:"G";'))
  expect(first.segments(pieces('G', 'E', 'T'))).toEqual([])
})

test('an end that must be near is one when nothing more comes', () => {
  const lab = new SignatureLab(rule('content:"bye"; isdataat:!2,relative;'))
  expect(lab.segments(pieces('bye', ', all of you'))).toEqual([])
  const last = new SignatureLab(rule('content:"bye"; isdataat:!2,relative;'))
  expect(last.segments(pieces('good', 'bye', '!'))).toEqual([])
  last.engine.ended(flowOf(last))
  expect(last.take()).toEqual([1])
})

test('through the whole path: byte by byte, and to the end of the connection', async () => {
  const said = async (text: string): Promise<Eve[]> => {
    const sent = [...text].map((data) => ({ from: 'client' as const, data }))
    return eveOf(tcpConversation(CLIENT, sent), { rules: rule(VERSION) })
  }
  expect(sids(await said('GET / HTTP/1.0\r\n\r\n'))).toEqual([])
  expect(sids(await said('GET / HTTP/7.0\r\n\r\n'))).toEqual([1])
  expect(sids(await said('say HTTP/'))).toEqual([1])
})

test('a literal longer than the part of it that is looked for is found wherever it is cut', () => {
  const literal = Array.from({ length: 100 }, (_, i) => String.fromCharCode(97 + ((i * 7) % 26))).join('') // biome-ignore format: one line
  for (let cut = 1; cut < literal.length; cut++) {
    const lab = new SignatureLab(rule(`content:"${literal}";`, 'tcp'))
    const turns = [`..${literal.slice(0, cut)}`, `${literal.slice(cut)} and more`]
    expect(lab.segments(pieces(...turns)), `${cut}`).toEqual([1])
  }
})
