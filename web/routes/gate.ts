/** What stands before each route: host, origin, body, session, scope, atom, CSRF, audit; in this order. */
import type { Context, Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import type { Clock } from '../../agent/base/clock.ts'
import { CROSS_TENANT, Failure } from '../../agent/base/failure.ts'
import type { Ports, SessionView, SiteStatus } from '../base/ports.ts'
import { type Reader, THEMES, type Theme, type View } from '../base/view.ts'
import { parseZone, Zone } from '../base/zone.ts'
import { dropToken, readToken } from '../identity/cookie.ts'
import { checkCsrf, csrfToken } from '../identity/csrf.ts'
import { checkHost, checkOrigin } from '../identity/origin.ts'
import { namedScope, requestScope } from '../identity/scope.ts'
import type { ActRoute, ReadRoute, Route } from './table.ts'

const FORM_BYTES_MAX = 64 << 10
const SAID_MAX = 20
const FORM_TYPE = 'application/x-www-form-urlencoded'

export interface Gate {
  ports: Pick<Ports, 'sessions' | 'audit' | 'site' | 'fleet'>
  clock: Clock
  /** True where this process listens on loopback only. */
  onLoopback: boolean
  /** Names beside addresses and this machine's own that a browser may use. */
  ownNames?: readonly string[]
}

export function mount(app: Hono, routes: readonly Route[], gate: Gate): void {
  for (const route of routes)
    app.on(route.method, route.path, async (c) => {
      checkHost(c.req.header('host'), gate.ownNames)
      const form = route.method === 'POST' ? await readForm(c) : new URLSearchParams()
      if (route.atom === 'nobody') return route.handle(c, readReader(c, gate), form)
      const view = await admit(c, gate, route)
      if (!view.session.atoms.includes(route.atom)) throw notYours(view, route.atom)
      if (route.method === 'GET') return route.handle(c, view)
      checkCsrf(view.asker.token, form.get('csrf'))
      return act(route, c, view, form, gate)
    })
}

/** A line that picket-keys does not write by itself is written first: no line, no act. */
async function act(
  route: ActRoute,
  c: Context,
  view: View,
  form: URLSearchParams,
  gate: Gate,
): Promise<Response> {
  if (route.audit.by === 'keys') return route.handle(c, view, form)
  const { verb } = route.audit
  const line = { token: view.asker.token, verb, subject: 'this box' }
  await gate.ports.audit.audit({ ...line, outcome: 'intent' })
  try {
    const answer = await route.handle(c, view, form)
    await gate.ports.audit.audit({ ...line, outcome: 'done' })
    return answer
  } catch (error) {
    await gate.ports.audit.audit({ ...line, outcome: 'failed' })
    throw error
  }
}

/** Only forms, only from our own pages, only small. */
async function readForm(c: Context): Promise<URLSearchParams> {
  checkOrigin(c.req.header('origin'), c.req.header('host'))
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== FORM_TYPE) throw new Failure('invalid', 'Forms come as one kind of text only.')
  const length = Number(c.req.header('content-length') ?? 0)
  if (length > FORM_BYTES_MAX) throw tooBig()
  return new URLSearchParams(await bounded(c))
}

/** Reads at most the bound, whatever the headers say. */
async function bounded(c: Context): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.byteLength
    if (size > FORM_BYTES_MAX) throw tooBig()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooBig(): Failure {
  return new Failure('too-many', `A form may hold ${FORM_BYTES_MAX / 1024} KB.`)
}

export function readReader(c: Context, gate: Pick<Gate, 'clock'>): Reader {
  const zone = getCookie(c, 'picket-zone')
  const theme = getCookie(c, 'picket-theme')
  return {
    zone: new Zone(parseZone(zone), gate.clock.nowUs()),
    zoneKnown: zone !== undefined,
    theme: THEMES.includes(theme as Theme) ? (theme as Theme) : 'auto',
  }
}

async function admit(c: Context, gate: Gate, route: ReadRoute | ActRoute): Promise<View> {
  const early = 'early' in route || route.path === '/password'
  const token = readToken(c, gate.onLoopback)
  if (!token) throw new Failure('unauthorized', 'Sign in to see this.')
  const session = await openSession(c, gate, token)
  if (session.mustSetPassword && !early)
    throw new Failure('unauthorized', 'Choose your password first.', { next: '/password' })
  const url = new URL(c.req.url)
  const asked = url.searchParams.getAll('scope')
  const ofFleet = route.scope === 'fleet'
  const scope = requestScope(session, ofFleet ? [] : asked)
  const said = (url.searchParams.get('said') ?? '').split(',').filter((each) => each !== '')
  url.searchParams.delete('said')
  const view = {
    ...readReader(c, gate),
    session,
    asker: { token, scope },
    csrf: csrfToken(token),
    here: `${url.pathname}${url.search}`,
    status: await statusFor(gate, scope),
    fleet: await gate.ports.fleet.on(token),
    named: ofFleet ? namedScope(asked) : [],
    said: said.slice(0, SAID_MAX),
  }
  c.set('view', view)
  return view
}

async function openSession(c: Context, gate: Gate, token: string): Promise<SessionView> {
  try {
    return await gate.ports.sessions.session({ token })
  } catch (error) {
    if (Failure.kindOf(error) === 'unauthorized') dropToken(c)
    throw error
  }
}

/** The site's own status, to those who may see its tenant; a silent agent is no reason to fail a page. */
async function statusFor(gate: Gate, scope: readonly string[]): Promise<SiteStatus | undefined> {
  try {
    const status = await gate.ports.site.status()
    return scope.includes(status.tenant_id) ? status : undefined
  } catch {
    return undefined
  }
}

function notYours(view: View, atom: string): Failure {
  return new Failure('refused', `Your role, ${view.session.role}, does not include “${atom}”.`, {
    atom,
  })
}

export function isCrossTenant(error: unknown): boolean {
  return error instanceof Failure && error.message === CROSS_TENANT
}
