/** A client goes on after its own reset: who was that reset's receiver, the server or only we? What the server says decides it. */
import { expect, test } from 'vitest'
import { TCP } from '../../agent/decode/packet.ts'
import { eveOf, sids } from '../traffic/eve-replay.ts'
import { type Ends, tcp } from '../traffic/frames.ts'

const CLIENT: Ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 8080 }
const SERVER: Ends = { src: '203.0.113.9', dest: '10.0.0.5', srcPort: 8080, destPort: 40_000 }
const rules = `
  alert tcp any any -> any any (content:"evil"; sid:1;)
  alert tcp any any -> any any (content:"hello"; sid:2;)`

const shaken = [
  tcp(CLIENT, { seq: 1000, flags: TCP.SYN }),
  tcp(SERVER, { seq: 5000, ack: 1001, flags: TCP.SYN | TCP.ACK }),
  tcp(CLIENT, { seq: 1001, ack: 5001, flags: TCP.ACK }),
]
const hello = tcp(CLIENT, { seq: 1001, ack: 5001, flags: TCP.ACK, payload: 'hello' })
const reset = tcp(CLIENT, { seq: 1006, flags: TCP.RST })
const evil = tcp(CLIENT, { seq: 1006, ack: 5001, flags: TCP.ACK, payload: 'evil' })
const evilEnd = tcp(CLIENT, { seq: 1006, ack: 5001, flags: TCP.ACK | TCP.FIN, payload: 'evil' })
const refusal = tcp(SERVER, { seq: 5001, flags: TCP.RST })
const taken = tcp(SERVER, { seq: 5001, ack: 1010, flags: TCP.ACK })

const found = async (frames: Buffer[], options = {}) =>
  sids(await eveOf([...shaken, ...frames], { rules, options })).sort()

test('what the server refuses with a reset of its own was taken by nobody; what was sent before may have been', async () => {
  expect(await found([hello, reset, evil, refusal])).toEqual([2])
  expect(await found([hello, reset, evilEnd, refusal])).toEqual([2])
  expect(await found([hello, reset, evil, refusal], { stream_inline: true })).toEqual([1, 2])
})

test('what the server takes is judged, whatever resets stand around it', async () => {
  expect(await found([hello, reset, evil, taken])).toEqual([1, 2])
  expect(await found([hello, reset, evil, taken, refusal])).toEqual([1, 2])
  expect(await found([hello, reset, evil, refusal, taken])).toEqual([1, 2])
  expect(await found([hello, reset, evil])).toEqual([1, 2])
  expect(await found([hello, evil, refusal])).toEqual([1, 2])
  expect(await found([hello, refusal, reset, evil])).toEqual([1, 2])
})
