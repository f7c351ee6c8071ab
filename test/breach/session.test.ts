/** Attempts on the layer `session` that meet picket-keys; those that meet a browser stand with the pages. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Box, filesHolding, makeFolder, PASSWORD, refusal, startBox } from './box.ts'

const SOURCE = '192.0.2.1'
const MINUTE_MS = 60_000

let box: Box
let adminToken: string
beforeAll(async () => {
  box = await startBox(await makeFolder())
  adminToken = (await box.admin()).token
})
afterAll(() => box.close())

const login = (name: string, password: string, source = SOURCE) =>
  box.web.login({ name, password, source })
const signedOut = async (token: string) =>
  expect(await refusal(box.web.session({ token }))).toMatch(/^unauthorized: Please sign in/)

async function addUser(name: string, role: 'viewer' | 'operator' | 'admin') {
  const user = await box.web.addUser({ token: adminToken, name, role, password: `${PASSWORD} 2` })
  box.clock.aheadMs += MINUTE_MS
  const { token } = await login(name, `${PASSWORD} 2`)
  return { ...user, token }
}

test('session-01 a token set before the login is not the one after', async () => {
  const planted = 'x'.repeat(43)
  const { token } = await login('admin', PASSWORD)
  expect(token).not.toBe(planted)
  await signedOut(planted)
  const elevated = await box.web.setPassword({ token, current: PASSWORD, next: PASSWORD })
  expect(elevated.token).not.toBe(token)
  await signedOut(token)
  adminToken = elevated.token
})

test('session-04 a stolen token after logout, password, role, disabling and removal', async () => {
  const out = await addUser('logs-out', 'viewer')
  expect((await box.web.session({ token: out.token })).name).toBe('logs-out') // control
  await box.web.logout({ token: out.token })
  await signedOut(out.token)
  const changes = [
    {
      name: 'own-word',
      change: (token: string) =>
        box.web.setPassword({ token, current: `${PASSWORD} 2`, next: `${PASSWORD} 3` }),
    },
    {
      name: 'new-role',
      change: (_: string, user_id: string) =>
        box.web.changeUser({ token: adminToken, user_id, role: 'operator' }),
    },
    {
      name: 'shut-off',
      change: (_: string, user_id: string) =>
        box.web.changeUser({ token: adminToken, user_id, disabled: true }),
    },
    {
      name: 'taken-out',
      change: (_: string, user_id: string) => box.web.removeUser({ token: adminToken, user_id }),
    },
  ]
  for (const { name, change } of changes) {
    const { token, user_id } = await addUser(name, 'viewer')
    await change(token, user_id)
    await signedOut(token)
  }
  expect(await refusal(login('shut-off', `${PASSWORD} 2`))).toMatch(
    /^unauthorized: The name or the/,
  )
})

test('session-05 the scope travels with each question, is echoed, and cannot be widened', async () => {
  const alfa = await box.web.query({ token: adminToken, scope: ['alfa'], sql: 'SELECT 1' })
  expect(alfa.scope).toEqual(['alfa'])
  const refused = new Set<string>()
  for (const scope of [['zulu'], ['alfa', 'zulu'], ['nobody'], ['alfa', 'nobody'], ['ALFA']])
    refused.add(await refusal(box.web.query({ token: adminToken, scope, sql: 'SELECT 1' })))
  expect([...refused]).toEqual(['refused: cross-tenant traversal not permitted'])
})

test('session-05 known and unknown tenants are refused in the same time', async () => {
  const time = async (id: string) => {
    const start = performance.now()
    await refusal(box.web.query({ token: adminToken, scope: [id], sql: 'SELECT 1' }))
    return performance.now() - start
  }
  for (let i = 0; i < 50; i++) await time('warm-up') // past the folding of refusals
  const known: number[] = []
  const unknown: number[] = []
  for (let i = 0; i < 200; i++) {
    known.push(await time('zulu'))
    unknown.push(await time('nobody'))
  }
  const middle = (times: number[]) => times.sort((a, b) => a - b)[times.length / 2] as number
  const ratio = middle(known) / middle(unknown)
  expect(ratio).toBeGreaterThan(0.5)
  expect(ratio).toBeLessThan(2)
})

test('session-07 known, unknown, disabled and password-less accounts answer alike', async () => {
  const { user_id } = await addUser('dormant', 'viewer')
  await box.web.changeUser({ token: adminToken, user_id, disabled: true })
  const answers = new Set<string>()
  const names = ['admin', 'nobody', 'dormant', 'nobody-else']
  const fastest = names.map(() => Number.POSITIVE_INFINITY)
  // In turn, so that a busy moment is everybody's; a name that skips the password's work answers thirty times sooner.
  for (let round = 0; round < 5; round++)
    for (const [i, name] of names.entries()) {
      box.clock.aheadMs += MINUTE_MS
      const start = performance.now()
      answers.add(await refusal(login(name, 'wrong wrong wrong', `10.1.${round}.1`)))
      fastest[i] = Math.min(fastest[i] as number, performance.now() - start)
    }
  expect([...answers]).toEqual(['unauthorized: The name or the password is wrong.'])
  expect(Math.max(...fastest) / Math.min(...fastest)).toBeLessThan(3)
})

test('session-08 a thousand failures for an account do not keep its owner out', async () => {
  const { name } = await addUser('head-of-security', 'admin')
  const answers = { wrong: 0, later: 0 }
  for (let i = 0; i < 1000; i++) {
    const answer = await refusal(login(name, 'wrong wrong wrong', `203.0.${i >> 8}.${i & 255}`))
    answers[answer.startsWith('too-many') ? 'later' : 'wrong']++
  }
  expect(answers.wrong).toBeLessThan(50)
  expect(answers.later).toBeGreaterThan(900)
  expect(await refusal(login(name, `${PASSWORD} 2`))).toBe('allowed') // from where the owner was before
  box.clock.aheadMs += 5_000
  expect(await refusal(login(name, `${PASSWORD} 2`, '198.51.100.7'))).toBe('allowed') // and from elsewhere
})

test('session-08 a flood from one source is slowed at the eleventh', async () => {
  box.clock.aheadMs += MINUTE_MS
  const answers: string[] = []
  for (let i = 0; i < 12; i++)
    answers.push(await refusal(login(`name-${i}`, 'wrong wrong wrong', '203.0.113.9')))
  expect(answers.filter((answer) => answer.startsWith('too-many'))).toHaveLength(2)
})

test('session-09 a one-time login works once, within the hour, and is nowhere on the disk', async () => {
  const { code } = await box.cli.oneTimeLogin({})
  const { session, token } = await box.web.redeem({ code, source: '192.0.2.9' })
  expect(session).toMatchObject({ role: 'admin', mustSetPassword: true })
  expect(await refusal(box.web.redeem({ code, source: '192.0.2.9' }))).toMatch(
    /^unauthorized: This login code/,
  )
  expect(filesHolding(box.data, [code, token, PASSWORD])).toEqual([])
  const late = await box.cli.oneTimeLogin({})
  box.clock.aheadMs += 61 * MINUTE_MS
  expect(await refusal(box.web.redeem({ code: late.code, source: '192.0.2.9' }))).toMatch(
    /^unauthorized/,
  )
  adminToken = (await login('admin', PASSWORD, '192.0.2.10')).token
})

test('a viewer decides nothing, an operator makes no accounts, and both leave a line', async () => {
  const viewer = await addUser('only-looks', 'viewer')
  const operator = await addUser('acts', 'operator')
  const act = { action_id: 'a1', hash: 'f'.repeat(64), verb: 'approve' } as const
  expect(await refusal(box.web.decide({ token: viewer.token, ...act }))).toMatch(
    /^refused: Your role/,
  )
  expect(await refusal(box.web.users({ token: operator.token }))).toMatch(/^refused: Your role/)
  const { body, type } = await box.web.decide({ token: operator.token, ...act })
  expect(type).toBe('decision')
  expect(JSON.parse(body)).toMatchObject({ ...act, by: 'acts' })
  const { items } = await box.cli.auditList({ limit: 10 })
  const sentences = items.map(({ sentence }) => sentence)
  expect(sentences).toContain('acts asked to approve action a1.')
  expect(sentences.filter((sentence) => /was refused/.test(sentence))).toHaveLength(2)
})

test('the last admin stays, and accounts of another tenant are not there', async () => {
  const { user_id } = await box.web.session({ token: adminToken })
  const others = (await box.web.users({ token: adminToken })).users.filter(
    (user) => user.role === 'admin' && user.user_id !== user_id,
  )
  for (const other of others)
    await box.web.removeUser({ token: adminToken, user_id: other.user_id })
  for (const change of [{ role: 'viewer' as const }, { disabled: true }])
    expect(await refusal(box.web.changeUser({ token: adminToken, user_id, ...change }))).toMatch(
      /last admin/,
    )
  expect(await refusal(box.web.removeUser({ token: adminToken, user_id }))).toMatch(/last admin/)
  box.clock.aheadMs += MINUTE_MS
  const zulu = await box.admin('zulu')
  const foreign = await refusal(box.web.removeUser({ token: zulu.token, user_id }))
  expect(foreign).toBe(
    await refusal(box.web.removeUser({ token: zulu.token, user_id: '0'.repeat(32) })),
  )
  expect(foreign).toMatch(/^not-found/)
  expect(
    (await box.web.users({ token: zulu.token })).users.map(({ tenant_id }) => tenant_id),
  ).toEqual(['zulu'])
  const lines = await box.web.auditList({ token: zulu.token, limit: 500 })
  expect(new Set(lines.items.map(({ tenant_id }) => tenant_id))).toEqual(new Set(['zulu']))
  const widened = {
    token: zulu.token,
    name: 'x',
    role: 'admin',
    password: PASSWORD,
    tenants: ['alfa'],
  } as const
  expect(await refusal(box.web.addUser({ ...widened, tenants: [...widened.tenants] }))).toBe(
    'refused: cross-tenant traversal not permitted',
  )
})

test('the trail of all this is whole, and holds no name, password or SQL', async () => {
  const sql = "SELECT * FROM events WHERE host = 'canary-host'"
  await box.web.query({ token: adminToken, sql })
  expect(await box.cli.auditVerify()).toMatchObject({ intact: true })
  expect(
    filesHolding(join(box.data, 'audit'), [sql, 'canary', 'head-of-security', PASSWORD]),
  ).toEqual([])
  expect(readFileSync(join(box.data, 'keys', 'public.json'), 'utf8')).not.toContain('PRIVATE')
})
