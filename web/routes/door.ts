/** Signing in and out, the one-time code, the password. The secret never stands in a URL. */
import type { Context } from 'hono'
import { Failure } from '../../agent/base/failure.ts'
import type { Ports } from '../base/ports.ts'
import type { Reader } from '../base/view.ts'
import { ownPath } from '../identity/back.ts'
import { dropToken, readToken, writeToken } from '../identity/cookie.ts'
import { firstPage, loginPage, passwordPage } from '../ui/pages/door.ts'
import type { Route } from './table.ts'

const TEXT_CHARS_MAX = 256
const PASSWORD_CHARS_MIN = 12

interface Needs extends Pick<Ports, 'sessions'> {
  onLoopback: boolean
}

export function doorRoutes(needs: Needs): Route[] {
  return [...loginRoutes(needs), ...firstRoutes(needs), ...passwordRoutes(needs)]
}

function loginRoutes({ sessions, onLoopback }: Needs): Route[] {
  return [
    {
      method: 'GET',
      path: '/login',
      atom: 'nobody',
      handle: (c, reader) => {
        const told = c.req.query('out') !== undefined ? 'You are signed out.' : undefined
        const draft = { name: '', next: ownPath(c.req.query('next'), '/now') }
        return c.html(loginPage(reader, told ? { ...draft, told } : draft))
      },
    },
    {
      method: 'POST',
      path: '/login',
      atom: 'nobody',
      audit: { verb: 'session.login', by: 'keys' },
      handle: async (c, reader, form) => {
        const name = field(form, 'name')
        const next = ownPath(form.get('next'), '/now')
        try {
          const { token, session } = await sessions.login({
            name,
            password: field(form, 'password'),
            source: sourceOf(c),
          })
          await forget(c, sessions, onLoopback)
          writeToken(c, token, onLoopback)
          return c.redirect(session.mustSetPassword ? '/password' : next, 303)
        } catch (error) {
          return refuse(c, error, (fault) => loginPage(reader, { name, next, fault }))
        }
      },
    },
    {
      method: 'POST',
      path: '/logout',
      atom: 'view',
      audit: { verb: 'session.logout', by: 'keys' },
      early: true,
      handle: async (c, view) => {
        await sessions.logout({ token: view.asker.token })
        dropToken(c)
        return c.redirect('/login?out', 303)
      },
    },
  ]
}

function firstRoutes({ sessions, onLoopback }: Needs): Route[] {
  return [
    {
      method: 'GET',
      path: '/first',
      atom: 'nobody',
      handle: (c, reader) => c.html(firstPage(reader)),
    },
    {
      method: 'POST',
      path: '/first',
      atom: 'nobody',
      audit: { verb: 'session.code-used', by: 'keys' },
      handle: async (c, reader, form) => {
        try {
          const { token, session } = await sessions.redeem({
            code: field(form, 'code').trim(),
            source: sourceOf(c),
          })
          await forget(c, sessions, onLoopback)
          writeToken(c, token, onLoopback)
          return c.redirect(session.mustSetPassword ? '/password' : '/now', 303)
        } catch (error) {
          return refuse(c, error, (fault) => firstPage(reader, fault))
        }
      },
    },
  ]
}

function passwordRoutes({ sessions, onLoopback }: Needs): Route[] {
  return [
    {
      method: 'GET',
      path: '/password',
      atom: 'view',
      handle: (c, view) =>
        c.html(
          passwordPage(view, {
            name: view.session.name,
            csrf: view.csrf,
            first: view.session.mustSetPassword,
          }),
        ),
    },
    {
      method: 'POST',
      path: '/password',
      atom: 'view',
      audit: { verb: 'user.password', by: 'keys' },
      early: true,
      handle: async (c, view, form) => {
        const first = view.session.mustSetPassword
        const page = (fault: string) =>
          passwordPage(view, { name: view.session.name, csrf: view.csrf, first, fault })
        const next = field(form, 'next')
        if (next.length < PASSWORD_CHARS_MIN)
          return c.html(page(`The password needs ${PASSWORD_CHARS_MIN} characters or more.`), 400)
        if (next !== field(form, 'again')) return c.html(page('The two are not the same.'), 400)
        try {
          const current = first ? {} : { current: field(form, 'current') }
          const { token } = await sessions.setPassword({
            token: view.asker.token,
            next,
            ...current,
          })
          writeToken(c, token, onLoopback)
          return c.redirect(first ? '/now' : '/settings', 303)
        } catch (error) {
          return refuse(c, error, page)
        }
      },
    },
  ]
}

/** A wrong password or code is told on the form; anything else is trouble of another kind. */
function refuse(c: Context, error: unknown, page: (fault: string) => ReturnType<typeof loginPage>) {
  const kind = Failure.kindOf(error)
  if (kind === 'internal' || kind === 'unavailable') throw error
  const status = kind === 'too-many' ? 429 : kind === 'invalid' ? 400 : 401
  return c.html(page((error as Failure).message), status)
}

/** The session that the browser had before ends: nobody stays signed in behind a new login. */
async function forget(c: Context, sessions: Needs['sessions'], onLoopback: boolean): Promise<void> {
  const old = readToken(c, onLoopback)
  if (old) await sessions.logout({ token: old }).catch(() => undefined)
}

function field(form: URLSearchParams, name: string): string {
  return (form.get(name) ?? '').slice(0, TEXT_CHARS_MAX)
}

function sourceOf(c: Context): string {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined
  return env?.incoming?.socket?.remoteAddress ?? 'unknown'
}

export type { Reader }
