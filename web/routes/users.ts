import * as v from 'valibot'
import { Failure } from '../../agent/base/failure.ts'
import { ROLES } from '../../agent/tenancy/role.ts'
import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { type UserDraft, usersPage } from '../ui/pages/users.ts'
import { listReply } from './reply.ts'
import type { Route } from './table.ts'

const Added = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64)),
  role: v.picklist(ROLES),
  password: v.pipe(
    v.string(),
    v.minLength(12, 'The password needs 12 characters or more.'),
    v.maxLength(256),
  ),
})
const Changed = v.object({
  user_id: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  role: v.picklist(ROLES),
  do: v.picklist(['role', 'enable', 'disable']),
})

export function userRoutes({ users }: Pick<Ports, 'users'>): Route[] {
  const all = async (view: View) => (await users.users({ token: view.asker.token })).users
  return [
    {
      method: 'GET',
      path: '/users',
      atom: 'users',
      handle: async (c, view) =>
        c.html(usersPage(view, await all(view), (c.req.query('q') ?? '').slice(0, 128))),
    },
    {
      method: 'GET',
      path: '/api/users',
      atom: 'users',
      handle: async (c, view) => listReply(c, view, await all(view)),
    },
    {
      method: 'POST',
      path: '/users/add',
      atom: 'users',
      audit: { verb: 'user.added', by: 'keys' },
      handle: async (c, view, form) => {
        const given = v.safeParse(Added, Object.fromEntries(form))
        const draft = { name: form.get('name') ?? '', role: form.get('role') ?? '' }
        const again = async (fault: string) => {
          const filled: UserDraft = { ...draft, fault }
          return c.html(usersPage({ ...view, here: '/users' }, await all(view), '', filled), 400)
        }
        if (!given.success) return again(given.issues[0].message)
        try {
          await users.addUser({ token: view.asker.token, ...given.output })
        } catch (error) {
          const kind = Failure.kindOf(error)
          if (kind !== 'invalid' && kind !== 'conflict') throw error
          return again((error as Failure).message)
        }
        return c.redirect('/users', 303)
      },
    },
    {
      method: 'POST',
      path: '/users/change',
      atom: 'users',
      audit: { verb: 'user.changed', by: 'keys' },
      handle: async (c, view, form) => {
        const given = v.safeParse(Changed, Object.fromEntries(form))
        if (!given.success)
          throw new Failure('invalid', 'That change could not be read. Reload the page.')
        const { user_id, role } = given.output
        const change =
          given.output.do === 'role' ? { role } : { disabled: given.output.do === 'disable' }
        await users.changeUser({ token: view.asker.token, user_id, ...change })
        return c.redirect('/users', 303)
      },
    },
  ]
}
