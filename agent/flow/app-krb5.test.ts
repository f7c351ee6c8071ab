import { expect, test } from 'vitest'
import { KRB_MESSAGES } from '../../test/golden/krb5-messages.ts'
import { framed } from '../../test/golden/smb-messages.ts'
import { KRB_TALK } from '../../test/golden/talks-it.ts'
import { heard } from '../../test/traffic/app-talk.ts'
import type { Transaction } from '../decode/records.ts'
import { Krb5Flow } from './app-krb5.ts'

const EXPECTED = [
  {
    krb5: {
      request: { kind: 'AS_REQ', cname: 'anna', sname: 'krbtgt/OFFICE.EXAMPLE', etypes: [18, 23] },
      answer: { kind: 'ERROR', errorCode: 25, errorText: 'sorry' },
    },
  },
  {
    krb5: {
      request: { kind: 'TGS_REQ', cname: '', realm: 'OFFICE.EXAMPLE', till: '20370913024805Z' },
      answer: { kind: 'TGS_REP', cname: 'anna', sname: 'cifs/files', etype: 18, ticketEtype: 23 },
    },
  },
  { krb5: { request: { kind: 'AS_REQ' }, answer: undefined } },
]

test.each([1e6, 7, 1])('over TCP, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(KRB_TALK, size)
  expect([proto, faults]).toEqual(['krb5', []])
  expect(said).toMatchObject(EXPECTED)
})

test('over UDP a datagram is a message; one sent again is the same', () => {
  const said: unknown[] = []
  const faults: string[] = []
  const sink = {
    transaction: (tx: Transaction) => {
      if (tx.stage === 'done') said.push(tx)
    },
    fault: (word: string) => void faults.push(word),
    event: () => {},
    expect: () => {},
  }
  const flow = new Krb5Flow(sink, true)
  for (const [i, message] of KRB_MESSAGES.entries()) {
    flow.stream(i % 2 === 0, message)
    if (i % 2 === 0) flow.stream(true, message)
  }
  flow.stream(true, Buffer.from('6a03', 'hex'))
  flow.ended()
  expect(said).toMatchObject(EXPECTED)
  expect(faults).toEqual(['bad-length'])
})

test('a size that no message has ends it', () => {
  const [first] = KRB_MESSAGES as [Buffer]
  const bytes = Buffer.concat([framed(first), Buffer.from('7fffffff00', 'hex')])
  const { said, faults } = heard({ port: 88, turns: [{ toServer: true, bytes }] })
  expect([said.length, faults]).toEqual([1, ['bad-length']])
})

test('a message of no bytes is passed by', () => {
  const [first] = KRB_MESSAGES as [Buffer]
  const bytes = Buffer.concat([framed(first), Buffer.alloc(8), framed(first)])
  expect(heard({ port: 88, turns: [{ toServer: true, bytes }] }, 3).faults).toEqual([])
})
