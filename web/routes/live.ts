/**
 * What changes, as server-sent events. The session is asked again before each event (D25): a stream
 * outlives neither its session nor its scope. The events say that something changed; the rows
 * themselves are read again by the page, through the same checks as ever.
 */
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { Failure } from '../../agent/base/failure.ts'
import type { LiveEvent, Ports, SessionView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import type { Route } from './table.ts'

const STREAMS_MAX = 64
const STREAMS_EACH_MAX = 8
const WAITING_MAX = 256 // events behind; a slow page reads the list again anyway
const BEAT_MS = 15_000

export function liveRoutes(ports: Pick<Ports, 'sessions' | 'live'>, beatMs = BEAT_MS): Route[] {
  const open = new Map<string, number>()
  return [
    {
      method: 'GET',
      path: '/live',
      atom: 'view',
      handle: (c, view) => {
        const { session_id } = view.session
        const mine = open.get(session_id) ?? 0
        const all = [...open.values()].reduce((a, b) => a + b, 0)
        if (mine >= STREAMS_EACH_MAX || all >= STREAMS_MAX)
          throw new Failure('too-many', 'Too many pages are open. Close one, and this one goes on.')
        open.set(session_id, mine + 1)
        return stream(c, view, ports, beatMs, () => {
          const left = (open.get(session_id) ?? 1) - 1
          if (left > 0) open.set(session_id, left)
          else open.delete(session_id)
        })
      },
    },
  ]
}

function stream(
  c: Context,
  view: View,
  { sessions, live }: Pick<Ports, 'sessions' | 'live'>,
  beatMs: number,
  done: () => void,
): Response {
  c.header('x-accel-buffering', 'no')
  return streamSSE(c, async (sse) => {
    const waiting: LiveEvent[] = []
    let wake = () => {}
    const stop = live.listen((event) => {
      if (!inScope(event, view)) return
      if (event.kind === 'status' || event.kind === 'fleet') drop(waiting, event.kind) // only the newest matters
      if (waiting.length < WAITING_MAX) waiting.push(event)
      wake()
    })
    const beat = setInterval(() => wake(), beatMs)
    sse.onAbort(() => wake())
    try {
      await sse.writeSSE({ event: 'open', data: '{}' })
      let said = ''
      while (!sse.aborted && !sse.closed) {
        const event = waiting.shift()
        if (!event) {
          await new Promise<void>((resume) => {
            wake = resume
          })
          if (waiting.length > 0 || sse.aborted) continue
        }
        if (!(await stillGood(sessions, view))) {
          await sse.writeSSE({ event: 'end', data: '{}' })
          return
        }
        const data = event ? JSON.stringify(toldOf(event)) : '{}'
        if (event?.kind === 'status') {
          if (data === said) continue
          said = data
        }
        await sse.writeSSE({ event: event?.kind ?? 'beat', data })
      }
    } finally {
      clearInterval(beat)
      stop()
      done()
    }
  })
}

function drop(waiting: LiveEvent[], kind: LiveEvent['kind']): void {
  const at = waiting.findIndex((each) => each.kind === kind)
  if (at >= 0) waiting.splice(at, 1)
}

function inScope(event: LiveEvent, view: View): boolean {
  const { scope } = view.asker
  if (event.kind === 'status') return scope.includes(event.status.tenant_id)
  if (event.kind === 'finding') return scope.includes(event.row.tenant_id)
  if (event.kind === 'fleet') return event.concerns(view.asker.token)
  return view.session.tenants.some(
    (each) => each.tenant_uid === event.action.tenant_uid && scope.includes(each.tenant_id),
  )
}

/** The same person, role and tenants as when the stream began; asked without keeping it alive. */
async function stillGood(sessions: Ports['sessions'], view: View): Promise<boolean> {
  try {
    const now = await sessions.session({ token: view.asker.token, touch: false })
    return sameReach(now, view.session)
  } catch {
    return false
  }
}

function sameReach(a: SessionView, b: SessionView): boolean {
  const reach = (each: SessionView) => JSON.stringify([each.user_id, each.role, each.tenants])
  return reach(a) === reach(b)
}

/** Enough to show that something changed; no row leaves by this door. */
function toldOf(event: LiveEvent): object {
  switch (event.kind) {
    case 'status': {
      const { state, sentence, basis, openFindings, waitingActions } = event.status
      return { state, sentence, basis, openFindings, waitingActions }
    }
    case 'finding':
      return { id: event.row.event_id, severity: event.row.severity }
    case 'action':
      return { id: event.action.action_id, state: event.action.state }
    case 'fleet':
      return {} // not even which site
  }
}
