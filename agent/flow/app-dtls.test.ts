import { expect, test } from 'vitest'
import { dtlsHello, dtlsRecord, dtlsServer } from '../../test/golden/messages.ts'
import { isDtlsHello } from '../decode/dtls.ts'
import type { Transaction } from '../decode/records.ts'
import { DtlsFlow } from './app-dtls.ts'

function flow() {
  const said: Transaction[] = []
  const faults: string[] = []
  const one = new DtlsFlow({
    transaction: (tx) => void said.push(tx),
    fault: (fault) => void faults.push(fault),
    event: () => {},
    expect: () => {},
  })
  return { one, said, faults }
}

test('both hellos and the certificate, a message in pieces the wrong way round', () => {
  const { one, said, faults } = flow()
  const [first, rest] = dtlsHello('mail.example', [40])
  expect(isDtlsHello(first as Buffer)).toBe(true)
  expect(isDtlsHello(rest as Buffer)).toBe(false)
  for (const part of [rest, first]) expect(one.stream(true, part as Buffer)).toBe('more')
  expect(said).toMatchObject([{ stage: 'request', tls: { sni: 'mail.example', version: 0xfefd } }])
  expect(said[0]).toMatchObject({ tls: { ja4: expect.stringMatching(/^dd2d/) } })
  expect(one.stream(false, dtlsServer)).toBe('done')
  expect(said.map(({ stage }) => stage)).toEqual(['request', 'response', 'done'])
  expect(said[0]).toMatchObject({
    tls: { serverVersion: 0xfefd, serverCipher: 0xc02b, certificates: [Uint8Array.of(0xaa)] },
  })
  expect([faults, one.held]).toEqual([[], 0])
})

test('no more messages are kept than a server has, and encryption ends it', () => {
  const { one, said, faults } = flow()
  one.stream(true, dtlsHello('mail.example')[0] as Buffer)
  for (let i = 0; i < 12; i++) one.stream(true, dtlsRecord(1, i + 1, Buffer.alloc(90), 0, 20))
  expect(faults).toEqual(Array(4).fill('too-many-records'))
  expect(one.held).toBeLessThanOrEqual(8 * 2048)
  const sealed = Buffer.from('17fefd0001000000000000000400000000', 'hex')
  expect(one.stream(false, sealed)).toBe('more') // its hello was not seen: it may still come
  one.ended()
  expect([said.at(-1)?.stage, one.held]).toEqual(['done', 0])
})
