import { expect, test } from 'vitest'
import { batchOf, FlowRecorder } from '../../test/traffic/flow-recorder.ts'
import { type Ends, icmpEcho, tcp, tcpConversation, udp } from '../../test/traffic/frames.ts'
import { TCP } from '../decode/packet.ts'
import { FLOW } from './table.ts'

const CLIENT: Ends = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 40_000, destPort: 80 }
const SERVER: Ends = { src: '10.0.0.2', dest: '10.0.0.1', srcPort: 80, destPort: 40_000 }
const T0 = 1_700_000_000_000_000
const SECOND = 1_000_000

const syn = tcp(CLIENT, { seq: 1000, flags: TCP.SYN })
const synAck = tcp(SERVER, { seq: 5000, ack: 1001, flags: TCP.SYN | TCP.ACK })
const ack = tcp(CLIENT, { seq: 1001, ack: 5001, flags: TCP.ACK })

test('a whole conversation', () => {
  const frames = tcpConversation(CLIENT, [
    { from: 'client', data: 'GET / HTTP/1.1\r\n\r\n' },
    { from: 'server', data: 'HTTP/1.1 200 OK\r\n\r\n' },
  ])
  const recorder = new FlowRecorder().send(frames).end()
  expect(recorder.streams).toEqual(
    new Map([
      ['0>', 'GET / HTTP/1.1\r\n\r\n'],
      ['0<', 'HTTP/1.1 200 OK\r\n\r\n'],
    ]),
  )
  expect(recorder.ended_).toEqual([
    {
      client: '10.0.0.1:40000',
      server: '10.0.0.2:80',
      protocol: 6,
      reason: 'shutdown',
      state: FLOW.CLOSED,
      packetsToServer: 6,
      packetsToClient: 4,
      bytesToServer: 6 * 54 + 18,
      bytesToClient: 4 * 54 + 19,
      established: true,
      midstream: false,
      incomplete: false,
    },
  ])
  expect(recorder.established_).toBe(1)
  expect(recorder.packets.length).toBe(frames.length)
})

test('established means both directions, with the right numbers', () => {
  const forged = tcp(CLIENT, { seq: 1001, ack: 9999, flags: TCP.ACK })
  const old = tcp(CLIENT, { seq: 1001, ack: 17, flags: TCP.ACK })
  const early = tcp(CLIENT, { seq: 1001, ack: 5000, flags: TCP.ACK })
  for (const third of [forged, old, early])
    expect(new FlowRecorder().send([syn, synAck, third]).established_).toBe(0)
  const wrongAnswer = tcp(SERVER, { seq: 5000, ack: 4444, flags: TCP.SYN | TCP.ACK })
  expect(new FlowRecorder().send([syn, wrongAnswer, ack]).established_).toBe(0)
  expect(new FlowRecorder().send([syn, ack]).established_).toBe(0)
  expect(new FlowRecorder().send([syn, syn, synAck, synAck, ack, ack]).established_).toBe(1)
})

test('with midstream off, what began before us is not read', () => {
  const late = tcp(CLIENT, { seq: 1500, ack: 7004, flags: TCP.ACK, payload: 'late' })
  expect(new FlowRecorder({ midstream: false }).send([late]).end().streams.size).toBe(0)
  const whole = [
    syn,
    synAck,
    ack,
    tcp(CLIENT, { seq: 1001, ack: 5001, flags: TCP.ACK, payload: 'a' }),
  ]
  expect(new FlowRecorder({ midstream: false }).send(whole).end().streams.get('0>')).toBe('a')
})

test('with midstream off, what begins with the answer to a SYN is read once the SYN is seen, before or after', () => {
  const said = tcp(SERVER, { seq: 5001, ack: 1001, flags: TCP.ACK, payload: 'hi' })
  const read = (frames: Buffer[], options: object) => {
    const recorder = new FlowRecorder(options).send(frames).end()
    return [recorder.ended_[0]?.state, recorder.streams.get('0<')]
  }
  const strict = { midstream: false, oneSided: false }
  expect(read([synAck, ack, said], strict)).toEqual([FLOW.NEW, undefined])
  expect(read([synAck, syn, ack, said], strict)).toEqual([FLOW.ESTABLISHED, 'hi'])
  for (const oneSided of [true, false])
    expect(read([synAck, ack, said], { midstream: true, oneSided })[1]).toBe('hi')
  expect(read([synAck, said], { midstream: false, oneSided: true })[1]).toBe('hi')
})

test('the state of a connection as EVE names it', () => {
  const end = (ends: typeof CLIENT, seq: number, acked: number, fin: boolean) =>
    tcp(ends, { seq, ack: acked, flags: TCP.ACK | (fin ? TCP.FIN : 0) })
  const recorder = new FlowRecorder().send([syn])
  const { engine } = recorder
  expect(engine.tcpState(0)).toBe('syn_sent')
  recorder.send([synAck, ack])
  expect(engine.tcpState(0)).toBe('established')
  recorder.send([end(CLIENT, 1001, 5001, true)])
  expect(engine.tcpState(0)).toBe('close_wait')
  recorder.send([end(SERVER, 5001, 1002, true)])
  expect(engine.tcpState(0)).toMatch(/last_ack|closed/)
})

test('picked up in the middle: the low port serves, nothing is proven', () => {
  const recorder = new FlowRecorder()
    .send([
      tcp(SERVER, { seq: 7000, ack: 1500, flags: TCP.ACK, payload: 'late' }),
      tcp(CLIENT, { seq: 1500, ack: 7004, flags: TCP.ACK, payload: 'reply' }),
    ])
    .end()
  expect(recorder.streams).toEqual(
    new Map([
      ['0<', 'late'],
      ['0>', 'reply'],
    ]),
  )
  expect(recorder.ended_[0]).toMatchObject({
    client: '10.0.0.1:40000',
    midstream: true,
    established: false,
  })
})

test('a SYN/ACK that comes first is the server’s', () => {
  const recorder = new FlowRecorder().send([synAck, ack]).end()
  expect(recorder.ended_[0]).toMatchObject({ server: '10.0.0.2:80', midstream: true })
  expect(recorder.established_).toBe(0)
})

test('a reset with a wrong number is ignored, one with the right number closes', () => {
  const open = [syn, synAck, ack]
  const wrong = tcp(CLIENT, { seq: 500_000, flags: TCP.RST })
  const recorder = new FlowRecorder().send([...open, wrong])
  expect(recorder.engine.table.state[0]).toBe(FLOW.ESTABLISHED)
  expect(recorder.engine.counters.resetsIgnored).toBe(1)
  recorder.send([tcp(CLIENT, { seq: 1001, flags: TCP.RST })])
  expect(recorder.engine.table.state[0]).toBe(FLOW.CLOSED)
})

test('a refused connection', () => {
  const refusal = (number: number) => tcp(SERVER, { seq: 0, ack: number, flags: TCP.RST | TCP.ACK })
  const recorder = new FlowRecorder().send([syn, refusal(77)])
  expect(recorder.engine.table.state[0]).toBe(FLOW.NEW)
  recorder.send([refusal(1001)])
  expect(recorder.engine.table.state[0]).toBe(FLOW.CLOSED)
})

/** Events by the number of the packet they were noted at. */
function eventsOf(frames: Uint8Array[], options = {}) {
  const noted: string[] = []
  const recorder = new (class extends FlowRecorder {
    event(event: string, { number }: { number: number }): void {
      noted.push(`${number} ${event}`)
    }
  })(options)
  recorder.send(frames).end()
  return { noted, recorder }
}

test('a split handshake opens a connection from either side', () => {
  const recorder = new FlowRecorder({ midstream: false, oneSided: false }).send([
    tcp(CLIENT, { seq: 1000, flags: TCP.SYN }),
    tcp(SERVER, { seq: 0, ack: 1001, flags: TCP.ACK }),
    tcp(SERVER, { seq: 3000, flags: TCP.SYN }),
    tcp(CLIENT, { seq: 1000, ack: 3001, flags: TCP.SYN | TCP.ACK }),
    tcp(SERVER, { seq: 3001, ack: 1001, flags: TCP.ACK }),
    tcp(CLIENT, { seq: 1001, ack: 3001, flags: TCP.ACK, payload: 'EVIL' }),
  ])
  expect([...recorder.streams.values()]).toEqual(['EVIL'])
  expect(recorder.established_).toBe(1)
})

test('SYNs of many numbers: the answered one counts, too many are an event', () => {
  const syns = Array.from({ length: 12 }, (_, i) =>
    tcp(CLIENT, { seq: 1000 * (i + 1), flags: TCP.SYN }),
  )
  const { noted, recorder } = eventsOf([
    ...syns,
    tcp(SERVER, { seq: 9, ack: 3001, flags: TCP.SYN | TCP.ACK }),
    tcp(CLIENT, { seq: 3001, ack: 10, flags: TCP.ACK, payload: 'third' }),
  ])
  expect(noted).toEqual(['12 3whs_syn_flood'])
  expect([...recorder.streams.values()]).toEqual(['third'])
})

function stamps(value: number, echo: number): Buffer {
  const options = Buffer.from('0101080a0000000000000000', 'hex')
  options.writeUInt32BE(value, 4)
  options.writeUInt32BE(echo, 8)
  return options
}

test('a SYN that was lost and sent again is answered at the time of any of them', () => {
  const talk = (echo: number) => {
    const recorder = new FlowRecorder({ midstream: false, oneSided: false }).send([
      tcp(CLIENT, { seq: 1000, flags: TCP.SYN, options: stamps(0xffff_fff0, 0) }),
      tcp(CLIENT, { seq: 1000, flags: TCP.SYN, options: stamps(1010, 0) }),
      tcp(SERVER, { seq: 9, ack: 1001, flags: TCP.SYN | TCP.ACK, options: stamps(5, echo) }),
      tcp(CLIENT, { seq: 1000, flags: TCP.SYN, options: stamps(3000, 0) }),
      tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.ACK, options: stamps(3001, 5) }),
      tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.ACK, payload: 'read me', options: stamps(3002, 5) }), // biome-ignore format: one segment
    ])
    return [...recorder.end().streams.values()]
  }
  for (const echo of [0xffff_fff0, 7, 1010]) expect(talk(echo)).toEqual(['read me'])
  for (const echo of [0xffff_ffef, 1011]) expect(talk(echo)).toEqual([])
})

test('an answer that echoes another timestamp is none', () => {
  const { noted, recorder } = eventsOf([
    tcp(CLIENT, { seq: 1000, flags: TCP.SYN, options: stamps(77, 0) }),
    tcp(SERVER, { seq: 0, ack: 1001, flags: TCP.RST | TCP.ACK, options: stamps(5, 5) }),
    tcp(SERVER, { seq: 9, ack: 1001, flags: TCP.SYN | TCP.ACK, options: stamps(5, 77) }),
    tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.ACK, payload: 'read' }),
  ])
  expect(noted).toEqual(['2 pkt_invalid_timestamp'])
  expect([...recorder.streams.values()]).toEqual(['read'])
})

test('who goes on after its own reset has not sent it', () => {
  const { noted } = eventsOf([
    tcp(CLIENT, { seq: 1000, flags: TCP.SYN }),
    tcp(SERVER, { seq: 9, ack: 1001, flags: TCP.SYN | TCP.ACK }),
    tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.ACK }),
    tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.RST | TCP.ACK }),
    tcp(SERVER, { seq: 10, ack: 1001, flags: TCP.ACK }),
    tcp(CLIENT, { seq: 1001, ack: 10, flags: TCP.ACK, payload: 'on' }),
    tcp(CLIENT, { seq: 1003, ack: 10, flags: TCP.ACK, payload: 'on' }),
  ])
  expect(noted).toEqual(['6 suspected_rst_inject'])
})

test('with midstream off, a reset of nothing closes nothing', () => {
  const recorder = new FlowRecorder({ midstream: false }).send([
    tcp(CLIENT, { seq: 1000, ack: 1, flags: TCP.ACK, payload: 'x' }),
    tcp(SERVER, { seq: 1, flags: TCP.RST }),
  ])
  expect(recorder.end().ended_[0]?.state).toBe(FLOW.NEW)
})

test('a DNS answer without its question: who answers is the server', () => {
  const answer = Buffer.from('123481800001000000000000', 'hex')
  const ends = { ...SERVER, srcPort: 53 }
  const { ended_ } = new FlowRecorder().send([udp(ends, answer)]).end()
  expect(ended_[0]?.server).toContain('10.0.0.2')
  const asked = new FlowRecorder().send([udp(ends, Buffer.from('12340100', 'hex'))]).end()
  expect(asked.ended_[0]?.client).toContain('10.0.0.2')
})

test('a closed connection opened again is another flow', () => {
  const again = tcpConversation(CLIENT, [], 1400, [900_000, 700_000])
  const recorder = new FlowRecorder().send([...tcpConversation(CLIENT, []), ...again]).end()
  expect(recorder.ended_.map(({ reason }) => reason)).toEqual(['closed', 'shutdown'])
  expect(recorder.established_).toBe(2)
})

test('flow ids differ, over runs and shards too, and are exact as numbers', () => {
  const ids = new Set<string>()
  for (const [run, shard] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [32_767, 15],
  ] as const) {
    const { engine } = new FlowRecorder({ run, shard }).send([
      udp(CLIENT, 'a'),
      icmpEcho(CLIENT, 1, 1),
    ])
    for (const row of [0, 1]) ids.add(engine.table.flowId(row))
  }
  expect(ids.size).toBe(8)
  for (const id of ids) expect(String(Number(id))).toBe(id)
})

test('UDP and ICMP: an answer belongs to its question', () => {
  const recorder = new FlowRecorder()
    .send([
      udp(CLIENT, 'q'),
      udp(SERVER, 'a'),
      icmpEcho(CLIENT, 1, 1),
      icmpEcho(SERVER, 1, 1, true),
      udp(CLIENT, 'in a VLAN', [7]),
    ])
    .end()
  expect(
    recorder.ended_.map(({ protocol, packetsToServer, packetsToClient, state }) => [
      protocol,
      packetsToServer,
      packetsToClient,
      state,
    ]),
  ).toEqual([
    [17, 1, 1, FLOW.ESTABLISHED],
    [1, 1, 1, FLOW.ESTABLISHED],
    [17, 1, 0, FLOW.NEW],
  ])
})

test('flows end by packet time, each state after its own', () => {
  const recorder = new FlowRecorder()
  recorder.send([
    udp(CLIENT, 'q'),
    udp({ ...CLIENT, srcPort: 2 }, 'q'),
    udp({ ...SERVER, destPort: 2 }, 'a'),
  ])
  recorder.engine.tick(T0 + 29 * SECOND)
  expect(recorder.ended_).toEqual([])
  recorder.engine.tick(T0 + 31 * SECOND)
  expect(recorder.ended_.map(({ client, reason }) => [client, reason])).toEqual([
    ['10.0.0.1:40000', 'timeout'],
  ])
  recorder.engine.tick(T0 + 301 * SECOND)
  expect(recorder.ended_.length).toBe(2)
  expect(recorder.engine.counters.flowsTimedOut).toBe(2)
})

test('a flow of a time before the last sweep ends after its own time', () => {
  const recorder = new FlowRecorder().send([udp(CLIENT, 'q')], T0)
  recorder.engine.tick(T0 + 20 * SECOND)
  recorder.send([udp({ ...CLIENT, srcPort: 2 }, 'q')], T0 - 20 * SECOND)
  recorder.engine.tick(T0 + 21 * SECOND)
  expect(recorder.ended_.map(({ client }) => client)).toEqual(['10.0.0.1:2'])
  recorder.engine.tick(T0 + 31 * SECOND)
  expect(recorder.ended_.length).toBe(2)
})

test('where a source cuts its batches changes nothing: timers run by packet time', () => {
  const frames = Array.from({ length: 40 }, (_, i) =>
    udp({ ...CLIENT, srcPort: 100 + (i % 7) }, 'q'),
  )
  const ends = (cut: number) => {
    const recorder = new FlowRecorder()
    for (let at = 0; at < frames.length; at += cut)
      recorder.send(frames.slice(at, at + cut), T0 + at * 6 * SECOND, 6 * SECOND)
    return recorder.end().ended_
  }
  const whole = ends(frames.length)
  expect(whole.map(({ reason }) => reason)).toContain('timeout')
  for (const cut of [1, 3, 16]) expect(ends(cut)).toEqual(whole)
})

test('a packet that comes after its flow’s time begins a new one, swept or not', () => {
  const recorder = new FlowRecorder()
    .send([udp(CLIENT, 'q')])
    .send([udp(CLIENT, 'q')], T0 + 40 * SECOND)
  expect(recorder.ended_.map(({ reason }) => reason)).toEqual(['timeout'])
})

test('captures one after another, the second an older one', () => {
  const recorder = new FlowRecorder().send([udp(CLIENT, 'q')], T0)
  recorder.send([udp({ ...CLIENT, srcPort: 9 }, 'q')], T0 - 1e6 * SECOND)
  recorder.send([udp({ ...SERVER, destPort: 9 }, 'a')], T0 - 1e6 * SECOND + 10)
  expect(recorder.ended_).toEqual([])
})

test('a full table gives up the least missed flow, and counts it', () => {
  const recorder = new FlowRecorder({ flowsMax: 16 })
  const flood = Array.from({ length: 100 }, (_, i) =>
    tcp({ ...CLIENT, srcPort: 1000 + i }, { seq: 1, flags: TCP.SYN }),
  )
  recorder.send([syn, synAck, ack, ...flood])
  expect(recorder.engine.counters).toMatchObject({ flows: 101, flowsEvicted: 85, flowsLive: 16 })
  expect(
    recorder.ended_.every(({ reason, established }) => reason === 'evicted' && !established),
  ).toBe(true)
  recorder.end()
  expect(recorder.ended_.length).toBe(101)
})

test('wrong checksums are streamed, unless they are to be verified', () => {
  const bad = tcp(CLIENT, { seq: 1001, ack: 5001, flags: TCP.ACK, payload: 'evasion' })
  bad[50] = (bad[50] as number) ^ 0xff
  const frames = [syn, synAck, ack, bad]
  expect(new FlowRecorder().send(frames).streams.get('0>')).toBe('evasion')
  const strict = new FlowRecorder({ verifyChecksums: true }).send(frames)
  expect(strict.streams.get('0>')).toBe(undefined)
  expect(strict.faults).toEqual(['bad-checksum'])
})

test('every frame counts as processed, whatever is in it', () => {
  const recorder = new FlowRecorder()
  recorder.path.run(batchOf([syn, Buffer.alloc(3), Buffer.alloc(60), Buffer.from('')], T0))
  expect(recorder.path.processed).toBe(4)
  expect(recorder.engine.counters).toMatchObject({ frames: 4, decoded: 2 })
  expect(recorder.engine.counters.faults()).toEqual({ truncated: 2 })
  expect(recorder.engine.counters.snapshot()).toMatchObject({ frames: 4, flows: 1 })
})
