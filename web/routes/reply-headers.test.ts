/** What a browser is told on every reply, and how the session's cookie is written. */
import { describe, expect, test } from 'vitest'
import { client } from '../../test/browser/story/client.ts'
import { CODE, PASSWORD } from '../../test/browser/story/scene.ts'

const SAFARI =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15'
const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36'

test.for([
  '/now',
  '/login',
  '/nowhere',
  '/api/findings',
  '/api/findings/x',
  '/assets/picket.css',
  '/',
  '/healthz',
])('%s carries the headers', async (path) => {
  const { headers } = await client('admin').get(path)
  const policy = headers.get('content-security-policy') ?? ''
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "frame-ancestors 'none'",
    "form-action 'self'",
    "base-uri 'none'",
  ])
    expect(policy.split('; ')).toContain(rule)
  expect(policy).not.toMatch(/unsafe|\*|http:/)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('same-origin')
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
  if (!path.startsWith('/assets/')) expect(headers.get('cache-control')).toBe('no-store')
})

test('no page has a style or script of its own in it', async () => {
  const { get } = client('admin')
  for (const path of [
    '/now',
    '/findings',
    '/actions',
    '/rules',
    '/lake',
    '/settings',
    '/users',
    '/audit',
  ]) {
    const page = await (await get(path)).text()
    expect(page).not.toMatch(/ style=| on[a-z]+=|<style|javascript:/)
    for (const [tag] of page.matchAll(/<script[^>]*>/g))
      expect(tag).toMatch(/ src=|application\/json/)
  }
})

describe('the cookie', () => {
  const signIn = async (agent: string) =>
    (
      await client().post('/login', { name: 'thandi', password: PASSWORD }, { 'user-agent': agent })
    ).headers.getSetCookie()

  test('__Host-, Secure, HttpOnly, SameSite=Strict', async () => {
    const cookies = await signIn(CHROME)
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(/^__Host-picket=[\w-]{43}; /)
    for (const part of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict'])
      expect(cookies[0]).toContain(part)
    expect(cookies[0]).not.toMatch(/Domain|Expires|Max-Age/i)
  })

  test('only Safari, and only on loopback, gets one without Secure', async () => {
    expect((await signIn(SAFARI))[0]).toMatch(
      /^picket=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    )
  })

  test('a new login ends the session that the browser had', async () => {
    const { post, story, token } = client('viewer')
    const reply = await post('/login', { name: 'thandi', password: PASSWORD })
    expect(reply.headers.get('location')).toBe('/now')
    expect(story.sessions.has(token)).toBe(false)
    expect(reply.headers.getSetCookie()[0]).not.toContain(token)
  })

  test('signing out ends it on both sides', async () => {
    const { post, get, story, token } = client('viewer')
    const reply = await post('/logout')
    expect(reply.headers.get('location')).toBe('/login?out')
    expect(reply.headers.getSetCookie().join()).toMatch(/__Host-picket=; Max-Age=0/)
    expect(story.sessions.has(token)).toBe(false)
    expect((await get('/now')).headers.get('location')).toBe('/login?next=%2Fnow')
  })

  test('a session that has ended is forgotten, and the page comes back after signing in', async () => {
    const { get, story, token } = client('viewer')
    story.sessions.delete(token)
    const reply = await get('/findings?q=10.40.7.23&range=7d')
    expect(reply.status).toBe(303)
    expect(reply.headers.get('location')).toBe(
      '/login?next=%2Ffindings%3Fq%3D10.40.7.23%26range%3D7d',
    )
    expect(reply.headers.getSetCookie().join()).toMatch(/__Host-picket=; Max-Age=0/)
  })
})

describe('the door', () => {
  test('a wrong password is told on the form, which keeps the name; the secret never comes back', async () => {
    const reply = await client().post('/login', {
      name: 'thandi',
      password: 'not this one',
      next: '/lake',
    })
    const page = await reply.text()
    expect(reply.status).toBe(401)
    expect(page).toContain('Name or password is wrong.')
    expect(page).toContain('value="thandi"')
    expect(page).toContain('value="/lake"')
    expect(page).not.toContain('not this one')
    expect(reply.headers.getSetCookie()).toEqual([])
  })

  test('after signing in one goes where one was going, and to no other site', async () => {
    const to = async (next: string) =>
      (await client().post('/login', { name: 'thandi', password: PASSWORD, next })).headers.get(
        'location',
      )
    expect(await to('/findings?q=x')).toBe('/findings?q=x')
    for (const evil of [
      '//evil.example',
      'https://evil.example/',
      '/\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
      '',
    ])
      expect(await to(evil)).toBe('/now')
  })

  test('a one-time code leads to the password, a wrong one to a sentence', async () => {
    expect((await client().post('/first', { code: ` ${CODE} ` })).headers.get('location')).toBe(
      '/password',
    )
    const wrong = await client().post('/first', { code: 'AAAA-BBBB' })
    expect(wrong.status).toBe(401)
    expect(await wrong.text()).not.toContain('AAAA-BBBB')
  })

  test('a name that somebody pointed at this machine is not answered', async () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      'a@127.0.0.1',
      '',
    ])
      expect((await client('admin').get('/now', { host })).status).toBe(400)
    for (const host of ['localhost:8443', '127.0.0.1', '[::1]:8443', '192.168.7.9'])
      expect((await client('admin').get('/now', { host })).status).toBe(200)
  })
})

test('an address takes its own methods only', async () => {
  const reply = await client('admin').post('/now')
  expect(reply.status).toBe(405)
  expect(reply.headers.get('allow')).toBe('GET')
})
