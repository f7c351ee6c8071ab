/** Talks whose frames have 64 to 128 bytes: polls, keystrokes, questions, knocks. */
import { DNS_TYPE, encodeAnswer, encodeQuery } from '../programs/dns-message.ts'
import { randomBytes } from './bodies.ts'
import { modbus } from './branch-talks.ts'
import { fromClient, fromServer, type Talk } from './talk.ts'
import type { Scene } from './web-talks.ts'

const BYTES_MAX = 62 // with 66 bytes of headers

export function smallTalk({ chance, places }: Scene): Talk {
  const luck = chance.next()
  if (luck < 0.25) {
    const said = Array.from({ length: chance.int(5, 60) }, (_, i) => [
      fromClient(modbus(i, 1, Buffer.of(3, 0, i & 63, 0, 4))),
      fromServer(modbus(i, 1, Buffer.concat([Buffer.of(3, 8), randomBytes(chance, 8)]))),
    ])
    return { ...places.plant(), port: 502, said: said.flat() }
  }
  if (luck < 0.55) {
    const query = {
      id: chance.int(0, 0xffff),
      name: `${chance.word(chance.int(3, 10))}.example`,
      type: DNS_TYPE.A,
    }
    const said = [
      fromClient(encodeQuery(query)),
      fromServer(encodeAnswer(query, randomBytes(chance, 4))),
    ]
    return { udp: true, ...places.inside(53), port: 53, said }
  }
  if (luck < 0.7) return { ...places.outward(), port: chance.int(1, 9999), said: [], reset: true }
  const said = Array.from({ length: chance.int(3, 40) }, () => [
    fromClient(randomBytes(chance, chance.int(1, BYTES_MAX))),
    fromServer(randomBytes(chance, chance.int(1, BYTES_MAX))),
  ])
  return { ...places.outward(), port: chance.pick([23, 1883, 5222, 9001]), said: said.flat() }
}
