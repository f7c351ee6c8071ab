/** Passwords, attempts, codes, sessions, scope: each on a clock that the test sets. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { Attempts, Tempo } from './attempts.ts'
import { LoginCodes } from './login-codes.ts'
import { checkPassword, hashPassword, verifyPassword } from './password.ts'
import { openPlatform } from './platform.ts'
import { atomsOf, may } from './role.ts'
import { Scope } from './scope.ts'
import type { SealedDb } from './sealed-db.ts'
import { ABSOLUTE_US, IDLE_US, Sessions } from './sessions.ts'
import { parseSlug } from './tenant.ts'

const USER = { user_id: 'c'.repeat(32), tenant_id: 'alfa' }
const MINUTE_US = 60_000_000
let nowUs: number
let steadyMs: number
let data: string
let db: SealedDb
const clock = { nowUs: () => nowUs, steadyMs: () => steadyMs }

beforeEach(() => {
  nowUs = 1_700_000_000_000_000
  steadyMs = 0
  data = mkdtempSync(join(tmpdir(), 'identity-'))
  db = openPlatform(data, Buffer.alloc(32, 1))
  db.prepare("INSERT INTO tenants VALUES ('alfa', 'u', 'alfa', 'x', 0)").run()
  db.prepare("INSERT INTO users VALUES (?, 'alfa', 'Anna', 'anna', 'admin', NULL, 0, 0, NULL)").run(
    USER.user_id,
  )
})

test('a password is found right only with its own hash, and its parameters travel with it', async () => {
  const stored = await hashPassword('correct horse battery')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=65536,t=2,p=1\$/)
  expect(await verifyPassword('correct horse battery', stored)).toBe(true)
  expect(await verifyPassword('correct horse batterz', stored)).toBe(false)
  for (const odd of [null, undefined, '', 'plain', stored.slice(0, -1), stored.replace('m=', 'n=')])
    expect(await verifyPassword('', odd)).toBe(false)
  expect(await hashPassword('correct horse battery')).not.toBe(stored)
})

test.each([
  ['short', /at least 12/],
  ['aaaaaaaaaaaaaaaa', /too easy/],
  ['anna-anna-2026!', /too easy/],
  ['x1y2'.repeat(300), /at most 1024/],
])('the password %s is refused', (password, reason) => {
  expect(() => checkPassword(password, 'Anna')).toThrow(reason)
})

test('ten tries a minute per source, and another source is not touched', () => {
  const attempts = new Attempts(clock)
  for (let i = 0; i < 10; i++) attempts.enter('10.0.0.1')
  expect(() => attempts.enter('10.0.0.1')).toThrow(/Try again in 60 s/)
  attempts.enter('10.0.0.2')
  steadyMs += 60_000
  attempts.enter('10.0.0.1')
})

test('the sixth wrong password waits, longer each time, never for ever; a familiar source does not', () => {
  const attempts = new Attempts(clock)
  attempts.succeeded('anna', 'home')
  const waits: number[] = []
  for (let i = 0; i < 14; i++) {
    let waited = 0
    for (; ; waited += 1000, steadyMs += 1000)
      try {
        attempts.check('anna', 'evil')
        break
      } catch {}
    waits.push(waited / 1000)
    attempts.failed('anna', 'evil')
  }
  expect(waits.slice(0, 5)).toEqual([0, 0, 0, 0, 0])
  expect(waits.slice(5)).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30])
  attempts.check('anna', 'home')
  attempts.check('Bert', 'evil')
  expect(() => attempts.check('ANNA', 'new')).toThrow(/Try again in 5 s/)
})

test('a flood of keys does not grow a table', () => {
  const tempo = new Tempo(clock, 1)
  for (let i = 0; i < 30_000; i++) tempo.early(`source-${i}`)
  expect(tempo.early('source-29999')).toBeGreaterThan(0)
  expect(tempo.early('source-0')).toBe(0) // forgotten
})

test('a session ends after 30 idle minutes, after 12 hours, and when the clock goes back before it', () => {
  const sessions = new Sessions(db, clock)
  const { token } = sessions.open(USER, false)
  expect(token).toMatch(/^[\w-]{43}$/)
  nowUs += IDLE_US
  expect(sessions.find(token, false)).toBeDefined()
  expect(sessions.find(token)).toMatchObject({ user_id: USER.user_id, by_code: false })
  nowUs += IDLE_US + 1
  expect(sessions.find(token)).toBeUndefined()
  nowUs -= IDLE_US
  expect(sessions.find(token)).toBeUndefined() // ended for good
  const long = sessions.open(USER, true)
  for (let spent = 0; spent < ABSOLUTE_US; spent += 20 * MINUTE_US) {
    expect(sessions.find(long.token)).toBeDefined()
    nowUs += 20 * MINUTE_US
  }
  nowUs += 1
  expect(sessions.find(long.token)).toBeUndefined()
  const late = sessions.open(USER, false)
  nowUs -= 1
  expect(sessions.find(late.token)).toBeUndefined()
})

test('only the hash of a token is stored; sessions outlive the process', () => {
  const { token } = new Sessions(db, clock).open(USER, false)
  expect(JSON.stringify(db.prepare('SELECT * FROM sessions').all())).not.toContain(token)
  expect(new Sessions(db, clock).find(token)).toBeDefined()
})

test('an account has at most twenty sessions: the oldest makes room', () => {
  const sessions = new Sessions(db, clock)
  const tokens = Array.from({ length: 22 }, () => {
    nowUs++
    return sessions.open(USER, false).token
  })
  expect(tokens.map((token) => sessions.find(token) !== undefined).indexOf(true)).toBe(2)
  sessions.endAll(USER.user_id)
  expect(sessions.find(tokens[21] as string)).toBeUndefined()
})

test('a login code opens once, within the hour', () => {
  const codes = new LoginCodes(db, clock)
  const { code, expiresAt } = codes.make('alfa')
  expect(expiresAt - nowUs).toBe(60 * MINUTE_US)
  expect(codes.take(`${code}x`)).toBeUndefined()
  expect(codes.take(code)).toBe('alfa')
  expect(codes.take(code)).toBeUndefined()
  const late = codes.make('alfa')
  nowUs += 60 * MINUTE_US + 1
  expect(codes.take(late.code)).toBeUndefined()
})

test('a scope narrows to what is inside it and refuses the rest in the same words', () => {
  const alfa = { tenant_id: 'alfa', tenant_uid: 'a'.repeat(32), fleet_id: 'alfa' }
  const scope = new Scope([alfa])
  expect(scope.narrow(['alfa', 'alfa'])).toEqual([alfa])
  for (const ids of [['zulu'], ['alfa', 'nobody'], ['__proto__'], ['']])
    expect(() => scope.narrow(ids)).toThrow('cross-tenant traversal not permitted')
  expect(() => scope.narrow([])).toThrow('Name 1 to')
})

test('slugs are ASCII, short, and look like nothing else', () => {
  expect(parseSlug('acme-london-2', 'tenant')).toBe('acme-london-2')
  for (const bad of [
    'A',
    'a',
    '1a',
    'a_b',
    'a-',
    'xn--p1ai',
    'ä-b',
    'a b',
    'a'.repeat(32),
    '../x',
    '',
  ])
    expect(() => parseSlug(bad, 'tenant')).toThrow('2 to 31 characters')
})

test('each role may what the one below may', () => {
  for (const atom of atomsOf('viewer')) expect(may('operator', atom)).toBe(true)
  for (const atom of atomsOf('operator')) expect(may('admin', atom)).toBe(true)
  expect(may('viewer', 'decide')).toBe(false)
  expect(may('operator', 'users')).toBe(false)
})
