import { expect, test } from 'vitest'
import { clientHello } from '../test/golden/messages.ts'
import { eveOf, sids } from '../test/traffic/eve-replay.ts'
import { type Turn, tcpConversation } from '../test/traffic/frames.ts'

const RULES = `alert tcp any any -> any any (msg:"in the clear or not"; content:"needle"; sid:1; rev:1;)
alert tcp any any -> any any (msg:"not there"; flow:established,to_server; content:!"hay"; dsize:>0; sid:2; rev:1;)
alert tls any any -> any any (msg:"its name"; tls.sni; content:"mail.example"; sid:3; rev:1;)
alert tcp any any -> any 443 (msg:"no content asked"; flags:F+; sid:4; rev:1;)
`
const ENDS = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 443 }
const record = (type: number, body: Uint8Array | string) => {
  const bytes = Buffer.from(body as Uint8Array)
  const head = Buffer.from([type, 3, 3, 0, 0])
  head.writeUInt16BE(bytes.length, 3)
  return Buffer.concat([head, bytes])
}
const [CHANGE, DATA, HANDSHAKE] = [20, 23, 22]
const serverHello = record(HANDSHAKE, Buffer.concat([Buffer.from('02000026' + '0303', 'hex'), Buffer.alloc(32, 7), Buffer.from('00130100', 'hex')])) // biome-ignore format: one message

/** A TLS 1.3 connection in which both sides say the word, encrypted. */
const encryptedTurns: Turn[] = [
  { from: 'client', data: clientHello('mail.example') },
  { from: 'server', data: Buffer.concat([serverHello, record(CHANGE, '\x01'), record(DATA, 'x'.repeat(60))]) }, // biome-ignore format: one turn
  { from: 'client', data: Buffer.concat([record(CHANGE, '\x01'), record(DATA, 'y'.repeat(60))]) },
  { from: 'server', data: record(DATA, 'z'.repeat(60)) },
  { from: 'client', data: record(DATA, 'a needle and hay') },
  { from: 'server', data: record(DATA, 'a needle and hay') },
]
const encrypted = tcpConversation(ENDS, encryptedTurns)

test('what TLS has encrypted is not looked into for literals; its names and what packets are still are', async () => {
  const records = await eveOf(encrypted, { rules: RULES })
  const fired = new Set(sids(records))
  expect([...fired].sort()).toEqual([2, 3, 4])
  // Of the packets in the clear alone.
  const looked = records.filter(({ alert }) => alert?.signature_id === 2)
  expect(looked.length).toBeLessThanOrEqual(2)
})

test('encryption-handling full looks into it', async () => {
  const options = { app_layer: { tls: { 'encryption-handling': 'full' } } }
  const records = await eveOf(encrypted, { rules: RULES, options })
  expect(sids(records).filter((sid) => sid === 1).length).toBe(2)
})

test('of what nobody knew before TLS began in it all is looked into, as in Suricata, which does not see it begin', async () => {
  const login = Buffer.from('4a0000000a352e372e33330008000000', 'hex')
  const inside = tcpConversation({ ...ENDS, destPort: 3306 }, [
    { from: 'server', data: login },
    { from: 'client', data: Buffer.from('200000018d', 'hex') },
    ...encryptedTurns,
  ])
  expect(sids(await eveOf(inside, { rules: RULES })).filter((sid) => sid === 1).length).toBe(2)
})

test('what only looks like TLS at its beginning is looked into', async () => {
  const plain = tcpConversation(ENDS, [
    { from: 'client', data: clientHello('mail.example') },
    { from: 'server', data: 'HTTP/1.1 400 no\r\n\r\n' },
    { from: 'client', data: 'a needle' },
  ])
  expect(sids(await eveOf(plain, { rules: RULES }))).toContain(1)
})

const banner = (software: string) => Buffer.from(`SSH-2.0-${software}\r\n`)
const packet = (message: number, body: Uint8Array) => {
  const head = Buffer.from([0, 0, 0, 0, 4, message])
  head.writeUInt32BE(2 + body.length + 4)
  return Buffer.concat([head, body, Buffer.alloc(4)])
}
const offer = packet(20, Buffer.alloc(16 + 10 * 4 + 5))
const [exchange, newKeys] = [packet(30, Buffer.alloc(32, 9)), packet(21, Buffer.alloc(0))]
const said = (from: 'client' | 'server', data: Buffer): Turn => ({ from, data })
const word = Buffer.from('a needle and hay')
const clear = [
  said('client', banner('one')),
  said('server', Buffer.concat([banner('two'), offer])),
  said('client', Buffer.concat([offer, exchange])),
  said('client', word),
]
const shell = [
  ...clear.slice(0, 3),
  said('server', Buffer.concat([exchange, newKeys, Buffer.alloc(40, 5)])),
  said('client', newKeys.subarray(0, 5)),
  said('client', newKeys.subarray(5)),
  said('server', word),
  said('client', word),
]
const SSH_ENDS = { ...ENDS, destPort: 22 }

test('nor what SSH has encrypted, from where both sides use their new keys', async () => {
  const records = await eveOf(tcpConversation(SSH_ENDS, shell), { rules: RULES })
  expect(sids(records)).not.toContain(1)
  expect(records.filter(({ event_type }) => event_type === 'ssh').length).toBe(1)
  const options = { app_layer: { ssh: { 'encryption-handling': 'full' } } }
  const all = await eveOf(tcpConversation(SSH_ENDS, shell), { rules: RULES, options })
  expect(sids(all).filter((sid) => sid === 1).length).toBe(2)
})

test('what one side of SSH says before the other has new keys is looked into', async () => {
  const half = [...clear.slice(0, 3), said('client', newKeys), said('client', word)]
  for (const turns of [clear, half])
    expect(sids(await eveOf(tcpConversation(SSH_ENDS, turns), { rules: RULES }))).toContain(1)
})
