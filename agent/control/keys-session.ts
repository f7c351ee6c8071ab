/** From a token to a person and a scope: read anew at each request, inside picket-keys (D24). */
import { Failure } from '../base/failure.ts'
import type { User } from '../tenancy/accounts.ts'
import { later } from '../tenancy/attempts.ts'
import { type Atom, atomsOf, may } from '../tenancy/role.ts'
import { Scope } from '../tenancy/scope.ts'
import { ABSOLUTE_US, IDLE_US, type Session } from '../tenancy/sessions.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { KeysBox } from './keys-box.ts'
import type { LoginAnswer, SessionView } from './keys-client.ts'

export interface Asker {
  session: Session
  user: User
  scope: Scope
  /** The account's own tenant. */
  home: Tenant
  /** As the audit trail names it. */
  actor: string
}

/** The person behind a token, or `unauthorized`: unknown, ended and disabled look alike. */
export function resolve(box: KeysBox, token: string, touch = true): Asker {
  const session = box.sessions.find(token, touch)
  const user = session && box.accounts.user(session.user_id)
  const tenants = box.accounts.tenants()
  const home = tenants.find(({ tenant_id }) => tenant_id === user?.tenant_id)
  if (!session || !user || user.disabled || !home) throw unknown(box)
  const granted = tenants.filter(({ tenant_id }) => user.tenants.includes(tenant_id))
  const scope = new Scope(granted)
  return { session, user, scope, home, actor: `user:${user.user_id}` }
}

/** `resolve`, and the role must hold the atom; a refusal has its line. */
export function authorize(box: KeysBox, token: string, atom: Atom): Asker {
  const asker = resolve(box, token)
  if (may(asker.user.role, atom)) return asker
  box.trail.refused({
    actor: asker.actor,
    tenant: asker.home,
    verb: 'session.refused',
    subject: `atom:${atom}`,
  })
  throw new Failure(
    'refused',
    `Your role is ${asker.user.role}; that needs another one. Ask an admin.`,
  )
}

/** Somebody invents tokens, or a page outlived its session. Live sessions are not slowed by it. */
function unknown(box: KeysBox): Failure {
  const early = box.unknownTokens.early('any')
  box.trail.refused({ actor: 'process:web', verb: 'session.refused', subject: 'unknown-token' })
  return early > 0 ? later(early) : new Failure('unauthorized', 'Please sign in.')
}

export function viewOf({ session, user, scope }: Asker): SessionView {
  const { session_id, started, seen } = session
  const tenants = scope.tenants.map(({ tenant_id, tenant_uid, fleet_id }) => ({
    tenant_id,
    tenant_uid,
    fleet_id,
  }))
  const endsAt = started + ABSOLUTE_US
  return {
    ...{ session_id, user_id: user.user_id, name: user.name, role: user.role },
    ...{ atoms: atomsOf(user.role), tenants, startedAt: started, endsAt },
    mustSetPassword: session.by_code || user.password === null,
    idleEndsAt: Math.min(seen + IDLE_US, endsAt),
  }
}

/** A new session; whatever token the browser had before stays dead (session fixation). */
export function openSession(box: KeysBox, user: User, byCode: boolean): LoginAnswer {
  const { token } = box.sessions.open(user, byCode)
  box.accounts.loggedIn(user.user_id)
  return { token, session: viewOf(resolve(box, token)) }
}
