/**
 * Signed heads over the rows that decide who may see what (D12): per tenant one, over its row, its
 * accounts and its grants. SQLite accepts a page put back to its older version; the head does not fit
 * then, and the audit trail remembers which head is the present one, so the whole file cannot go back either.
 */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { canonical, type Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import type { Envelope } from '../base/signing.ts'
import type { SealedDb } from './sealed-db.ts'

const Body = v.strictObject({
  tenant_uid: v.string(),
  generation: v.pipe(v.number(), v.integer(), v.minValue(1)),
  digest: v.string(),
})

export interface HeadSigner {
  sign(body: Json): Envelope
  /** The signed body, or a refusal. */
  verify(envelope: Envelope): Json
}

/** `generation:digest`, as the audit trail carries it. */
export type HeadText = string

/** Called before the change is committed, with the heads it makes by tenant_uid: writes the audit line. */
export type Witness = (heads: Record<string, HeadText>) => void

/** Not the certificates: they come anew every two months and are believed for transport only. */
const FLEET_ROWS = [
  ['editions', 'SELECT edition FROM editions WHERE tenant_id = ? ORDER BY edition'],
  ['fleet', 'SELECT fleet_uid, ca FROM fleets WHERE tenant_id = ?'],
  [
    'members',
    'SELECT tenant_id, tenant_uid, fleet_id, appliance_id, is_primary, spki, revoked_at, revoked_epoch, revoked_sequence FROM members WHERE owner_id = ? ORDER BY tenant_uid',
  ],
  [
    'uplinks',
    'SELECT uplink_id, fleet_uid, url, door, ca, receiver FROM uplinks WHERE tenant_id = ? ORDER BY uplink_id',
  ],
] as const

interface Stored {
  generation: number
  envelope: string
}

interface TenantName {
  tenant_id: string
  tenant_uid: string
}

export class Heads {
  readonly #db: SealedDb
  readonly #signer: HeadSigner

  constructor(db: SealedDb, signer: HeadSigner) {
    this.#db = db
    this.#signer = signer
  }

  /** One transaction: the rows, the next heads of these tenants, the witness's line; then the commit. */
  change(tenantIds: readonly string[], witness: Witness, apply: () => void): void {
    const run = this.#db.transaction(() => {
      apply()
      const all = this.#db
        .prepare('SELECT tenant_id, tenant_uid FROM tenants ORDER BY created')
        .all()
      const touched = (all as TenantName[]).filter(({ tenant_id }) => tenantIds.includes(tenant_id))
      witness(Object.fromEntries(touched.map((each) => [each.tenant_uid, this.#advance(each)])))
    })
    run.immediate()
  }

  /** Inside the transaction that changed the rows: the next head, signed and stored. */
  #advance(tenant: TenantName): HeadText {
    const { tenant_id, tenant_uid } = tenant
    const generation = (this.#stored(tenant_id)?.generation ?? 0) + 1
    const digest = this.#digest(tenant_id)
    const envelope = this.#signer.sign({ tenant_uid, generation, digest })
    this.#db
      .prepare('INSERT OR REPLACE INTO heads (tenant_id, generation, envelope) VALUES (?, ?, ?)')
      .run(tenant_id, generation, JSON.stringify(envelope))
    return `${generation}:${digest}`
  }

  /** The head that the stored rows have, or a refusal when rows and signature do not fit. */
  check({ tenant_id, tenant_uid }: { tenant_id: string; tenant_uid: string }): HeadText {
    const stored = this.#stored(tenant_id)
    if (!stored) throw changed(tenant_id)
    const body = v.safeParse(Body, this.#open(stored.envelope, tenant_id))
    const digest = this.#digest(tenant_id)
    const fits =
      body.success &&
      body.output.tenant_uid === tenant_uid &&
      body.output.generation === stored.generation &&
      body.output.digest === digest
    if (!fits) throw changed(tenant_id)
    return `${stored.generation}:${digest}`
  }

  #open(envelope: string, tenantId: string): Json {
    try {
      return this.#signer.verify(JSON.parse(envelope) as Envelope)
    } catch (error) {
      throw changed(tenantId, error)
    }
  }

  #stored(tenantId: string): Stored | undefined {
    return this.#db
      .prepare('SELECT generation, envelope FROM heads WHERE tenant_id = ?')
      .get(tenantId) as Stored | undefined
  }

  #digest(tenantId: string): string {
    const rows = (sql: string) => this.#db.prepare(sql).raw().all(tenantId) as Json
    const covered = {
      tenant: rows(
        'SELECT tenant_id, tenant_uid, fleet_id, appliance_id FROM tenants WHERE tenant_id = ?',
      ),
      users: rows(
        'SELECT user_id, name, name_key, role, password, disabled FROM users WHERE tenant_id = ? ORDER BY user_id',
      ),
      grants: rows('SELECT user_id FROM grants WHERE tenant_id = ? ORDER BY user_id'),
      ...this.#fleetRows(tenantId),
    }
    return createHash('sha256').update(canonical(covered)).digest('hex').slice(0, 32)
  }

  /** Who may be believed about a fleet, either way. Absent where there is none, as in heads of before. */
  #fleetRows(tenantId: string): Record<string, Json> {
    const covered = FLEET_ROWS.map(([table, sql]) => [
      table,
      this.#db.prepare(sql).raw().all(tenantId) as Json[],
    ]) satisfies [string, Json[]][]
    return Object.fromEntries(covered.filter(([, rows]) => rows.length > 0))
  }
}

export function changed(tenantId: string, cause?: unknown): Failure {
  return new Failure(
    'refused',
    `The accounts of ${tenantId} in platform.db are not what was last signed: the file was changed, or put back to an older state. Put platform.db and the audit folder of one moment back together.`,
    { tenant_id: tenantId },
    cause,
  )
}
