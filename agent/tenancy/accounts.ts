/** Tenants, local accounts and their grants in platform.db. Every change advances the signed heads it touches. */
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { Heads, HeadText, Witness } from './heads.ts'
import type { Role } from './role.ts'
import type { SealedDb } from './sealed-db.ts'
import type { Tenant } from './tenant.ts'

export const USERS_MAX = 1000
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u

export interface User {
  user_id: string
  tenant_id: string
  name: string
  role: Role
  /** PHC string; null until the first password is set. */
  password: string | null
  disabled: boolean
  created: number
  last_login: number | null
  /** tenant_ids of its grants. */
  tenants: string[]
}

export interface AccountsOptions {
  db: SealedDb
  clock: Clock
  heads: Heads
}

export class Accounts {
  readonly #db: SealedDb
  readonly #clock: Clock
  readonly #heads: Heads

  constructor({ db, clock, heads }: AccountsOptions) {
    this.#db = db
    this.#clock = clock
    this.#heads = heads
  }

  tenants(): Tenant[] {
    return this.#db.prepare('SELECT * FROM tenants ORDER BY created, tenant_id').all() as Tenant[]
  }

  /** The present head of a tenant; a refusal when its rows are not what was signed. */
  head(tenant: Tenant): HeadText {
    return this.#heads.check(tenant)
  }

  addTenant(tenant: Tenant, witness: Witness): void {
    this.#heads.change([tenant.tenant_id], witness, () => {
      const { tenant_id, tenant_uid, fleet_id, appliance_id, created } = tenant
      this.#db
        .prepare('INSERT INTO tenants VALUES (?, ?, ?, ?, ?)')
        .run(tenant_id, tenant_uid, fleet_id, appliance_id, created)
    })
  }

  users(): User[] {
    const rows = this.#db.prepare('SELECT * FROM users ORDER BY created, user_id').all()
    return (rows as UserRow[]).map((row) => this.#user(row))
  }

  user(userId: string): User | undefined {
    const row = this.#db.prepare('SELECT * FROM users WHERE user_id = ?').get(userId)
    return row ? this.#user(row as UserRow) : undefined
  }

  userByName(name: string): User | undefined {
    const row = this.#db.prepare('SELECT * FROM users WHERE name_key = ?').get(nameKey(name))
    return row ? this.#user(row as UserRow) : undefined
  }

  /** Also of removed accounts: beside the chain, so that a person's name can be erased from it. */
  nameOf(userId: string): string | undefined {
    return this.#db.prepare('SELECT name FROM names WHERE user_id = ?').pluck().get(userId) as
      | string
      | undefined
  }

  addUser(
    draft: {
      tenant_id: string
      name: string
      role: Role
      password: string | null
      tenants: string[]
    },
    witness: (userId: string) => Witness,
  ): User {
    const name = checkName(draft.name)
    const userId = newUid()
    const created = this.#clock.nowUs()
    this.#heads.change([draft.tenant_id, ...draft.tenants], witness(userId), () => {
      const count = this.#db.prepare('SELECT count(*) FROM users').pluck().get() as number
      if (count >= USERS_MAX)
        throw new Failure('too-many', `A box has at most ${USERS_MAX} accounts.`)
      if (this.userByName(name))
        throw new Failure('conflict', 'There is an account with that name. Choose another.')
      this.#db
        .prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, 0, ?, NULL)')
        .run(userId, draft.tenant_id, name, nameKey(name), draft.role, draft.password, created)
      this.#db.prepare('INSERT INTO names VALUES (?, ?, ?)').run(userId, draft.tenant_id, name)
      for (const tenantId of new Set([draft.tenant_id, ...draft.tenants]))
        this.#db.prepare('INSERT INTO grants VALUES (?, ?, ?)').run(tenantId, userId, created)
    })
    return this.#mustFind(userId)
  }

  changeUser(
    userId: string,
    change: { role?: Role; disabled?: boolean; password?: string },
    witness: Witness,
  ): User {
    const user = this.#mustFind(userId)
    const { role = user.role, disabled = user.disabled, password = user.password } = change
    this.#heads.change([user.tenant_id], witness, () => {
      this.#db
        .prepare('UPDATE users SET role = ?, disabled = ?, password = ? WHERE user_id = ?')
        .run(role, disabled ? 1 : 0, password, userId)
      this.#keepAnAdmin(user.tenant_id)
    })
    return this.#mustFind(userId)
  }

  removeUser(userId: string, witness: Witness): void {
    const user = this.#mustFind(userId)
    this.#heads.change([user.tenant_id, ...user.tenants], witness, () => {
      this.#db.prepare('DELETE FROM users WHERE user_id = ?').run(userId)
      this.#keepAnAdmin(user.tenant_id)
    })
  }

  loggedIn(userId: string): void {
    this.#db
      .prepare('UPDATE users SET last_login = ? WHERE user_id = ?')
      .run(this.#clock.nowUs(), userId)
  }

  /** The epoch under which a store of a tenant (its catalog.db) was made; `present` when it is new. */
  storeEpoch(tenantId: string, layer: string, present: () => number): number {
    const find = this.#db.prepare('SELECT epoch FROM stores WHERE tenant_id = ? AND layer = ?')
    const known = find.pluck().get(tenantId, layer) as number | undefined
    if (known !== undefined) return known
    const epoch = present()
    this.#db.prepare('INSERT INTO stores VALUES (?, ?, ?)').run(tenantId, layer, epoch)
    return epoch
  }

  #keepAnAdmin(tenantId: string): void {
    const admins = this.#db
      .prepare("SELECT count(*) FROM users WHERE tenant_id = ? AND role = 'admin' AND disabled = 0")
      .pluck()
      .get(tenantId) as number
    if (admins === 0)
      throw new Failure(
        'conflict',
        'This is the last admin of the site. Make another account admin first.',
      )
  }

  #user(row: UserRow): User {
    const tenants = this.#db
      .prepare('SELECT tenant_id FROM grants WHERE user_id = ? ORDER BY tenant_id')
      .pluck()
      .all(row.user_id) as string[]
    const { user_id, tenant_id, name, role, password, created, last_login } = row
    return {
      user_id,
      tenant_id,
      name,
      role,
      password,
      created,
      last_login,
      tenants,
      disabled: row.disabled === 1,
    }
  }

  #mustFind(userId: string): User {
    const user = this.user(userId)
    if (!user) throw new Failure('not-found', 'There is no such account.')
    return user
  }
}

interface UserRow extends Omit<User, 'disabled' | 'tenants'> {
  disabled: number
}

function checkName(name: string): string {
  const text = name.normalize('NFC').trim()
  if (!NAME.test(text))
    throw new Failure(
      'invalid',
      'An account name has 1 to 64 letters, digits, spaces and . _ @ -, beginning with a letter or digit.',
    )
  return text
}

/** Two names that look alike to a person are one: compatibility form, lower case. */
function nameKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}
