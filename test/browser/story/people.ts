/** Who may sign in, who did what, and the ports of both. */
import { Failure } from '../../../agent/base/failure.ts'
import type { AuditItem, SessionView, UserView } from '../../../agent/control/keys-client.ts'
import type { Role } from '../../../agent/tenancy/role.ts'
import type { Ports } from '../../../web/base/ports.ts'
import type { Story } from '../story.ts'
import { CODE, DAY, HOUR, idOf, MIN, NOW_US, PASSWORD, TENANT } from './scene.ts'

const AUDIT: readonly [number, string, string, AuditItem['outcome']][] = [
  [4, 'session.login', 'thandi signed in.', 'done'],
  [6, 'lake.view', 'thandi looked at findings.', 'done'],
  [220, 'action.approve', `sipho approved action ${idOf(5003)}.`, 'done'],
  [221, 'action.approve', `sipho asked to approve action ${idOf(5003)}.`, 'intent'],
  [260, 'session.refused', 'Somebody was refused: wrong name or password.', 'refused'],
  [2871, 'action.undo', `thandi undid action ${idOf(5004)}.`, 'done'],
  [4300, 'rules.loaded', 'thandi loaded the rules again.', 'done'],
  [4400, 'user.added', 'thandi added account sipho.', 'done'],
]

function audit(): AuditItem[] {
  return AUDIT.map(([minutes, verb, sentence, outcome], i) => ({
    seq: 4120 - i,
    at: new Date((NOW_US - minutes * MIN) / 1000).toISOString(),
    sentence,
    verb,
    outcome,
    tenant_id: TENANT.tenant_id,
    actor: sentence.split(' ')[0] ?? '',
    subject: /action (\S+?)\.?$/.exec(sentence)?.[1] ?? '',
    hash: (4120 - i).toString(16).padStart(64, '7'),
  }))
}

const user = (name: string, role: Role, more: Partial<UserView> = {}): UserView => ({
  user_id: `u-${name}`,
  tenant_id: TENANT.tenant_id,
  name,
  role,
  tenants: [TENANT.tenant_id],
  disabled: false,
  hasPassword: true,
  createdAt: NOW_US - 90 * DAY,
  lastLoginAt: NOW_US - 4 * MIN,
  ...more,
})

export function sessionOf(story: Story, token: string): SessionView {
  const found = story.sessions.get(token)
  if (found) return found
  throw new Failure('unauthorized', 'The session has ended. Sign in again.')
}

export function peoplePorts(story: Story): Pick<Ports, 'sessions' | 'users' | 'audit'> {
  const users = [
    user('thandi', 'admin'),
    user('sipho', 'operator', { lastLoginAt: NOW_US - 3.6 * HOUR }),
    user('lerato', 'viewer', { lastLoginAt: NOW_US - 9 * DAY }),
    user('contractor', 'viewer', {
      disabled: true,
      hasPassword: false,
      lastLoginAt: NOW_US - 60 * DAY,
    }),
  ]
  const answer = (token: string) => ({ token, session: sessionOf(story, token) })
  return {
    sessions: {
      login: async ({ name, password }) => {
        const found = users.find((each) => each.name === name && !each.disabled)
        if (!found || password !== PASSWORD)
          throw new Failure('unauthorized', 'Name or password is wrong.')
        return answer(story.enter(name, found.role))
      },
      redeem: async ({ code }) => {
        if (code !== CODE) throw new Failure('unauthorized', 'That code is wrong, used or over.')
        return answer(story.enter('thandi', 'admin', { mustSetPassword: true }))
      },
      session: async ({ token }) => sessionOf(story, token),
      logout: async ({ token }) => ({ ended: story.sessions.delete(token) }),
      setPassword: async ({ token }) => {
        const { name, role } = sessionOf(story, token)
        story.sessions.delete(token)
        return answer(story.enter(name, role))
      },
    },
    users: {
      users: async () => ({ users }),
      addUser: async ({ name, role }) => {
        if (users.some((each) => each.name === name))
          throw new Failure('conflict', `There is a ${name} already.`)
        const made = user(name, role, { hasPassword: true })
        delete made.lastLoginAt
        users.push(made)
        return made
      },
      changeUser: async ({ user_id, role, disabled }) => {
        const found = users.find((each) => each.user_id === user_id)
        if (!found) throw new Failure('not-found', 'There is no such account.')
        if (role) found.role = role
        if (disabled !== undefined) found.disabled = disabled
        return found
      },
      removeUser: async () => ({ removed: false }),
    },
    audit: {
      audit: async ({ verb, outcome }) => {
        story.audited.push(`${verb} ${outcome}`)
        return { seq: 1 }
      },
      auditList: async ({ limit = 100, before = Number.MAX_SAFE_INTEGER }) => {
        const older = audit().filter(({ seq }) => seq < before)
        const items = older.slice(0, limit)
        const last = items.at(-1)
        return {
          items,
          numbered: true,
          intact: true,
          ...(older.length > limit && last ? { before: last.seq } : {}),
        }
      },
    },
  }
}
