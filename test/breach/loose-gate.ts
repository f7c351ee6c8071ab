/** The pages of the story behind a gate that leaves checks out: what controls of the layers `session` and `api` ask. */
import { type Context, Hono } from 'hono'
import { Failure } from '../../agent/base/failure.ts'
import { routeTable } from '../../web/app.ts'
import { readToken } from '../../web/identity/cookie.ts'
import { checkCsrf, csrfToken } from '../../web/identity/csrf.ts'
import { checkHost, checkOrigin } from '../../web/identity/origin.ts'
import { requestScope } from '../../web/identity/scope.ts'
import { readReader } from '../../web/routes/gate.ts'
import { storyClock } from '../browser/story/client.ts'
import type { Story } from '../browser/story.ts'
import type { Layer } from './attempt.ts'

export const METHOD: Layer = { name: 'the method as it was sent', shows: /40[45] / }
export const HOST: Layer = { name: 'names that are ours', shows: /does not answer to that name/ }
export const ORIGIN: Layer = { name: 'the page that a form comes from', shows: /came from another site/ } // biome-ignore format: one line
export const TYPE: Layer = { name: 'one type of form', shows: /one kind of text only/ }
export const SESSION: Layer = { name: 'a session', shows: /Sign in to see this|\/login/ }
export const ROLE: Layer = { name: 'what a role includes', shows: /does not include/ }
export const CSRF: Layer = { name: 'the token of a form', shows: /was made for another login/ }
export const SENTENCE: Layer = {
  name: 'one sentence for all that fails inside',
  shows: /It failed inside/,
}

/** Of everybody who is signed in, the first: whom a gate without a session takes a stranger for. */
const anybody = (story: Story) => [...story.sessions.keys()][0] ?? ''

export function looseApp(story: Story, off: ReadonlySet<string>): Hono {
  const on = ({ name }: Layer) => !off.has(name)
  const app = new Hono()
  for (const route of routeTable(story.ports, true)) {
    const handle = async (c: Context) => {
      if (on(HOST)) checkHost(c.req.header('host'))
      const form = route.method === 'POST' ? await formOf(c, on) : new URLSearchParams()
      if (route.atom === 'nobody')
        return route.handle(c, readReader(c, { clock: storyClock }), form)
      const token = readToken(c, true) ?? (on(SESSION) ? '' : anybody(story))
      if (!token) throw new Failure('unauthorized', 'Sign in to see this.')
      const session = await story.ports.sessions.session({ token })
      if (on(ROLE) && !session.atoms.includes(route.atom))
        throw new Failure('refused', `Your role does not include “${route.atom}”.`)
      if (route.method === 'POST' && on(CSRF)) checkCsrf(token, form.get('csrf'))
      const url = new URL(c.req.url)
      const scope = requestScope(session, route.scope === 'fleet' ? [] : url.searchParams.getAll('scope')) // biome-ignore format: one line
      const view = {
        ...readReader(c, { clock: storyClock }),
        ...{ session, asker: { token, scope }, csrf: csrfToken(token), here: url.pathname },
        ...{ status: story.status, fleet: false, named: [], said: [] },
      }
      return route.handle(c, view, form)
    }
    app.on(route.method, route.path, handle)
    // A gate that believes a header, or a GET, to be what changes something.
    if (route.method === 'POST' && !on(METHOD)) app.on('GET', route.path, handle)
  }
  app.onError((error, c) => {
    const known = error instanceof Failure || on(SENTENCE)
    const said = error instanceof Failure ? error.message : 'It failed inside'
    c.header('x-said', said.replace(/[^ -~]/g, '')) // a HEAD has nothing else
    return c.text(known ? said : String(error.stack), Failure.httpStatus(error) as 500)
  })
  return app
}

async function formOf(c: Context, on: (layer: Layer) => boolean): Promise<URLSearchParams> {
  if (on(ORIGIN)) checkOrigin(c.req.header('origin'), c.req.header('host'))
  const type = c.req.header('content-type') ?? ''
  if (on(TYPE) && !type.startsWith('application/x-www-form-urlencoded'))
    throw new Failure('invalid', 'Forms come as one kind of text only.')
  if (c.req.method !== 'POST') return new URL(c.req.url).searchParams
  const text = await c.req.text()
  if (type.startsWith('multipart/')) return new URLSearchParams(parts(text))
  return new URLSearchParams(text.startsWith('{') ? Object.entries(JSON.parse(text)) : text)
}

function parts(text: string): [string, string][] {
  return [...text.matchAll(/name="(\w+)"\r\n\r\n(.*)\r\n/g)].map(([, name = '', value = '']) => [name, value]) // biome-ignore format: one line
}
