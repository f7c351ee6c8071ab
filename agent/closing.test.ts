/** What only the end of a connection decides is judged when both sides have closed it, not when its flow is forgotten. */
import { expect, test } from 'vitest'
import { batchOf } from '../test/traffic/flow-recorder.ts'
import { tcp, tcpConversation } from '../test/traffic/frames.ts'
import { TCP } from './decode/packet.ts'
import { RuleSet } from './detect/signatures/rule-set.ts'
import { Inspector } from './inspector.ts'

const CLIENT = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 80 }
/** No length: the answer goes on until its sender closes. */
const TALK = tcpConversation(CLIENT, [
  { from: 'client', data: 'GET /a HTTP/1.0\r\nHost: a\r\n\r\n' },
  { from: 'server', data: 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nevil' },
])
const LAST_BYTES_TAKEN = 6
const RULE = 'alert http any any -> any any (http.response_body; content:"evil"; sid:1;)'

/** How many alerts and states of applications there are after each frame, and how many alerts when all ends. */
function heard(frames: readonly Buffer[]) {
  let alerts = 0
  const { ruleSet } = RuleSet.load([{ path: 'a.rules', text: RULE }])
  const inspector = new Inspector(
    { home: [], rules: ruleSet, run: 0, shard: 0, seed: 1, selfTestSecret: undefined },
    {
      event: () => {},
      alert: () => void alerts++,
      sighting: () => {},
      selfTestFound: () => {},
    },
  )
  const after = frames.map((frame, i) => {
    inspector.run(batchOf([frame], 1_700_000_000_000_000 + i))
    return [alerts, inspector.counters.appStates]
  })
  inspector.end()
  return { after, alerts, flows: inspector.counters.flowsLive }
}

test('with the second FIN: it is told once, and nothing is kept of what was spoken', () => {
  const { after, alerts } = heard(TALK)
  expect(TALK.length).toBe(10)
  expect(after.slice(LAST_BYTES_TAKEN)).toEqual([[0, 1], [0, 1], [1, 0], [1, 0]]) // biome-ignore format: one row
  expect(alerts).toBe(1)
})

test('not before its bytes have reached their receiver', () => {
  const unseen = TALK.filter((_, i) => i !== LAST_BYTES_TAKEN)
  // The client's FIN acknowledges them; without that its last frame does.
  expect(heard(unseen).after.slice(-3)).toEqual([[0, 1], [1, 0], [1, 0]]) // biome-ignore format: one row
})

test('a connection that one side has closed goes on', () => {
  const half = TALK.slice(0, -2)
  expect(heard(half).after.at(-1)).toEqual([0, 1])
  expect(heard(half).alerts).toBe(1)
})

test('two that go on after both FINs are read as before: who closes for show hides nothing', () => {
  const server = { src: '203.0.113.9', dest: '10.0.0.5', srcPort: 80, destPort: 40_000 }
  const [asked, answer] = ['GET /b HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nmore evil']
  const said = (from: 'client' | 'server') =>
    TALK.filter((frame) => frame.readUInt16BE(34) === (from === 'client' ? 40_000 : 80))
  const next = (frames: readonly Buffer[]) => (frames.at(-1) as Buffer).readUInt32BE(38)
  const [c, s] = [next(said('client')), next(said('server')) + 1]
  const flags = TCP.PSH | TCP.ACK
  const more = [
    tcp(CLIENT, { seq: c, ack: s, flags, payload: asked }),
    tcp(server, { seq: s, ack: c + asked.length, flags, payload: answer }),
    tcp(CLIENT, { seq: c + asked.length, ack: s + answer.length, flags: TCP.ACK }),
  ]
  const { after, alerts } = heard([...TALK, ...more])
  expect(after.at(-1)).toEqual([1, 1])
  expect(alerts).toBe(2)
})
