/**
 * Claims of a primary (D21): who brings the code within ten minutes joins as the named tenant, or as any where
 * none is named. Kept is what scrypt makes of the code. Five wrong tries end a code; asking never says which.
 */
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { SealedDb } from './sealed-db.ts'

export const CLAIM_LIFE_US = 600_000_000
export const CLAIM_TRIES_MAX = 5
const LIVE_MAX = 64

export interface Claim {
  claim_id: string
  /** The primary's tenant. */
  tenant_id: string
  code_key: Buffer
  /** The only tenant it is for. */
  wanted: string | null
  /** What the primary calls that site. */
  site: string | null
  ends: number
  tries_left: number
}

export class Claims {
  readonly #db: SealedDb
  readonly #clock: Clock

  constructor(db: SealedDb, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  make(draft: Pick<Claim, 'tenant_id' | 'code_key' | 'wanted' | 'site'>): Claim {
    if (this.live(draft.tenant_id).length >= LIVE_MAX)
      throw new Failure('too-many', `${LIVE_MAX} claims wait already; they end within ten minutes.`)
    const claim = {
      ...draft,
      claim_id: newUid(),
      ends: this.#clock.nowUs() + CLAIM_LIFE_US,
      tries_left: CLAIM_TRIES_MAX,
    }
    this.#db
      .prepare(
        'INSERT INTO claims VALUES (@claim_id, @tenant_id, @code_key, @wanted, @site, @ends, @tries_left)',
      )
      .run(claim)
    return claim
  }

  /** Those that still count; a clock set back makes none live longer than its ten minutes from now. */
  live(owner: string): Claim[] {
    const now = this.#clock.nowUs()
    this.#db
      .prepare('DELETE FROM claims WHERE ends < ? OR ends > ? OR tries_left < 1')
      .run(now, now + CLAIM_LIFE_US)
    return this.#db
      .prepare('SELECT * FROM claims WHERE tenant_id = ? ORDER BY ends')
      .all(owner) as Claim[]
  }

  /** The live claim that `fits`, for that tenant. Where none does, each that could have loses a try. */
  find(owner: string, tenantId: string, fits: (codeKey: Buffer) => boolean): Claim | undefined {
    const able = this.live(owner).filter(({ wanted }) => wanted === null || wanted === tenantId)
    const found = able.filter(({ code_key }) => fits(code_key)) // all are tried: time says nothing
    if (found[0]) return found[0]
    for (const claim of able) this.failed(claim)
    return undefined
  }

  failed({ claim_id }: Claim): void {
    this.#db
      .prepare('UPDATE claims SET tries_left = tries_left - 1 WHERE claim_id = ?')
      .run(claim_id)
  }

  /** Uses it up; false when somebody else just did. */
  take({ claim_id }: Claim): boolean {
    return this.#db.prepare('DELETE FROM claims WHERE claim_id = ?').run(claim_id).changes > 0
  }
}
