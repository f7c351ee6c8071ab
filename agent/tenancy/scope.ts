/**
 * The set of tenants that one request may read. It is made inside picket-keys from a session and its
 * grants, at the moment of use (D24). A class in one JavaScript heap guards against mistakes, not
 * against attackers: what holds those off is that other tenants' keys and files never reach the cell.
 */
import { crossTenant, Failure } from '../base/failure.ts'
import type { TenantRef } from './tenant.ts'

export const SCOPE_TENANTS_MAX = 1000

export class Scope {
  readonly #byId: ReadonlyMap<string, TenantRef>
  readonly #uids: ReadonlySet<string>

  constructor(tenants: readonly TenantRef[]) {
    this.#byId = new Map(tenants.map((tenant) => [tenant.tenant_id, tenant]))
    this.#uids = new Set(tenants.map(({ tenant_uid }) => tenant_uid))
  }

  get tenants(): TenantRef[] {
    return [...this.#byId.values()]
  }

  get uids(): ReadonlySet<string> {
    return this.#uids
  }

  has(tenantUid: string): boolean {
    return this.#uids.has(tenantUid)
  }

  /**
   * The tenants named, all inside, or a refusal of the whole. An id outside and an id that nobody has are
   * refused alike: the look-up happens inside the scope and goes through all names before it answers.
   */
  narrow(tenantIds: readonly string[]): TenantRef[] {
    if (tenantIds.length === 0 || tenantIds.length > SCOPE_TENANTS_MAX)
      throw new Failure('invalid', `Name 1 to ${SCOPE_TENANTS_MAX} tenants.`)
    const found = [...new Set(tenantIds)].map((id) => this.#byId.get(id))
    const inside = found.filter((tenant) => tenant !== undefined)
    if (inside.length < found.length) throw crossTenant()
    return inside
  }
}
