/** Accounts of a box. An admin sees and changes those whose tenants all lie in their own scope. */
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import type { User } from '../tenancy/accounts.ts'
import { checkPassword, hashPassword } from '../tenancy/password.ts'
import { changeAccounts } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import type { UserView, WebCalls } from './keys-client.ts'
import {
  type Handlers,
  Name,
  Password,
  parse,
  RoleName,
  Slugs,
  Token,
  Uid,
  WithToken,
} from './keys-params.ts'
import { type Asker, authorize } from './keys-session.ts'

type UserCalls = Pick<WebCalls, 'users' | 'addUser' | 'changeUser' | 'removeUser'>

const Add = v.object({
  token: Token,
  name: Name,
  role: RoleName,
  password: Password,
  tenants: v.optional(Slugs),
})
const Change = v.object({
  token: Token,
  user_id: Uid,
  role: v.optional(RoleName),
  disabled: v.optional(v.boolean()),
  password: v.optional(Password),
})

export function userMethods(box: KeysBox): Handlers<UserCalls> {
  const { accounts, sessions } = box
  return {
    users: (params) => {
      const { token } = parse(WithToken, params)
      const asker = authorize(box, token, 'users')
      const users = accounts.users().filter((user) => isWithin(user, asker))
      return { users: users.map(userView) }
    },
    addUser: async (params) => {
      const { token, name, role, password: plain, tenants } = parse(Add, params)
      const asker = authorize(box, token, 'users')
      const home = asker.home.tenant_id
      const granted = asker.scope.narrow(tenants ?? [home]).map(({ tenant_id }) => tenant_id)
      checkPassword(plain, name)
      const password = await hashPassword(plain)
      authorize(box, token, 'users') // hashing takes a while
      const act = { actor: asker.actor, tenant: asker.home, verb: 'user.added' } as const
      const draft = { tenant_id: granted[0] ?? home, name, role, password, tenants: granted }
      const user = changeAccounts(box, act, (witness) =>
        accounts.addUser(draft, (id) => witness(`user:${id}`)),
      )
      return userView(user)
    },
    changeUser: async (params) => {
      const { token, user_id, role, disabled, password: plain } = parse(Change, params)
      const { name } = mustSee(box, token, user_id).user
      if (plain !== undefined) checkPassword(plain, name)
      const password = plain === undefined ? undefined : await hashPassword(plain)
      const { asker } = mustSee(box, token, user_id)
      const verb = password === undefined ? 'user.changed' : 'user.password'
      const act = {
        actor: asker.actor,
        tenant: asker.home,
        verb,
        subject: `user:${user_id}`,
      } as const
      const change = {
        ...(role !== undefined && { role }),
        ...(disabled !== undefined && { disabled }),
        ...(password !== undefined && { password }),
      }
      const changed = changeAccounts(box, act, (witness) =>
        accounts.changeUser(user_id, change, witness()),
      )
      sessions.endAll(user_id) // D25: a change of role or password ends what was opened under the old one
      return userView(changed)
    },
    removeUser: (params) => {
      const { token, user_id } = parse(v.object({ token: Token, user_id: Uid }), params)
      const { asker } = mustSee(box, token, user_id)
      const act = {
        actor: asker.actor,
        tenant: asker.home,
        verb: 'user.removed',
        subject: `user:${user_id}`,
      } as const
      changeAccounts(box, act, (witness) => {
        const removal = witness()
        accounts.removeUser(user_id, (heads) => {
          removal(heads)
          sessions.endAll(user_id)
        })
      })
      return { removed: true }
    },
  }
}

/**
 * An account outside the asker's scope and one that nobody has are the same, in time too: it is looked for among the
 * asker's own, so that both are the same work.
 */
function mustSee(box: KeysBox, token: string, userId: string): { asker: Asker; user: User } {
  const asker = authorize(box, token, 'users')
  const own = box.accounts.users().filter((each) => isWithin(each, asker))
  const user = own.find(({ user_id }) => user_id === userId)
  if (!user) throw new Failure('not-found', 'There is no such account.')
  return { asker, user }
}

function isWithin(user: User, asker: Asker): boolean {
  const own = new Set(asker.scope.tenants.map(({ tenant_id }) => tenant_id))
  return own.has(user.tenant_id) && user.tenants.every((tenantId) => own.has(tenantId))
}

export function userView(user: User): UserView {
  const { user_id, tenant_id, name, role, tenants, disabled, created, last_login } = user
  return {
    ...{ user_id, tenant_id, name, role, tenants, disabled },
    hasPassword: user.password !== null,
    createdAt: created,
    ...(last_login !== null && { lastLoginAt: last_login }),
  }
}
