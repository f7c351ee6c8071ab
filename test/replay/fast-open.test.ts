/** Data that comes with a SYN (RFC 7413) and what rules for established connections make of it. */
import { expect, test } from 'vitest'
import { TCP } from '../../agent/decode/packet.ts'
import { eveOf, ofType, sids } from '../traffic/eve-replay.ts'
import { type Ends, type TcpFields, tcp } from '../traffic/frames.ts'

const CLIENT: Ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 80 }
const SERVER: Ends = { src: CLIENT.dest, dest: CLIENT.src, srcPort: 80, destPort: 40_000 }
const up = (fields: TcpFields) => tcp(CLIENT, fields)
const down = (fields: TcpFields) => tcp(SERVER, fields)
const ASKED = 'GET /etc/passwd HTTP/1.0\r\n\r\n'
const END = 1001 + ASKED.length
const RULES = `
  alert tcp any any -> any any (flow:established,to_server; content:"/etc/passwd"; sid:1;)
  alert http any any -> any any (flow:established,to_server; content:"/etc/passwd"; sid:2;)
  alert http any any -> any any (flow:established,to_server; http.uri; content:"/etc/passwd"; sid:3;)
  alert tcp any any -> any any (flow:to_server; content:"/etc/passwd"; sid:4;)`
const opened = [
  up({ seq: 1000, flags: TCP.SYN, payload: ASKED }),
  down({ seq: 5000, ack: END, flags: TCP.SYN | TCP.ACK }),
  up({ seq: END, ack: 5001, flags: TCP.ACK }),
]
const answered = down({ seq: 5001, ack: END, flags: TCP.ACK, payload: 'HTTP/1.0 200 OK\r\n\r\n' })
const AGENT = { midstream: true, async_oneside: true, stream_inline: true }

test.each([
  ['as they are acknowledged', {}],
  ['as they come', AGENT],
])('bytes with a SYN are of the established connection: judged %s', async (_, options) => {
  const records = await eveOf([...opened, answered], { rules: RULES, options })
  expect(sids(records).toSorted()).toEqual([1, 2, 3, 4])
  expect(ofType(records, 'http')).toMatchObject([{ http: { url: '/etc/passwd', status: 200 } }])
})

test('where nobody answers they are judged all the same, in order', async () => {
  const more = up({ seq: END, ack: 0, flags: TCP.ACK, payload: 'GET /more HTTP/1.0\r\n\r\n' })
  const alone = await eveOf(opened.slice(0, 1), { rules: RULES, options: AGENT })
  expect(sids(alone)).toEqual([4])
  const oneSided = await eveOf([opened[0] as Uint8Array, more], { rules: RULES, options: AGENT })
  expect(ofType(oneSided, 'http').map(({ http }) => http.url)).toEqual(['/etc/passwd', '/more'])
})
