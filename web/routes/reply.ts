/** Small things that several routes do in the same way. */
import type { Context } from 'hono'
import { Failure } from '../../agent/base/failure.ts'
import { type Asked, parseAsked, withQuery } from '../base/filter.ts'
import type { Position } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { ownPath } from '../identity/back.ts'
import { openPosition, sealPosition } from '../identity/position.ts'
import type { Part } from '../ui/pages/now.ts'

export function askedOf(
  c: Context,
  view: View,
  usual: { range: Asked['range']; limit: number },
): Asked {
  return parseAsked(c.req.query(), view.zone.nowUs, usual)
}

/** The filter with its cursor opened: for the list that made it, this login and this scope only. */
export function filterOf(view: View, list: string, asked: Asked): Asked['filter'] {
  return asked.after
    ? { ...asked.filter, after: openPosition(view.asker, list, asked.after) }
    : asked.filter
}

export function nextOf(view: View, list: string, next: Position | undefined): string | undefined {
  return next && sealPosition(view.asker, list, next)
}

/** A list as the API gives it: the scope that was used, the rows, and where to go on. */
export function listReply<T>(
  c: Context,
  view: View,
  rows: readonly T[],
  next?: string,
  gaps: readonly string[] = [],
): Response {
  return c.json({
    scope: view.asker.scope,
    rows,
    next: next ?? null,
    ...(gaps.length > 0 ? { gaps } : {}),
  })
}

/** One page of a list that is held in memory, newest first. */
export function pageOf<T>(
  all: readonly T[],
  filter: Asked['filter'],
  place: (item: T) => Position,
): { rows: T[]; next?: Position } {
  const { after, limit } = filter
  const sorted = [...all].sort((a, b) => compare(place(b), place(a)))
  const rest = after ? sorted.filter((item) => compare(place(item), after) < 0) : sorted
  const rows = rest.slice(0, limit)
  const last = rows.at(-1)
  return rest.length > limit && last !== undefined ? { rows, next: place(last) } : { rows }
}

function compare(a: Position, b: Position): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** A part of a page that may fail without the page: except when the session itself has ended. */
export async function part<T>(wanted: Promise<T>): Promise<Part<T>> {
  try {
    return { value: await wanted }
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === 'unauthorized') throw error
    return { fault: error.message }
  }
}

/** After a form: back to where it was pressed, saying which actions it was about. */
export function backTo(
  c: Context,
  form: URLSearchParams,
  fallback: string,
  said: readonly string[] = [],
): Response {
  return c.redirect(
    withQuery(ownPath(form.get('back'), fallback), { said: said.join(',') || undefined }),
    303,
  )
}
