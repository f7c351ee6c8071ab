import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import { cryptoFrames, quicInitial } from '../../test/traffic/quic-initial.ts'
import type { Fault } from '../base/fault.ts'
import { QUIC_FLOWS_A_SECOND_MAX, QuicBudget, QuicFlow } from '../flow/app-quic.ts'
import { isGoogleQuic } from './gquic.ts'
import { initialKeys, looksLikeQuic } from './quic.ts'
import type { Transaction } from './records.ts'

const V2 = 0x6b33_43cf
const hex = (text: string) => Buffer.from(text, 'hex')
/** The handshake message alone, without the record around it. */
const hello = clientHello('mail.example').subarray(5)

/** What a flow says of these datagrams of the client. */
function hear(...datagrams: Buffer[]) {
  const said: Transaction[] = []
  const faults: Fault[] = []
  const flow = new QuicFlow({
    transaction: (tx) => said.push(tx),
    fault: (fault) => faults.push(fault),
    event: () => {},
    expect: () => {},
  })
  const verdicts = datagrams.map((bytes) => flow.stream(true, bytes))
  flow.ended()
  expect(flow.held).toBe(0)
  return { said, faults, verdicts }
}

test('the keys of RFC 9001 A.1 and RFC 9369 A.1', () => {
  const id = hex('8394c8f03e515708')
  expect(initialKeys(1, id, 'client')).toEqual({
    key: hex('1f369613dd76d5467730efcbe3b1a22d'),
    iv: hex('fa044b2f42a3fd3b46fb255c'),
    mask: hex('9f50449e04a0e810283a1e9933adedd2'),
  })
  expect(initialKeys(V2, id, 'client')).toEqual({
    key: hex('8b1a0bc121284290a29e0971b5cd045d'),
    iv: hex('91f73e2351d8fa91660e909f'),
    mask: hex('45b95e15235d6f45a6b19cbcb0294ba9'),
  })
  expect(initialKeys(5, id, 'client')).toBe(undefined)
})

test.each([
  ['1', 1],
  ['2', V2],
])('the hello of version %s is read', (name, version) => {
  const { said, faults, verdicts } = hear(quicInitial(cryptoFrames([[0, hello]]), { version }))
  expect(said).toMatchObject([
    { proto: 'quic', quic: { version: name, tls: { sni: 'mail.example', alpn: ['h2'] } } },
  ])
  expect(said[0]).toMatchObject({ quic: { tls: { ja4: expect.stringMatching(/^q/) } } })
  expect({ faults, verdicts }).toEqual({ faults: [], verdicts: ['more'] })
})

test('pieces come in any order, twice, and over several datagrams', () => {
  const pieces = [0, 20, 40, 60].map(
    (at) => [at, hello.subarray(at, at === 60 ? undefined : at + 25)] as const,
  )
  const [a, b, c, d] = pieces as [
    (typeof pieces)[0],
    (typeof pieces)[0],
    (typeof pieces)[0],
    (typeof pieces)[0],
  ]
  const { said, faults } = hear(
    quicInitial(cryptoFrames([c, a, a])),
    quicInitial(cryptoFrames([d]), { number: 1 }),
    quicInitial(cryptoFrames([b]), { number: 2 }),
  )
  expect(said).toHaveLength(1)
  expect(faults).toEqual([])
})

test('after a Retry the keys are of the new id', () => {
  const { said } = hear(
    quicInitial(cryptoFrames([[0, hello.subarray(0, 30)]])),
    quicInitial(cryptoFrames([[0, hello]]), { dcid: hex('0102030405060708'), number: 1 }),
  )
  expect(said).toHaveLength(1)
})

test('what cannot be opened, or never ends, is a fault and is given up', () => {
  const broken = quicInitial(cryptoFrames([[0, hello]]))
  broken[200] = (broken[200] as number) ^ 1
  const first = hear(broken)
  expect([first.faults, first.verdicts]).toEqual([['bad-record'], ['done']])
  const part = quicInitial(cryptoFrames([[0, hello.subarray(0, 30)]]))
  const { said, faults, verdicts } = hear(...Array<Buffer>(8).fill(part))
  expect({ said, faults }).toEqual({ said: [], faults: ['truncated'] })
  expect(verdicts.at(-1)).toBe('done')
})

test('only a whole first datagram looks like QUIC', () => {
  const first = quicInitial(cryptoFrames([[0, hello]]))
  expect(looksLikeQuic(first)).toBe(true)
  expect(looksLikeQuic(first.subarray(0, 1100))).toBe(false)
  const other = Buffer.from(first)
  other.writeUInt32BE(7, 1)
  expect(looksLikeQuic(other)).toBe(false)
})

test('no more flows are opened in a second than are paid for', () => {
  const budget = new QuicBudget()
  const now = 1_700_000_000_000_000
  for (let i = 0; i < QUIC_FLOWS_A_SECOND_MAX; i++) expect(budget.take(now + i)).toBe(true)
  expect(budget.take(now + 5000)).toBe(false)
  expect(budget.take(now + 1_000_000)).toBe(true)
})

/** Version 1.3, x25519, keys of an earlier session. */
const serverHello = hex(
  `02000038` + `0303${'11'.repeat(32)}001301000010` + '002b00020304' + '00290000' + '003300020018',
)

test('the hello of the server, with the keys of the same id', () => {
  const said: Transaction[] = []
  const faults: Fault[] = []
  const flow = new QuicFlow({
    transaction: (tx) => said.push(tx),
    fault: (fault) => faults.push(fault),
    event: () => {},
    expect: () => {},
  })
  const answer = quicInitial(cryptoFrames([[0, serverHello]]), { side: 'server' })
  expect(flow.stream(false, answer)).toBe('more') // nothing was asked: no keys
  expect(flow.stream(true, quicInitial(cryptoFrames([[0, hello]])))).toBe('more')
  expect(said).toMatchObject([{ quic: { firstId: '8394c8f03e515708', tls: { serverVersion: 0 } } }])
  expect(flow.stream(false, answer)).toBe('done')
  const tls = { serverVersion: 0x0304, serverCipher: 0x1301, serverGroup: 24, resumed: true }
  expect(said).toMatchObject([{ quic: { tls } }])
  expect({ said: said.length, faults, held: flow.held }).toEqual({ said: 1, faults: [], held: 0 })
})

/** A client hello of Google's QUIC: header, number, hash, stream frame, then the table. */
function google(version: string, tags: readonly (readonly [string, string])[]): Buffer {
  const table = tags.map(([tag], i) => {
    const entry = Buffer.alloc(8)
    entry.write(tag, 'latin1')
    const values = tags.slice(0, i + 1).map(([, value]) => value)
    entry.writeUInt32LE(values.join('').length, 4)
    return entry
  })
  const head = Buffer.from('CHLO\0\0\0\0', 'latin1')
  head.writeUInt16LE(tags.length, 4)
  return Buffer.concat([
    hex('0d' + '0102030405060708'),
    Buffer.from(version),
    hex(`01${'aa'.repeat(12)}a0010004`),
    head,
    ...table,
    Buffer.from(tags.map(([, value]) => value).join(''), 'latin1'),
    Buffer.alloc(64),
  ])
}

test("the name in the hello of Google's QUIC", () => {
  const { said, faults } = hear(
    google('Q043', [
      ['PAD\0', 'xxxx'],
      ['SNI\0', 'mail.example'],
      ['VER\0', 'Q043'],
    ]),
  )
  expect(said).toMatchObject([
    { quic: { version: 'Q043', firstId: '0102030405060708', tls: { sni: 'mail.example' } } },
  ])
  expect(faults).toEqual([])
  const lies = google('Q039', [['SNI\0', 'mail.example']])
  lies.writeUInt32LE(0xffff_ffff, lies.indexOf('SNI') + 4)
  expect(hear(lies).said).toMatchObject([{ quic: { version: 'Q039', tls: { sni: '' } } }])
  expect(isGoogleQuic(google('Q050', []))).toBe(false)
})
