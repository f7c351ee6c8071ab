/** One-time logins: the box's own operator asks for a code; whoever brings it within the hour is admin. Once. */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { newTypedCode, readTypedCode } from '../base/typed-code.ts'
import type { SealedDb } from './sealed-db.ts'

const LIFE_US = 3_600_000_000
const LIVE_MAX = 8 // the oldest unused one makes room
const CODE_BYTES = 20

export class LoginCodes {
  readonly #db: SealedDb
  readonly #clock: Clock

  constructor(db: SealedDb, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  /** 160 random bits in base64url: it may stand in an address that is opened once. */
  make(tenantId: string): { code: string; expiresAt: number } {
    return this.#keep(tenantId, randomBytes(CODE_BYTES).toString('base64url'))
  }

  /** 60 bits, to be read from the box's own screen and typed; guessing is bounded by the attempts of a source. */
  makeTyped(tenantId: string): { code: string; expiresAt: number } {
    return this.#keep(tenantId, newTypedCode())
  }

  /** Whether it would still open, without using it up. */
  isLive(code: string): boolean {
    const row = this.#db
      .prepare('SELECT ends FROM login_codes WHERE code_hash = ?')
      .get(digest(code)) as { ends: number } | undefined
    return row !== undefined && row.ends >= this.#clock.nowUs()
  }

  #keep(tenantId: string, code: string): { code: string; expiresAt: number } {
    const now = this.#clock.nowUs()
    this.#db.prepare('DELETE FROM login_codes WHERE ends < ?').run(now)
    this.#db
      .prepare(
        'DELETE FROM login_codes WHERE code_hash NOT IN (SELECT code_hash FROM login_codes ORDER BY ends DESC LIMIT ?)',
      )
      .run(LIVE_MAX - 1)
    const expiresAt = now + LIFE_US
    this.#db
      .prepare('INSERT INTO login_codes VALUES (?, ?, ?)')
      .run(digest(code), tenantId, expiresAt)
    return { code, expiresAt }
  }

  /** The tenant of a live code, which is used up by asking; nothing for any other. */
  take(code: string): string | undefined {
    const row = this.#db
      .prepare('DELETE FROM login_codes WHERE code_hash = ? RETURNING tenant_id, ends')
      .get(digest(code)) as { tenant_id: string; ends: number } | undefined
    return row && row.ends >= this.#clock.nowUs() ? row.tenant_id : undefined
  }
}

function digest(code: string): string {
  return createHash('sha256')
    .update(readTypedCode(code) ?? code)
    .digest('hex')
}
