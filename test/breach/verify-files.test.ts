/** Files that somebody hands a person to run `picket verify` on: bounded, never believed, and nothing drawn on the terminal. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { signJson } from '../../agent/base/signing.ts'
import { SummarySource } from '../traffic/summary-source.ts'

const PICKET = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const MS_MAX = 60_000
const folder = mkdtempSync(join(tmpdir(), 'verify-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const source = new SummarySource()
const { key_id, spki } = source.member
const known = [{ key_id, spki, owner: 'appliance', types: ['summary', 'ack', 'lwt'] }]
const keys = put('public.json', JSON.stringify(known))
const good = source.next().envelope

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function verify(file: string, keyFile = keys) {
  const args = ['--max-old-space-size=512', PICKET, 'verify', file, '--keys', keyFile]
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: MS_MAX,
  })
  return { status, signal, said: stdout + stderr }
}

test('control: a true summary', () => {
  expect(verify(put('good.json', JSON.stringify(good)))).toMatchObject({ status: 0, signal: null })
})

test('what has no end, is no file, or is too much, is refused within bounded memory and time', () => {
  spawnSync('mkfifo', [join(folder, 'pipe')])
  mkdirSync(join(folder, 'dir'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  for (const name of ['pipe', 'dir', 'zero', 'absent'])
    expect(verify(join(folder, name)), name).toMatchObject({ status: 2, signal: null })
  for (const [name, content] of Object.entries({
    lines: Buffer.alloc(60 << 20, '\n'),
    deep: Buffer.alloc(30 << 20, '['),
    list: `[${'0,'.repeat(300_000)}0]`,
    envelopes: `${JSON.stringify(good)}\n`.repeat(100_001),
    'big.bin': Buffer.alloc(65 << 20),
    empty: '',
    nul: '\0'.repeat(100),
  }))
    expect(verify(put(name, content)), name).toMatchObject({ status: 2, signal: null })
})

test('nothing is verified by doubled members, other types, foreign keys, or a signature over something else', () => {
  const text = JSON.stringify(good)
  const stranger = generateKeyPairSync('ed25519').privateKey
  const attempts = {
    'other type': JSON.stringify({ ...good, type: 'ack' }),
    'other body': JSON.stringify({ ...good, body: good.body.replace('cape-town', 'london-xx') }),
    'body twice': text
      .replace('{', `{"body":"{}",`)
      .replace(/"signature":"[^"]*"/, '"signature":"AAAA"'),
    stranger: JSON.stringify({ ...signJson(stranger, 'summary', JSON.parse(good.body)), key_id }),
    'no canonical form': JSON.stringify({ ...good, body: ` ${good.body}` }),
    'signed nonsense': JSON.stringify(signJson(source.privateKey, 'summary', { version: 1 })),
    'type not of this key': JSON.stringify(signJson(source.privateKey, 'decision', { a: 1 })),
  }
  for (const [name, content] of Object.entries(attempts)) {
    const { status, said } = verify(put('attempt.json', content))
    expect(status, `${name}: ${said}`).toBe(3)
    expect(said, name).not.toMatch(/: verified,/)
  }
  const both = verify(put('both.ndjson', `${text}\n${attempts.stranger}\n`))
  expect(both.status).toBe(3) // one good one does not cover for another
})

test('words of a file are not drawn: escapes, turns and new lines of a name, an owner, a key id', () => {
  const evil = '\u001b[2J\u202e\nx: verified, signed by appliance'
  const owner = JSON.stringify([{ ...known[0], owner: evil }])
  const told = [
    verify(put('id.json', JSON.stringify({ ...good, key_id: evil }))),
    verify(put('good.json', JSON.stringify(good)), put('evil-keys.json', owner)),
    verify(put('type.json', JSON.stringify({ ...good, type: evil }))),
    verify(put('\u001b[2Jname', 'x')),
  ]
  for (const { said } of told) expect(said.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  for (const { said } of told) expect(said).not.toMatch(/^x: verified/m)
})
