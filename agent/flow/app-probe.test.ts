/** What is found behind the words of a proxy, which are nothing we read. */
import { expect, test } from 'vitest'
import { heard } from '../../test/traffic/app-talk.ts'

const turn = (toServer: boolean, text: string | Buffer) => ({
  toServer,
  bytes: typeof text === 'string' ? Buffer.from(text, 'latin1') : text,
})
const SOCKS = [
  turn(true, '\x05\x01\0'),
  turn(false, '\x05\0'),
  turn(true, '\x05\x01\0\x01\x0a\0\0\x01\0\x50'),
  turn(false, '\x05\0\0\x01\0\0\0\0\0\0'),
]

test('a request of HTTP', () => {
  const { proto, said } = heard({
    port: 1080,
    turns: [
      ...SOCKS,
      turn(true, 'GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n'),
      turn(false, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    ],
  })
  expect(proto).toBe('http')
  expect(said.at(-1)).toMatchObject({ http: { host: 'a.example', status: 200 } })
})

test.each(['GET /a', 'FETCH /a HTTP/1.1\r\n', 'GET /a HTTP/2\r\n', 'get /a HTTP/1.1\r\n'])(
  'not %j',
  (line) => {
    expect(heard({ port: 1080, turns: [...SOCKS, turn(true, line)] }).said).toEqual([])
  },
)

test("TLS whose client's hello was lost, by the server's", () => {
  const hello = Buffer.from(`160303002c020000280303${'11'.repeat(32)}00c02b000000`, 'hex')
  const { proto, said } = heard({ port: 1080, turns: [...SOCKS, turn(false, hello)] })
  expect(proto).toBe('tls')
  expect(said[0]).toMatchObject({ stage: 'response', tls: { serverCipher: 0xc02b } })
})
