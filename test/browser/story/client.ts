/** The real app over the story, and somebody who asks it without a browser. */
import type { Hono } from 'hono'
import { silentLog } from '../../../agent/base/log.ts'
import type { Role } from '../../../agent/tenancy/role.ts'
import { createApp } from '../../../web/app.ts'
import type { SessionView } from '../../../web/base/ports.ts'
import { csrfToken } from '../../../web/identity/csrf.ts'
import { createStory, type Story } from '../story.ts'
import { NOW_US } from './scene.ts'

const HOST = '127.0.0.1:8443'

export const storyClock = { nowUs: () => NOW_US, steadyMs: () => performance.now() }

export function storyApp(story: Story): Hono {
  return createApp(story.ports, { clock: storyClock, log: silentLog, onLoopback: true })
}

type Headers = Readonly<Record<string, string>>

export interface Client {
  story: Story
  token: string
  get(path: string, headers?: Headers): Promise<Response>
  /** As our own page would send it, token and origin included; `undefined` leaves a field out, a list repeats it. */
  post(
    path: string,
    fields?: Readonly<Record<string, string | readonly string[] | undefined>>,
    headers?: Headers,
  ): Promise<Response>
}

/** Somebody with a session; without a role, somebody without one. */
export function client(
  role?: Role,
  more: Partial<SessionView> = {},
  story: Story = createStory(),
): Client {
  const app = storyApp(story)
  const token = role ? story.enter('thandi', role, more) : ''
  const own: Headers = token ? { cookie: `__Host-picket=${token}` } : {}
  const request = (path: string, init: RequestInit) =>
    Promise.resolve(app.request(`http://${HOST}${path}`, init))
  return {
    story,
    token,
    get: (path, headers) => request(path, { headers: { host: HOST, ...own, ...headers } }),
    post: (path, fields = {}, headers) => {
      const given = Object.entries({ csrf: csrfToken(token), ...fields })
      const body = new URLSearchParams(
        given.flatMap(([name, value]) => [value ?? []].flat().map((each) => [name, each])),
      )
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const origin = `http://${HOST}`
      return request(path, {
        method: 'POST',
        headers: { host: HOST, origin, ...form, ...own, ...headers },
        body: body.toString(),
      })
    },
  }
}
