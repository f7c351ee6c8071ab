import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import { NOON_US, SummarySource } from '../../test/traffic/summary-source.ts'
import type { Json } from '../base/canonical.ts'
import { newUid } from '../base/ids.ts'
import { type Envelope, keyId, type SignedType, signJson } from '../base/signing.ts'
import { bodyHash, keyOf, speaker, verifyAck, verifyLastWill, verifySummary } from './verify.ts'

const source = new SummarySource()
const from = speaker(source.member)
const good = source.next()
const signed = (type: SignedType, body: Json) => signJson(source.privateKey, type, body)

test('a summary of a member is believed, with the hash that the next one names', () => {
  expect(verifySummary(JSON.parse(JSON.stringify(good.envelope)), from)).toEqual(good)
  const chain = new SummarySource()
  const { hash, envelope } = chain.next()
  expect(hash).toBe(bodyHash(envelope.body))
  expect(chain.next().summary.previous).toBe(hash)
})

const stranger = new SummarySource()
const json = () => JSON.parse(good.envelope.body)
const other = newUid()
test.each<[string, unknown, string]>([
  ['a stranger with the same ids', stranger.sign(good.summary), 'forged'],
  ['a key id that is not its own', { ...good.envelope, key_id: stranger.member.key_id }, 'forged'],
  ['the signature of another', { ...good.envelope, signature: source.next().envelope.signature }, 'forged'], // biome-ignore format: one line
  ['an ack is no summary', signed('ack', json()), 'forged'],
  ['a changed body', { ...good.envelope, body: good.envelope.body.replace('quiet', 'stale') }, 'forged'], // biome-ignore format: one line
  ['signed, but with a field more', signed('summary', { ...json(), extra: 1 }), 'malformed'],
  ['signed, but a number is text', signed('summary', { ...json(), sequence: '1' }), 'malformed'],
  ['signed, but its text overwrites what is beside it', signed('summary', { ...json(), sentence: 'a\u202eb' }), 'malformed'], // biome-ignore format: one line
  ['signed, but its text moves a cursor', signed('summary', { ...json(), site: '\u001b[2J' }), 'malformed'], // biome-ignore format: one line
  ['no envelope', { hello: 1 }, 'malformed'],
  ['nothing', null, 'malformed'],
  ['another tenant', signed('summary', { ...json(), tenant_uid: other }), 'foreign'],
  ['another appliance', signed('summary', { ...json(), appliance_id: other }), 'foreign'],
  ['another fleet', signed('summary', { ...json(), fleet_id: 'beacon' }), 'foreign'],
  ['another name of the same tenant', signed('summary', { ...json(), tenant_id: 'london' }), 'foreign'], // biome-ignore format: one line
])('%s', (_, envelope, because) => expect(verifySummary(envelope, from)).toBe(because))

test('signed bytes that are not canonical are not a summary', () => {
  const body = `${good.envelope.body} `
  const signature = sign(null, Buffer.from(`picket/v1/summary\n${body}`), source.privateKey)
  const envelope = { ...good.envelope, body, signature: signature.toString('base64') }
  expect(verifySummary(envelope, from)).toBe('malformed')
})

test('revoked from a place on: before it is believed, after it and in later epochs not', () => {
  const revoked = speaker({ ...source.member, revoked: { epoch: 1, sequence: 10 } })
  const at = (epoch: number, sequence: number) =>
    verifySummary(source.make({ epoch, sequence }).envelope, revoked)
  expect(at(1, 9)).toHaveProperty('summary.sequence', 9)
  expect(at(1, 10)).toBe('revoked')
  expect(at(2, 1)).toBe('revoked')
})

test('an ack counts from the pinned receiver, about us', () => {
  const pair = generateKeyPairSync('ed25519')
  const receiver_id = newUid()
  const { tenant_uid, appliance_id } = source.member
  const body = {
    version: 1,
    tenant_uid,
    appliance_id,
    receiver_id,
    epoch: 1,
    whole_up_to: 3,
    also: [[5, 9]],
    at: NOON_US,
    audit_seq: 1,
    audit_head: null,
  }
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const known = keyOf({ spki, key_id: keyId(pair.publicKey), owner: receiver_id })
  const parties = {
    receiver: { appliance_id: receiver_id, known },
    sender: { tenant_uid, appliance_id },
  }
  const judge = (envelope: Envelope) => verifyAck(envelope, parties)
  expect(judge(signJson(pair.privateKey, 'ack', body))).toEqual(body)
  expect(judge(signJson(source.privateKey, 'ack', body))).toBe('forged')
  expect(judge(signJson(pair.privateKey, 'ack', { ...body, appliance_id: other }))).toBe('foreign')
  expect(judge(signJson(pair.privateKey, 'ack', { ...body, receiver_id: other }))).toBe('foreign')
  expect(judge(signJson(pair.privateKey, 'ack', { ...body, whole_up_to: -1 }))).toBe('malformed')
})

test('a last will is of the appliance itself, and of none that was revoked', () => {
  const { tenant_uid, appliance_id } = source.member
  const body = { version: 1, tenant_uid, appliance_id, nonce: other, state: 'gone', at: NOON_US }
  expect(verifyLastWill(signed('lwt', body), from)).toEqual(body)
  expect(verifyLastWill(signed('summary', body), from)).toBe('forged')
  expect(verifyLastWill(signed('lwt', { ...body, tenant_uid: other }), from)).toBe('foreign')
  const revoked = speaker({ ...source.member, revoked: { epoch: 1, sequence: 1 } })
  expect(verifyLastWill(signed('lwt', body), revoked)).toBe('revoked')
})
