/** Where a request comes from, whose it is, and where it goes back to: each refuses what it does not know. */
import { expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { STRANGER, TENANT } from '../../test/browser/story/scene.ts'
import { createStory } from '../../test/browser/story.ts'
import { ownPath } from './back.ts'
import { checkCsrf, csrfToken } from './csrf.ts'
import { checkHost, checkOrigin } from './origin.ts'
import { openPosition, sealPosition } from './position.ts'
import { requestScope } from './scope.ts'

test.for([
  ['/findings?q=a&range=7d', '/findings?q=a&range=7d'],
  ['/now#part', '/now'],
  ['/a/../../now', '/now'],
  ['//evil.example/now', '/back'],
  ['/\\evil.example', '/back'],
  ['/\t//evil.example', '/back'],
  ['https://evil.example/', '/back'],
  ['javascript:alert(1)', '/back'],
  ['now', '/back'],
  [`/${'a'.repeat(2000)}`, '/back'],
  [undefined, '/back'],
] as const)('back to %j is %s', ([given, path]) => {
  expect(ownPath(given, '/back')).toBe(path)
})

test('a token of a form is of one session', () => {
  const token = 'a'.repeat(43)
  expect(() => checkCsrf(token, csrfToken(token))).not.toThrow()
  expect(csrfToken(token)).not.toContain(token)
  for (const wrong of [undefined, '', token, csrfToken('b'.repeat(43)), `${csrfToken(token)}x`, 7])
    expect(() => checkCsrf(token, wrong)).toThrow('nothing was done')
})

test('names that are ours', () => {
  for (const own of [
    'localhost',
    'LOCALHOST:8443',
    '10.0.0.1:80',
    '[fd00::1]:8443',
    'picket.acme.example',
  ])
    expect(() => checkHost(own, ['picket.acme.example'])).not.toThrow()
  for (const other of [
    undefined,
    '',
    'evil.example',
    'localhost.',
    'localhost/x',
    'user@localhost',
    'a b',
  ])
    expect(() => checkHost(other)).toThrow('does not answer')
})

test('a form comes from the host it goes to', () => {
  expect(() => checkOrigin('http://10.0.0.1:8443', '10.0.0.1:8443')).not.toThrow()
  expect(() => checkOrigin('https://box.example', 'box.example')).not.toThrow()
  for (const other of [
    undefined,
    'null',
    '',
    'http://10.0.0.1',
    'http://10.0.0.1:8443.evil.example',
    'ftp://10.0.0.1:8443',
  ])
    expect(() => checkOrigin(other, '10.0.0.1:8443')).toThrow('another site')
})

test('a scope is part of the session’s, or nothing', () => {
  const story = createStory()
  const session = story.sessions.get(
    story.enter('lerato', 'viewer', { tenants: [TENANT, STRANGER] }),
  )
  if (!session) throw new Error('no session')
  const both = [TENANT.tenant_id, STRANGER.tenant_id]
  expect(requestScope(session, [])).toEqual(both)
  expect(requestScope(session, ['', ','])).toEqual(both)
  expect(requestScope(session, [`${STRANGER.tenant_id},${TENANT.tenant_id}`])).toEqual(both)
  expect(requestScope(session, [STRANGER.tenant_id, STRANGER.tenant_id])).toEqual([
    STRANGER.tenant_id,
  ])
  for (const asked of [
    'other-one',
    'Acme-CPT',
    '*',
    '../x',
    `${TENANT.tenant_id},other-one`,
    "' OR 1=1",
  ])
    expect(() => requestScope(session, [asked])).toThrow(CROSS_TENANT)
  expect(() => requestScope(session, [Array(1001).fill(TENANT.tenant_id).join(',')])).toThrow(
    'at most',
  )
})

test('a cursor opens for the login, list and scope that it was made for', () => {
  const asker = { token: 't'.repeat(43), scope: ['a1', 'b1'] }
  const cursor = sealPosition(asker, 'flows', { at: 17, id: 'x' })
  expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('17')
  expect(openPosition({ ...asker, scope: ['b1', 'a1'] }, 'flows', cursor)).toEqual({
    at: 17,
    id: 'x',
  })
  for (const [other, list] of [
    [{ ...asker, token: 'u'.repeat(43) }, 'flows'],
    [{ ...asker, scope: ['a1'] }, 'flows'],
    [asker, 'findings'],
  ] as const)
    expect(() => openPosition(other, list, cursor)).toThrow('another login')
  const bytes = Buffer.from(cursor, 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const flipped = Buffer.from(bytes)
    flipped[i] = (flipped[i] ?? 0) ^ 1
    expect(() => openPosition(asker, 'flows', flipped.toString('base64url'))).toThrow(
      'another login',
    )
    const cut = bytes.subarray(0, i).toString('base64url')
    expect(() => openPosition(asker, 'flows', cut)).toThrow('another login')
  }
})
