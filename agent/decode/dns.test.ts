import { expect, test } from 'vitest'
import { decodeDns, looksLikeDns, RECORDS_MAX } from './dns.ts'
import type { DnsMessage } from './records.ts'

// An answer for www.example.com: CNAME api.example.com (compressed), then its A record.
const answer = Buffer.from(
  '5e038180000100020000000003777777076578616d706c6503636f6d0000010001' +
    'c00c000500010000003c000603617069c010c02d000100010000003c0004c0000201',
  'hex',
)

function answerOf(type: number, data: string): DnsMessage {
  const size = (data.length / 2).toString(16).padStart(4, '0')
  const head = '000181800001000100000000016100'
  const record = `c00c${type.toString(16).padStart(4, '0')}000100000e10${size}${data}`
  return decodeDns(Buffer.from(`${head}00010001${record}`, 'hex')) as DnsMessage
}

test('reads compressed names and addresses', () => {
  expect(decodeDns(answer)).toEqual({
    id: 0x5e03,
    flags: 0x8180,
    response: true,
    opcode: 0,
    rcode: 0,
    questions: [{ name: 'www.example.com', type: 1, class: 1 }],
    answers: [
      { name: 'www.example.com', type: 5, class: 1, ttl: 60, data: 'api.example.com' },
      { name: 'api.example.com', type: 1, class: 1, ttl: 60, data: '192.0.2.1' },
    ],
    authorities: [],
    additionals: [],
    skipped: 0,
  })
})

test.each([
  ['AAAA', 28, '20010db8000000000000000000000001', '2001:db8::1'],
  ['MX', 15, '000a046d61696cc00c', '10 mail.a'],
  ['SRV', 33, '00010002138904686f7374c00c', '1 2 5001 host.a'],
  ['TXT', 16, '0568656c6c6f0120037765650121', 'hello wee!'],
  ['SOA', 6, `c00c0161c00c${'00000001'.repeat(5)}`, 'a a.a 1 1 1 1 1'],
  ['HTTPS', 65, '000100', '000100'],
  ['A of a wrong size', 1, '0a0000', '0a0000'],
])('reads %s', (_, type, data, text) => {
  expect(answerOf(type, data).answers).toEqual([
    {
      name: 'a',
      type,
      class: 1,
      ttl: 3600,
      data: text,
      ...(type === 16 && { strings: ['hello', ' ', 'wee', '!'] }),
    },
  ])
})

test('reads a message that begins inside a buffer, with pointers from its own start', () => {
  const shifted = Buffer.concat([Buffer.from([0, 67]), answer, Buffer.from([9, 9])])
  expect(decodeDns(shifted, 2, 2 + answer.length)).toEqual(decodeDns(answer))
})

test('names the fault of a cut message, at every length', () => {
  for (let size = 0; size < answer.length; size++)
    expect(decodeDns(answer.subarray(0, size))).toBe('truncated')
})

test('refuses a name that points at itself', () => {
  const loop = Buffer.from('000000000001000000000000c00c00010001', 'hex')
  expect(decodeDns(loop)).toBe('bad-pointer')
})

test('follows a chain of pointers as long as real encoders make, and no longer', () => {
  const chained = (hops: number) => {
    const head = Buffer.from('000080000000000200000000' + '000063000100000000', 'hex')
    const chain = Buffer.alloc(2 + 2 * hops) // a record of an unknown type holds the chain
    for (let hop = 1; hop < hops; hop++) chain.writeUInt16BE(0xc017 + (hop - 1) * 2, 2 * hop)
    const size = Buffer.from([0, chain.length])
    const last = Buffer.from('000000010001000000000004' + '0a000001', 'hex')
    last.writeUInt16BE(0xc017 + (hops - 1) * 2)
    return decodeDns(Buffer.concat([head, size, chain, last]))
  }
  expect(chained(16)).toMatchObject({ answers: [{}, { name: '', data: '10.0.0.1' }] })
  expect(chained(17)).toBe('bad-pointer')
})

test('follows a pointer that aims ahead, as resolvers do', () => {
  const ahead = Buffer.from(
    '000001000002000000000000' + 'c012' + '00010001' + '0161000001' + '0001',
    'hex',
  )
  expect(decodeDns(ahead)).toMatchObject({ questions: [{ name: 'a' }, { name: 'a' }] })
})

test('refuses reserved labels and names over 255 bytes', () => {
  const head = '000000000001000000000000'
  expect(decodeDns(Buffer.from(`${head}8000010001`, 'hex'))).toBe('bad-label')
  const label = `3f${'61'.repeat(63)}`
  expect(decodeDns(Buffer.from(`${head}${label.repeat(5)}0000010001`, 'hex'))).toBe('name-too-long')
})

test('a text that runs past its record is a fault', () => {
  expect(answerOf(16, '0561')).toBe('bad-length')
})

test('keeps the question when a server pads its answer, and counts what it did not read', () => {
  const count = 300
  const head = Buffer.from('00018180000100000000000001610000010001', 'hex')
  head.writeUInt16BE(count, 6)
  const record = Buffer.from('c00c00010001000000010004c0000201', 'hex')
  const message = decodeDns(Buffer.concat([head, ...Array(count).fill(record)])) as DnsMessage
  expect(message.questions[0]?.name).toBe('a')
  expect(message.answers.length).toBe(RECORDS_MAX - 1)
  expect(message.skipped).toBe(count - RECORDS_MAX + 1)
})

test('knows DNS on any port, and not a look-alike', () => {
  expect(looksLikeDns(answer, 0, answer.length)).toBe(true)
  expect(looksLikeDns(answer, 0, answer.length - 1)).toBe(false)
  expect(looksLikeDns(Buffer.concat([answer, Buffer.alloc(1)]), 0, answer.length + 1)).toBe(false)
  expect(looksLikeDns(Buffer.alloc(40), 0, 40)).toBe(false)
  expect(looksLikeDns(Buffer.alloc(40, 0xff), 0, 40)).toBe(false)
})
