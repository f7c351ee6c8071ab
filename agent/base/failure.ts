/** What the caller may do about a failure. HTTP status, exit code and retry follow from it. */
export type Kind =
  | 'invalid' // the input or usage is wrong: change it and call again
  | 'unauthorized' // who are you?
  | 'refused' // isolation, policy or a signature says no: final
  | 'not-found'
  | 'conflict'
  | 'too-many' // a bound was met: later
  | 'unavailable' // not reachable now: later
  | 'internal' // ours

type About = Readonly<Record<string, string | number>>

const EXIT: Record<Kind, number> = {
  invalid: 2,
  'not-found': 2,
  conflict: 2,
  unauthorized: 3,
  refused: 3,
  'too-many': 4,
  unavailable: 4,
  internal: 1,
}

const STATUS: Record<Kind, number> = {
  invalid: 400,
  unauthorized: 401,
  refused: 403,
  'not-found': 404,
  conflict: 409,
  'too-many': 429,
  unavailable: 503,
  internal: 500,
}

/**
 * A failure that an operator may read. `message` is a full sentence for people, holds no secret and
 * says what to do when we know; `about` holds what to search for in the logs (device, file, rule).
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: Kind
  readonly about: About

  constructor(kind: Kind, message: string, about: About = {}, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
    this.about = about
  }

  /** Anything that is not a Failure is a bug or a broken disk: `internal`. */
  static kindOf(error: unknown): Kind {
    return error instanceof Failure ? error.kind : 'internal'
  }

  static exitCode(error: unknown): number {
    return EXIT[Failure.kindOf(error)]
  }

  static httpStatus(error: unknown): number {
    return STATUS[Failure.kindOf(error)]
  }
}

/** The one sentence of T2: the same words whether such a tenant exists or not. */
export const CROSS_TENANT = 'cross-tenant traversal not permitted'

export function crossTenant(): Failure {
  return new Failure('refused', CROSS_TENANT)
}
