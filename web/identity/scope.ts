import { crossTenant, Failure } from '../../agent/base/failure.ts'
import { SLUG } from '../../agent/base/ids.ts'
import type { SessionView } from '../base/ports.ts'

const NAMED_MAX = 1000

/**
 * The tenants that a request asks about: those it names, all of the session's when it names none.
 * One outside refuses the whole, in the same words whether it exists or not. picket-keys decides
 * again; here it is so that no page is begun.
 */
export function requestScope(session: SessionView, asked: readonly string[]): string[] {
  const own = session.tenants.map(({ tenant_id }) => tenant_id)
  const named = namedScope(asked)
  if (named.length === 0) return own
  if (named.some((each) => !own.includes(each))) throw crossTenant()
  return own.filter((each) => named.includes(each))
}

/** What a request names, each once, still to be held against what the session sees. What is no slug is nobody's. */
export function namedScope(asked: readonly string[]): string[] {
  const named = asked.flatMap((each) => each.split(',')).filter((each) => each !== '')
  if (named.length > NAMED_MAX)
    throw new Failure('invalid', `A scope names at most ${NAMED_MAX} tenants.`)
  if (named.some((each) => !SLUG.test(each))) throw crossTenant()
  return [...new Set(named)]
}
