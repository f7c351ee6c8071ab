import { createHash, timingSafeEqual } from 'node:crypto'
import { Failure } from '../../agent/base/failure.ts'

/** One token a session, derived from the session's own: nothing to store, gone when it ends. */
export function csrfToken(token: string): string {
  return createHash('sha256').update(`picket csrf ${token}`).digest('base64url')
}

export function checkCsrf(token: string, given: unknown): void {
  const wanted = Buffer.from(csrfToken(token))
  const got = Buffer.from(typeof given === 'string' ? given : '')
  if (got.length === wanted.length && timingSafeEqual(got, wanted)) return
  throw new Failure(
    'refused',
    'The form was made for another login, so nothing was done. Reload the page and try again.',
  )
}
