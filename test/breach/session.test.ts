/** Attempts on the layer `session`, and of `api` those that meet picket-keys; those that meet pages stand in pages.test.ts. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changeAccounts } from '../../agent/control/keys-acts.ts'
import type { QueryRunner } from '../../agent/control/keys-client.ts'
import { decide } from '../../agent/control/keys-methods-web.ts'
import { Questions } from '../../agent/control/keys-query.ts'
import { Attempts } from '../../agent/tenancy/attempts.ts'
import type { Role } from '../../agent/tenancy/role.ts'
import { Scope } from '../../agent/tenancy/scope.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import {
  type Box,
  filesHolding,
  makeFolder,
  PASSWORD,
  refusal,
  startBox,
  TestClock,
} from './box.ts'
import { type Canary, canaryOf } from './canary.ts'

const SOURCE = '192.0.2.1'
const MINUTE_MS = 60_000

/** Answers with the uid of each tenant that it was given the keys of. */
const named: QueryRunner = {
  query: async ({ tenants }) => ({
    scope: tenants.map(({ tenant_id }) => tenant_id),
    columns: ['uid'],
    rows: tenants.map(({ tenant_uid }) => [tenant_uid]),
  }),
}

let box: Box
let adminToken: string
beforeAll(async () => {
  box = await startBox(await makeFolder(), named)
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

const NEW_TOKEN: Layer = {
  name: 'a new token at each login',
  shows: /unauthorized: Please sign in/,
}
const ENDED: Layer = {
  name: 'a session ends where it is kept',
  shows: /unauthorized: Please sign in/,
}
const ACCOUNT: Layer = {
  name: 'the account as it is at each use',
  shows: /unauthorized: Please sign in/,
}
const TIED: Layer = { name: 'no session without its account', shows: /FOREIGN KEY constraint/ }
const GRANTS: Layer = {
  name: 'the tenants that an account was given',
  shows: /cross-tenant traversal not permitted/,
}
const EACH: Layer = { name: 'the scope comes with each question', shows: /"scope":\["alfa"\]/ }
const ONE_ANSWER: Layer = {
  name: 'one answer to every wrong login',
  shows: /The name or the password is wrong/,
}
const FAMILIAR: Layer = { name: 'a source that is known to the account', shows: /the owner: in/ }
const PACE: Layer = { name: 'so many tries a minute of a source', shows: /Too many attempts/ }
const ONCE: Layer = { name: 'a code is used up by asking', shows: /This login code is used/ }
const HOUR: Layer = {
  name: 'a code ends within the hour',
  shows: /This login code is used, too old/,
}
const DIGESTS: Layer = { name: 'a code is kept as its digest', shows: /"code_hash":"[0-9a-f]{64}"/ }
const FIELDS: Layer = { name: 'only the fields that a call has', shows: /"tenants":\["alfa"\]/ }
const ATOM: Layer = { name: 'what a role includes', shows: /refused: Your role is viewer/ }

let count = 0
const sourceOf = () => `198.51.100.${++count % 250}`
/** Somebody with an account and a session, without the work of a password. */
function seat(role: Role = 'viewer', tenants = ['alfa']) {
  const { alfa } = box.folder
  const draft = { tenant_id: 'alfa', name: `seat-${++count}`, role, password: null, tenants }
  const act = { actor: 'console', tenant: alfa, verb: 'user.added' } as const
  const user = changeAccounts(box.box, act, (witness) =>
    box.box.accounts.addUser(draft, (id) => witness(`user:${id}`)),
  )
  return { ...user, ...box.box.sessions.open(user, false) }
}
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const platform = () =>
  box.box.databases()[0] as NonNullable<ReturnType<typeof box.box.databases>[0]>
/** The row of a session, to be put back once it is gone. */
const sessionRow = (token: string) =>
  Object.values(platform().prepare('SELECT * FROM sessions WHERE token_hash = ?').get(digest(token)) as object) // biome-ignore format: one line
const putBack = (row: unknown[]) =>
  platform()
    .prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(...row)

let secret: Canary[] = []
const given = () => secret
const zulu = () => canaryOf('rows of zulu', box.folder.zulu.tenant_uid)

attempt('session-01', {
  layers: [NEW_TOKEN],
  secrets: given,
  try: async (run) => {
    const planted = 'p'.repeat(43)
    const { token, session_id, session } = { session_id: '', ...seat() }
    secret = [canaryOf('the session of the victim', session_id || session.session_id)]
    if (run.without(NEW_TOKEN)) putBack([digest(planted), ...sessionRow(token).slice(1)])
    await run.does('with the planted token', box.web.session({ token: planted }))
  },
  undo: () => platform().prepare('DELETE FROM sessions WHERE token_hash = ?').run(digest('p'.repeat(43))), // biome-ignore format: one line
})

test('session-01 the token is new after a login and after a change of password', async () => {
  const { token } = await login('admin', PASSWORD)
  const elevated = await box.web.setPassword({ token, current: PASSWORD, next: PASSWORD })
  expect(elevated.token).not.toBe(token)
  await signedOut(token)
  adminToken = elevated.token
})

type Seat = ReturnType<typeof seat>
const CHANGES: [by: string, layers: Layer[], change: (of: Seat) => Promise<unknown>][] = [
  ['logout', [ENDED], ({ token }) => box.web.logout({ token })],
  ['another role', [ENDED], ({ user_id }) => box.web.changeUser({ token: adminToken, user_id, role: 'operator' })], // biome-ignore format: one line
  ['another password', [ENDED], ({ user_id }) => box.web.changeUser({ token: adminToken, user_id, password: `${PASSWORD} 9` })], // biome-ignore format: one line
  ['shut off', [ENDED, ACCOUNT], ({ user_id }) => box.web.changeUser({ token: adminToken, user_id, disabled: true })], // biome-ignore format: one line
  ['removed', [ENDED, TIED, ACCOUNT], ({ user_id }) => box.web.removeUser({ token: adminToken, user_id })], // biome-ignore format: one line
]
for (const [by, layers, change] of CHANGES)
  attempt('session-04', {
    by,
    layers,
    secrets: given,
    try: async (run) => {
      const victim = seat()
      const { token } = victim
      expect((await box.web.session({ token })).name).toBe(victim.name) // it was one
      secret = [canaryOf('the session that was stolen', victim.session.session_id)]
      const row = sessionRow(token)
      await change(victim)
      platform().pragma(`foreign_keys = ${run.without(TIED) ? 'off' : 'on'}`)
      if (run.without(ENDED)) await run.does('the row put back', () => putBack(row).changes)
      platform().pragma('foreign_keys = on')
      if (run.without(ACCOUNT)) run.saw('the session alone', box.box.sessions.find(token))
      else await run.does('with the stolen token', box.web.session({ token }))
    },
  })

for (const scope of [['zulu'], ['alfa', 'zulu']])
  attempt('session-05', {
    by: `a scope that is not theirs: ${scope}`,
    layers: [GRANTS],
    secrets: () => [zulu()],
    try: async (run) => {
      const { token, session } = seat()
      const sql = 'SELECT 1'
      if (!run.without(GRANTS)) return run.does('the rows', box.web.query({ token, scope, sql }))
      const both = new Scope([box.folder.alfa, box.folder.zulu])
      const asker = { actor: 'console', session: session.session_id, scope: both, grant: [] }
      return run.does('the rows', new Questions(box.box, named).ask(asker, scope, { sql }))
    },
  })

attempt('session-05', {
  by: 'two tabs, the other one on another tenant',
  layers: [EACH],
  secrets: () => [zulu()],
  try: async (run) => {
    const { token } = seat('viewer', ['alfa', 'zulu'])
    const ask = (scope: string[]) => box.web.query({ token, scope, sql: 'SELECT 1' })
    let last = ['alfa']
    const tab = async (scope: string[]) => {
      last = scope
      return ask(scope)
    }
    await tab(['alfa'])
    await tab(['zulu'])
    await run.does('the first tab', ask(run.without(EACH) ? last : ['alfa']))
  },
})

test('session-05 a scope that cannot be had is refused in the same words, known or not', async () => {
  const refused = new Set<string>()
  for (const scope of [['zulu'], ['alfa', 'zulu'], ['nobody'], ['alfa', 'nobody'], ['ALFA']])
    refused.add(await refusal(box.web.query({ token: adminToken, scope, sql: 'SELECT 1' })))
  expect([...refused]).toEqual(['refused: cross-tenant traversal not permitted'])
})

/** Two names of each kind; the answer must not tell of which. Its time is tried in timing.test.ts. */
attempt('session-07', {
  layers: [ONE_ANSWER],
  try: async (run) => {
    const { name, user_id } = seat()
    await box.web.changeUser({ token: adminToken, user_id, disabled: true })
    const answers = new Set<string>()
    for (const each of ['admin', 'nobody', name]) {
      const user = box.box.accounts.userByName(each)
      const told = user ? `unauthorized: ${user.disabled ? 'shut off' : 'wrong password'}` : 'not-found: nobody' // biome-ignore format: one line
      answers.add(run.without(ONE_ANSWER) ? told : await refusal(login(each, 'wrong wrong wrong', sourceOf()))) // biome-ignore format: one line
    }
    run.saw('the answers', ...answers)
    if (answers.size > 1) run.harm('the answers tell which accounts there are')
  },
})

const HOME = '192.0.2.77'
attempt('session-08', {
  by: 'a thousand failures for one account',
  layers: [FAMILIAR],
  try: async (run) => {
    const attempts = new Attempts(new TestClock())
    if (!run.without(FAMILIAR)) attempts.succeeded('head', HOME)
    const looked = guesses(attempts, 1000, (i) => `203.0.${i >> 8}.${i & 255}`)
    expect(looked).toBeLessThan(50)
    await run.does('the owner', () => {
      attempts.check('head', HOME)
      return 'in'
    })
    if (!/the owner: "?in/.test(run.text)) run.harm('the owner is kept out')
  },
})

attempt('session-08', {
  by: 'a flood from one source, a name each',
  layers: [PACE],
  try: async (run) => {
    const looked = guesses(new Attempts(new TestClock()), 100, () => HOME, run)
    if (looked > 10) run.harm(`${looked} guesses in a minute`)
  },
})

/** How many of them were looked at; with `run` each has a name of its own and must enter first. */
function guesses(attempts: Attempts, times: number, source: (i: number) => string, run?: Run) {
  let looked = 0
  for (let i = 0; i < times; i++)
    try {
      const name = run ? `name-${i}` : 'head'
      if (run && !run.without(PACE)) attempts.enter(source(i))
      attempts.check(name, source(i))
      attempts.failed(name, source(i))
      looked++
    } catch (error) {
      run?.saw('a guess', error)
    }
  run?.saw('guesses', looked)
  return looked
}

const codeRow = (code: string) => [digest(code), 'alfa', box.clock.nowUs() + 3_600_000_000]
const keepCode = (row: unknown[]) =>
  platform()
    .prepare('INSERT OR REPLACE INTO login_codes VALUES (?, ?, ?)')
    .run(...row)

attempt('session-09', {
  by: 'a login code used again',
  layers: [ONCE],
  try: async (run) => {
    const { code } = await box.cli.oneTimeLogin({})
    await box.web.redeem({ code, source: sourceOf() })
    if (run.without(ONCE)) keepCode(codeRow(code))
    const again = await run.does('again', box.web.redeem({ code, source: sourceOf() }))
    if (again) run.harm('one code opened two sessions')
  },
})

attempt('session-09', {
  by: 'a login code of an hour ago',
  layers: [HOUR],
  try: async (run) => {
    const { code } = await box.cli.oneTimeLogin({})
    const row = codeRow(code)
    if (!run.without(HOUR)) row[2] = box.clock.nowUs() - 1
    keepCode(row)
    const late = await run.does('late', box.web.redeem({ code, source: sourceOf() }))
    if (late) run.harm('a code that is over opened a session')
  },
})

attempt('session-09', {
  by: 'codes read from what is kept',
  layers: [DIGESTS],
  secrets: given,
  try: async (run) => {
    const { code } = await box.cli.oneTimeLogin({})
    secret = [canaryOf('a login code', code)]
    if (run.without(DIGESTS)) keepCode([code, ...codeRow(code).slice(1)])
    run.saw('the table', platform().prepare('SELECT * FROM login_codes').all())
  },
  undo: () => platform().prepare('DELETE FROM login_codes').run(),
})

attempt('api-04', {
  layers: [FIELDS],
  secrets: () => [zulu()],
  try: async (run) => {
    const { token, user_id } = seat('admin')
    const wide = { tenants: ['alfa', 'zulu'], roles: ['admin'], provider_id: 'x', is_admin: true }
    const other = seat('admin')
    const change = JSON.parse(JSON.stringify({ token: other.token, user_id, ...wide }).replace('"roles"', '"__proto__":{"tenants":["zulu"]},"roles"')) // biome-ignore format: one line
    run.saw('the change', await box.web.changeUser(change))
    if (run.without(FIELDS))
      for (const each of wide.tenants)
        platform().prepare('INSERT OR IGNORE INTO grants VALUES (?, ?, ?)').run(each, user_id, 1)
    const again = box.box.sessions.open({ user_id, tenant_id: 'alfa' }, false)
    await run.does('the session', box.web.session({ token: again.token }))
    expect(await refusal(box.web.session({ token }))).toMatch(/^unauthorized/)
    platform().prepare("DELETE FROM grants WHERE user_id = ? AND tenant_id = 'zulu'").run(user_id)
  },
})

/** There are no tokens for programs: a session of a role that only looks is the narrowest there is. */
attempt('api-06', {
  by: 'the session of a viewer',
  layers: [ATOM],
  try: async (run) => {
    const { token, user_id } = seat()
    const what = { action_id: 'a1', hash: 'f'.repeat(64), verb: 'approve' } as const
    const signed = run.without(ATOM)
      ? decide(box.box, what, { actor: `user:${user_id}`, tenant: box.folder.alfa, by: 'viewer' })
      : await run.does('the decision', box.web.decide({ token, ...what }))
    run.saw('the envelope', signed ?? 'none')
    if (signed) run.harm('a viewer has a signed decision')
  },
  holds: async () => {
    const { items } = await box.cli.auditList({ limit: 5 })
    expect(items[0]?.sentence).toMatch(/asked to be let in \(atom:decide\); it was refused/)
  },
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
