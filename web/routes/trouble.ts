/** One place turns a failure into a reply: JSON for the API, a page with the next step for people. */
import type { Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { Failure } from '../../agent/base/failure.ts'
import type { Log } from '../../agent/base/log.ts'
import type { View } from '../base/view.ts'
import { layout } from '../ui/layout.ts'
import { troublePage, troubleWords } from '../ui/pages/door.ts'
import { card, note } from '../ui/parts.ts'
import { type Gate, readReader } from './gate.ts'
import type { Route } from './table.ts'

const INSIDE = 'It failed inside; the log of picket-web has the cause.'

export function troubles(app: Hono, routes: readonly Route[], gate: Gate, log: Log): void {
  app.onError((error, c) => {
    if (!(error instanceof Failure))
      log.error({ path: c.req.path, error: String(error.stack ?? error) }, 'web.failed')
    return reply(c, error, gate)
  })
  app.notFound((c) => {
    const known = routes.filter(({ path }) => path === c.req.path)
    if (known.length > 0 && !known.some(({ method }) => method === c.req.method)) {
      c.header('allow', known.map(({ method }) => method).join(', '))
      return reply(c, new Failure('invalid', 'That address does not take this method.'), gate, 405)
    }
    return reply(c, new Failure('not-found', 'This address leads nowhere, or not for you.'), gate)
  })
}

function reply(
  c: Context,
  error: Error,
  gate: Gate,
  asked?: ContentfulStatusCode,
): Response | Promise<Response> {
  const status = asked ?? (Failure.httpStatus(error) as ContentfulStatusCode)
  const message = error instanceof Failure ? error.message : INSIDE
  if (c.req.path.startsWith('/api/') || c.req.path === '/live')
    return c.json({ error: { kind: Failure.kindOf(error), message } }, status)
  if (status === 401 && c.req.method === 'GET') return c.redirect(doorFor(c, error), 303)
  const view = c.get('view') as View | undefined
  if (!view) return c.html(troublePage(readReader(c, gate), { status, message }), status)
  const { kind, heading, next } = troubleWords(status)
  return c.html(
    layout(view, {
      tab: '',
      title: heading,
      sentence: heading,
      basis: `Answer ${status} to ${c.req.method} ${c.req.path}`,
      body: card('What happened', '', note(kind, message, next)),
    }),
    status,
  )
}

function doorFor(c: Context, error: Error): string {
  const next = error instanceof Failure ? error.about.next : undefined
  if (typeof next === 'string') return next
  const { pathname, search } = new URL(c.req.url)
  return pathname === '/' ? '/login' : `/login?next=${encodeURIComponent(pathname + search)}`
}
