/** Texts of audited acts (SQL), kept in the tenant's own database and found again by the line's sequence. */
import { existsSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Accounts } from '../tenancy/accounts.ts'
import type { SealedDb } from '../tenancy/sealed-db.ts'
import { openTenantDb, tenantDbPath } from '../tenancy/tenant-db.ts'

const TEXTS_MAX = 100_000
const PRUNE_EVERY = 1000

interface Options {
  data: string
  ring: Keyring
  accounts: Accounts
  clock: Clock
}

export class AuditTexts {
  readonly #options: Options
  readonly #open = new Map<string, SealedDb>()
  #kept = 0

  constructor(options: Options) {
    this.#options = options
  }

  keep(uid: string, seq: number, text: string): void {
    const { db, tenant_id } = this.#of(uid)
    db.prepare('INSERT INTO audit_texts VALUES (?, ?, ?)').run(seq, tenant_id, text)
    if (++this.#kept % PRUNE_EVERY !== 0) return
    db.prepare(
      'DELETE FROM audit_texts WHERE seq NOT IN (SELECT seq FROM audit_texts ORDER BY seq DESC LIMIT ?)',
    ).run(TEXTS_MAX)
  }

  /** Nothing when it was never kept, was pruned, or its tenant does not open any more. */
  find(uid: string, seq: number): string | undefined {
    try {
      const find = this.#of(uid).db.prepare('SELECT text FROM audit_texts WHERE seq = ?')
      return find.pluck().get(seq) as string | undefined
    } catch {
      return undefined
    }
  }

  /** Those that are on disk, opened where they were not. */
  databases(): SealedDb[] {
    const { data, accounts } = this.#options
    return accounts
      .tenants()
      .filter(({ tenant_uid }) => existsSync(tenantDbPath(data, tenant_uid)))
      .map(({ tenant_uid }) => this.#of(tenant_uid).db)
  }

  close(): void {
    for (const db of this.#open.values()) db.close()
    this.#open.clear()
  }

  #of(uid: string): { db: SealedDb; tenant_id: string } {
    const { data, ring, accounts, clock } = this.#options
    const tenant = accounts.tenants().find(({ tenant_uid }) => tenant_uid === uid)
    if (!tenant) throw new Error(`no tenant ${uid}`)
    const { tenant_id } = tenant
    const known = this.#open.get(uid)
    if (known) return { db: known, tenant_id }
    const present = () => ring.writingEpoch(uid, clock.nowUs())
    const epoch = accounts.storeEpoch(tenant_id, 'state', present)
    const db = openTenantDb(data, uid, ring.layer(uid, epoch, 'state'))
    this.#open.set(uid, db)
    return { db, tenant_id }
  }
}
