import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { httpExchange } from '../../../test/traffic/signature-lab.ts'
import { decodeHeaders } from '../../decode/http.ts'
import type { HttpTransaction } from '../../decode/records.ts'
import { BUFFERS } from './buffers.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`buffers: PICKET_SEED=${SEED}\n`)

const USUAL = ['Host: a', 'Cookie: b=c', 'Set-Cookie: d; e', 'Accept: */*', 'X-Empty: ', 'Via: f']
const ODD = [
  'Host:a',
  'Host:  a',
  'Host : a',
  'Via: g ',
  'nothing',
  ' folded',
  'Empty:',
  '\r',
  ': x',
  'N\0: y',
]

test('headers in the usual form read as those that are put into it', () => {
  const chance = new Chance(SEED)
  let usual = 0
  for (let round = 0; round < 3000; round++) {
    const lines = Array.from({ length: chance.int(0, 6) }, () =>
      chance.pick(chance.int(0, 9) === 0 ? ODD : USUAL),
    )
    const ends = lines.map((line) => line + (chance.int(0, 30) === 0 ? '\n' : '\r\n'))
    const head = Buffer.from(`${ends.join('')}${chance.pick(['', '\r\n', '\n'])}`, 'latin1')
    const response = chance.int(0, 1) === 1
    const decoded = decodeHeaders(head, 0, head.length, response)
    const read = (text: string | undefined) => {
      const changes: Partial<HttpTransaction> = response
        ? { responseHeaders: [...decoded.list], usualResponseHeaders: text }
        : { requestHeaders: [...decoded.list], usualRequestHeaders: text }
      const tx = { proto: 'http', stage: 'done', http: httpExchange(changes) } as const
      return ['http.header', 'http.start'].map((name) => BUFFERS.get(name)?.read(tx, response))
    }
    if (decoded.usual !== undefined) usual++
    expect(read(decoded.usual), JSON.stringify(head.toString('latin1'))).toEqual(read(undefined))
  }
  expect(usual).toBeGreaterThan(500)
  expect(usual).toBeLessThan(2900)
})
