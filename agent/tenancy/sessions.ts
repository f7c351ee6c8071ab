/**
 * Sessions (D25): a 256-bit random token, stored only as its hash, new at every login and elevation, idle
 * 30 minutes, at most 12 hours. Role and grants are read at each use, so a change counts at once.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { newUid } from '../base/ids.ts'
import type { SealedDb } from './sealed-db.ts'

export const IDLE_US = 30 * 60_000_000
export const ABSOLUTE_US = 12 * 3_600_000_000
const TOKEN = /^[\w-]{43}$/
const PER_USER_MAX = 20
/** `seen` reaches the disk this often; a crash can shorten an idle time by as much, never lengthen it. */
const PERSIST_US = 60_000_000

export interface Session {
  session_id: string
  tenant_id: string
  user_id: string
  started: number
  seen: number
  /** Opened by a one-time login: may set a password without naming the old one. */
  by_code: boolean
}

interface Row extends Omit<Session, 'by_code'> {
  token_hash: string
  by_code: number
}

export class Sessions {
  readonly #db: SealedDb
  readonly #clock: Clock
  /** Last use, newer than what is on disk. */
  readonly #seen = new Map<string, number>()
  #onEnd: ((session_id: string) => void) | undefined

  constructor(db: SealedDb, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  /** The token is in the answer and nowhere else. */
  open(
    user: { user_id: string; tenant_id: string },
    byCode: boolean,
  ): { token: string; session: Session } {
    this.#prune(user.user_id)
    const token = randomBytes(32).toString('base64url')
    const now = this.#clock.nowUs()
    const session = {
      session_id: newUid(),
      tenant_id: user.tenant_id,
      user_id: user.user_id,
      started: now,
      seen: now,
      by_code: byCode,
    }
    this.#db
      .prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(hash(token), session.session_id, user.tenant_id, user.user_id, now, now, byCode ? 1 : 0)
    return { token, session }
  }

  /** The live session of a token, or nothing. `touch` counts this as use. */
  find(token: string, touch = true): Session | undefined {
    if (!TOKEN.test(token)) return undefined
    const key = hash(token)
    const row = this.#db.prepare('SELECT * FROM sessions WHERE token_hash = ?').get(key) as
      | Row
      | undefined
    if (!row) return undefined
    const now = this.#clock.nowUs()
    const seen = Math.max(row.seen, this.#seen.get(key) ?? 0)
    // A clock set back must not give a session a longer life.
    if (now - seen > IDLE_US || now - row.started > ABSOLUTE_US || now < row.started) {
      this.#remove(key)
      return undefined
    }
    if (touch) this.#touch(row, key, now)
    const { session_id, tenant_id, user_id, started, by_code } = row
    return {
      session_id,
      tenant_id,
      user_id,
      started,
      seen: touch ? now : seen,
      by_code: by_code === 1,
    }
  }

  end(token: string): boolean {
    return this.#remove(hash(token))
  }

  /** After a change of role or password, or a removal: every session of the account. */
  endAll(userId: string): void {
    const keys = this.#db.prepare('SELECT token_hash FROM sessions WHERE user_id = ?').pluck()
    for (const key of keys.all(userId) as string[]) this.#remove(key)
  }

  /** Told the id of each session that ended, however it did. */
  onEnd(listener: (session_id: string) => void): void {
    this.#onEnd = listener
  }

  #touch(row: Row, key: string, now: number): void {
    this.#seen.set(key, now)
    if (now - row.seen < PERSIST_US) return
    this.#db.prepare('UPDATE sessions SET seen = ? WHERE token_hash = ?').run(now, key)
  }

  #remove(key: string): boolean {
    this.#seen.delete(key)
    const ended = this.#db
      .prepare('DELETE FROM sessions WHERE token_hash = ? RETURNING session_id')
      .pluck()
      .get(key) as string | undefined
    if (ended === undefined) return false
    this.#onEnd?.(ended)
    return true
  }

  /** Ended sessions go, and the oldest of an account that opens more than it may have. */
  #prune(userId: string): void {
    const now = this.#clock.nowUs()
    const ended = this.#db
      .prepare('SELECT token_hash FROM sessions WHERE started < ? OR seen < ?')
      .pluck()
      .all(now - ABSOLUTE_US, now - IDLE_US - PERSIST_US) as string[]
    const own = this.#db
      .prepare('SELECT token_hash FROM sessions WHERE user_id = ? ORDER BY started')
      .pluck()
      .all(userId) as string[]
    const over = own.slice(0, Math.max(0, own.length - PER_USER_MAX + 1))
    for (const key of [...ended, ...over]) this.#remove(key)
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
