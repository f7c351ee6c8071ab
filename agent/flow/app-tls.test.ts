/** What follows the hellos: whether both sides go on under encryption. */
import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import type { Transaction } from '../decode/records.ts'
import { TlsFlow } from './app-tls.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const hello = clientHello('mail.example')
const serverHello = hex(`160303002c020000280303${'11'.repeat(32)}00c02b000000`)
/** A named curve (RFC 8422 §5.4): secp384r1, a point, no signature. */
const exchange = hex('160303000a' + '0c000006' + '030018' + '0204aa')
const serverDone = hex('1603030004' + '0e000000')
const CHANGE = hex('140303000101')
const FINISHED = hex('1603030004' + 'aabbccdd')
const DATA = hex('1703030004' + 'aabbccdd')
const ALERT = hex('15030300020000')

function flow() {
  const said: Transaction[] = []
  const one = new TlsFlow({
    transaction: (tx) => void said.push(tx),
    fault: () => {},
    event: () => {},
    expect: () => {},
  })
  const send = (toServer: boolean, bytes: Buffer, size = 1e6) => {
    let verdict = ''
    for (let at = 0; at < bytes.length; at += size)
      verdict = one.stream(toServer, bytes.subarray(at, at + size))
    return verdict
  }
  const tls = () => said.at(-1) as Extract<Transaction, { proto: 'tls' }>
  return { one, said, tls, send }
}

test.each([1e6, 7, 1])('both go on, in segments of %d bytes', (size) => {
  const { one, said, tls, send } = flow()
  send(true, hello, size)
  expect(send(false, Buffer.concat([serverHello, exchange, serverDone]), size)).toBe('more')
  expect(said.map(({ stage }) => stage)).toEqual(['request', 'response', 'done'])
  expect(tls().tls).toMatchObject({ serverGroup: 24, established: false, resumed: false })
  expect(send(true, Buffer.concat([CHANGE, FINISHED]), size)).toBe('more')
  expect(tls().tls.established).toBe(false)
  expect(send(false, Buffer.concat([CHANGE, FINISHED]), size)).toBe('done')
  expect(tls().tls).toMatchObject({ established: true, resumed: false })
  expect([said.length, one.held]).toEqual([3, 0])
})

test('a server that changes its cipher without an exchange of keys goes on with an earlier session', () => {
  const { tls, send } = flow()
  send(true, hello)
  send(false, Buffer.concat([serverHello, CHANGE, FINISHED]))
  expect(tls()).toMatchObject({ stage: 'done', tls: { resumed: true, established: false } })
  expect(send(true, Buffer.concat([CHANGE, FINISHED]))).toBe('done')
  expect(tls().tls.established).toBe(true)
})

test('an alert, or records of one side alone, end it', () => {
  for (const [records, established] of [
    [ALERT, false],
    [Buffer.concat([CHANGE, ...Array<Buffer>(7).fill(DATA)]), false],
  ] as const) {
    const { tls, send } = flow()
    send(true, hello)
    send(false, Buffer.concat([serverHello, serverDone]))
    expect(send(false, records)).toBe('done')
    expect(tls().tls.established).toBe(established)
  }
})
