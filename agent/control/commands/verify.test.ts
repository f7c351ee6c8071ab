import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { SummarySource } from '../../../test/traffic/summary-source.ts'
import { signJson } from '../../base/signing.ts'
import { pointOf, seal } from '../../summary/seal.ts'

const PICKET = fileURLToPath(new URL('../../cli.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'verify-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const source = new SummarySource()
const { key_id, spki } = source.member
const records = [{ key_id, spki, owner: 'appliance', types: ['summary', 'ack', 'lwt', 'decision'] }]
const keys = put('public.json', records)
mkdirSync(join(folder, 'box', 'keys'), { recursive: true })
put('box/keys/public.json', records)
const one = source.next()

function put(name: string, content: unknown): string {
  const path = join(folder, name)
  const isRaw = Buffer.isBuffer(content) || typeof content === 'string'
  writeFileSync(path, isRaw ? content : JSON.stringify(content))
  return path
}

function verify(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PICKET, 'verify', ...args], { encoding: 'utf8' }) // biome-ignore format: one line
  return { status, stdout, stderr }
}

test('a summary, an envelope of another type, a list and lines: verified, with --keys and with --data', () => {
  const two = source.next()
  const decision = signJson(source.privateKey, 'decision', { action_id: 'x' })
  const files = [
    put('one.json', one.envelope),
    put('list.json', [two.envelope, decision]),
    put('lines.ndjson', `${JSON.stringify(one.envelope)}\n${JSON.stringify(two.envelope)}\n`),
  ]
  const plain = verify(...files, '--keys', keys)
  expect(plain.stderr).toBe('')
  expect(plain.status).toBe(0)
  expect(plain.stdout.split('\n')[0]).toBe(
    `${files[0]}: summary 1 of epoch 1, Cape Town (cape-town), 2026-11-02T11:55:00Z to 2026-11-02T12:00:00Z: verified, signed by appliance (key ${key_id})`,
  )
  const json = verify(...files, '--data', join(folder, 'box'), '--json')
  const { files: found } = JSON.parse(json.stdout)
  expect(found.map((each: { is: string; verified: boolean }) => [each.is, each.verified])).toEqual([
    ['summary', true],
    ['summary', true],
    ['decision', true],
    ['summary', true],
    ['summary', true],
  ])
  expect(found[0].hash).toBe(two.summary.previous)
})

const receiverKey = pointOf(generateKeyPairSync('x25519').publicKey)
const { body } = one.envelope
test.each<[string, unknown, number, RegExp]>([
  ['a changed body', { ...one.envelope, body: body.replace('quiet', 'stale') }, 3, /does not fit/],
  ['a stranger’s', new SummarySource().next().envelope, 3, /key we know/],
  ['another type over the same body', { ...one.envelope, type: 'ack' }, 3, /does not fit/],
  ['signed, but no summary', signJson(source.privateKey, 'summary', { hello: 1 }), 3, /no summary/],
  ['good and bad together', [one.envelope, { ...one.envelope, body: '{}' }], 3, /1 of 2/],
  ['a sealed message', seal(one.envelope, { receiverKey, topic: 't' }), 2, /sealed/],
  ['an audit export', '{"v":1,"seq":1,"prev":"0","verb":"x"}\n', 2, /audit/],
  ['some JSON', { hello: 1 }, 2, /no signed envelope/],
  ['no JSON', 'hello', 2, /neither/],
  ['nothing', '', 2, /neither/],
])('%s', (name, content, status, because) => {
  const answer = verify(put(`${name.replace(/\W/g, '-')}.json`, content), '--keys', keys)
  expect(answer.status).toBe(status)
  expect(answer.stdout + answer.stderr).toMatch(because)
})

test('usage: no file, no such file, no keys', () => {
  expect(verify().status).toBe(2)
  expect(verify(join(folder, 'nowhere'), '--keys', keys).status).toBe(2)
  const answer = verify(put('one.json', one.envelope), '--keys', join(folder, 'none'), '--json')
  expect(answer.status).toBe(2)
  expect(JSON.parse(answer.stderr).error.kind).toBe('invalid')
})
