/** Signing in and out. Wrong name, wrong password, disabled account: the same words after the same time. */
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import type { User } from '../tenancy/accounts.ts'
import { checkPassword, hashPassword, verifyPassword } from '../tenancy/password.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { changeAccounts } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import type { LoginAnswer, WebCalls } from './keys-client.ts'
import { type Handlers, Name, Password, parse, Source, Token, WithToken } from './keys-params.ts'
import { type Asker, openSession, resolve, viewOf } from './keys-session.ts'

const FIRST_ADMIN = 'admin'

type LoginCalls = Pick<WebCalls, 'login' | 'redeem' | 'session' | 'logout' | 'setPassword'>

export function loginMethods(box: KeysBox): Handlers<LoginCalls> {
  return {
    login: (params) => login(box, params),
    redeem: (params) => redeem(box, params),
    session: (params) => {
      const shape = v.object({ token: Token, touch: v.optional(v.boolean(), true) })
      const { token, touch } = parse(shape, params)
      return viewOf(resolve(box, token, touch))
    },
    logout: (params) => {
      const { token } = parse(WithToken, params)
      const session = box.sessions.find(token, false)
      if (!session) return { ended: false }
      const tenant = tenantOf(box, session)
      const actor = `user:${session.user_id}`
      box.sessions.end(token) // first: signing out must work with a full audit disk
      box.trail.write({ actor, tenant, verb: 'session.logout', outcome: 'done' })
      return { ended: true }
    },
    setPassword: (params) => setPassword(box, params),
  }
}

async function login(box: KeysBox, params: unknown): Promise<LoginAnswer> {
  const shape = v.object({ name: Name, password: Password, source: Source })
  const { name, password, source } = parse(shape, params)
  const { attempts, accounts, trail } = box
  attempts.enter(source)
  attempts.check(name, source)
  const known = accounts.userByName(name)
  const right = await verifyPassword(password, known?.password)
  const user = known && accounts.user(known.user_id) // again: it may have changed meanwhile
  if (!right || !user || user.disabled || user.password !== known?.password) {
    attempts.failed(name, source)
    // The name as a digest: people type passwords there.
    trail.refused({
      actor: 'process:web',
      verb: 'session.refused',
      subject: 'login',
      text: name.toLowerCase(),
    })
    throw new Failure('unauthorized', 'The name or the password is wrong.')
  }
  attempts.succeeded(name, source)
  const tenant = tenantOf(box, user)
  trail.write({ actor: `user:${user.user_id}`, tenant, verb: 'session.login', outcome: 'done' })
  return openSession(box, user, false)
}

function redeem(box: KeysBox, params: unknown): LoginAnswer {
  const { code, source } = parse(v.object({ code: Token, source: Source }), params)
  box.attempts.enter(source)
  const tenantId = box.codes.take(code)
  if (tenantId === undefined) {
    box.trail.refused({ actor: 'process:web', verb: 'session.refused', subject: 'login-code' })
    throw new Failure(
      'unauthorized',
      'This login code is used, too old or wrong. Make another one on the box: picket login',
    )
  }
  const user = adminOf(box, tenantId)
  const tenant = tenantOf(box, user)
  const actor = `user:${user.user_id}`
  box.trail.write({ actor, tenant, verb: 'session.code-used', outcome: 'done' })
  return openSession(box, user, true)
}

/** The tenant's first admin who may sign in; made where there is none. */
function adminOf(box: KeysBox, tenantId: string): User {
  const { accounts } = box
  const found = accounts
    .users()
    .find((user) => user.tenant_id === tenantId && user.role === 'admin' && !user.disabled)
  if (found) return found
  const name = accounts.userByName(FIRST_ADMIN) ? `${FIRST_ADMIN}@${tenantId}` : FIRST_ADMIN
  const draft = { tenant_id: tenantId, name, role: 'admin', password: null, tenants: [] } as const
  const tenant = tenantOf(box, draft)
  return changeAccounts(box, { actor: 'console', tenant, verb: 'user.added' }, (witness) =>
    accounts.addUser({ ...draft, tenants: [...draft.tenants] }, (id) => witness(`user:${id}`)),
  )
}

async function setPassword(box: KeysBox, params: unknown): Promise<LoginAnswer> {
  const shape = v.object({ token: Token, current: v.optional(Password), next: Password })
  const { token, current, next } = parse(shape, params)
  const asker = resolve(box, token)
  await proveCurrent(box, asker, current)
  checkPassword(next, asker.user.name)
  const password = await hashPassword(next)
  const { user_id } = resolve(box, token).user // still there after the hashing
  const act = {
    actor: asker.actor,
    tenant: asker.home,
    verb: 'user.password',
    subject: `user:${user_id}`,
  } as const
  const user = changeAccounts(box, act, (witness) =>
    box.accounts.changeUser(user_id, { password }, witness()),
  )
  box.sessions.endAll(user_id)
  return openSession(box, user, false)
}

/** Who holds an unlocked screen must not take the account over; a one-time login stands for the old password. */
async function proveCurrent(
  box: KeysBox,
  asker: Asker,
  current: string | undefined,
): Promise<void> {
  const { user, session, actor, home } = asker
  if (session.by_code || user.password === null) return
  const source = `session:${session.session_id}`
  box.attempts.check(user.name, source)
  if (await verifyPassword(current ?? '', user.password)) return
  box.attempts.failed(user.name, source)
  box.trail.refused({ actor, tenant: home, verb: 'session.refused', subject: 'current-password' })
  throw new Failure('refused', 'The present password is wrong.')
}

function tenantOf({ accounts }: KeysBox, { tenant_id }: { tenant_id: string }): Tenant | undefined {
  return accounts.tenants().find((tenant) => tenant.tenant_id === tenant_id)
}
