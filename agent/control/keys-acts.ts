/** Acts of picket-keys that change something: each has its line before, and its outcome after. */
import type { Act } from '../audit/trail.ts'
import { Failure } from '../base/failure.ts'
import { makeFolder } from '../base/files.ts'
import { newUid } from '../base/ids.ts'
import type { Witness } from '../tenancy/heads.ts'
import { parseSlug, type Tenant } from '../tenancy/tenant.ts'
import { doneName, type KeysBox, nextName } from './keys-box.ts'

/** Runs a change of accounts: intent with the coming heads, commit, then the outcome with the heads that hold. */
export function changeAccounts<T>(
  { trail }: Pick<KeysBox, 'trail'>,
  act: Omit<Act, 'outcome' | 'carry'>,
  change: (witness: (subject?: string) => Witness) => T,
): T {
  let heads: Record<string, string> = {}
  let written = act
  const witness = (subject?: string) => (coming: Record<string, string>) => {
    heads = coming
    written = subject === undefined ? act : { ...act, subject }
    const carry = Object.fromEntries(
      Object.entries(coming).map(([tenant_uid, head]) => [nextName({ tenant_uid }), head]),
    )
    trail.write({ ...written, outcome: 'intent', carry })
  }
  const result = attempt(
    () => change(witness),
    () => Object.keys(heads).length > 0 && trail.write({ ...written, outcome: 'failed' }),
  )
  const carry = Object.fromEntries(
    Object.entries(heads).map(([tenant_uid, head]) => [doneName({ tenant_uid }), head]),
  )
  trail.write({ ...written, outcome: 'done', carry })
  return result
}

function attempt<T>(act: () => T, failed: () => void): T {
  try {
    return act()
  } catch (error) {
    failed()
    throw error
  }
}

/** Keys, folders, then the row that makes them count. A crash before the row leaves nothing but orphans. */
export async function addTenant(
  box: KeysBox,
  wanted: { tenant_id: string; fleet_id?: string | undefined },
  actor: string,
): Promise<Tenant> {
  const tenant_id = parseSlug(wanted.tenant_id, 'tenant')
  const fleet_id = parseSlug(wanted.fleet_id ?? tenant_id, 'fleet')
  const { accounts, ring, clock, data } = box
  const present = accounts.tenants()
  if (present.some((tenant) => tenant.tenant_id === tenant_id))
    throw new Failure('conflict', `The tenant ${tenant_id} exists on this box already.`)
  const created = clock.nowUs()
  const tenant: Tenant = {
    tenant_id,
    tenant_uid: newUid(),
    fleet_id,
    appliance_id: present[0]?.appliance_id ?? newUid(),
    created,
  }
  await ring.addTenant(tenant.tenant_uid, created)
  makeFolders(data, tenant.tenant_uid)
  const act = { actor, tenant, verb: 'tenant.added' } as const
  changeAccounts(box, act, (witness) => accounts.addTenant(tenant, witness()))
  return tenant
}

/** All that a box's processes share of a tenant: only picket-keys may make a name in these folders. */
function makeFolders(data: string, uid: string): void {
  for (const inside of [
    `journal/${uid}`,
    `ring/${uid}`,
    `tenants/${uid}/tier1`,
    `tenants/${uid}/tier2`,
  ])
    makeFolder(data, inside)
}

export function rotateEpoch(box: KeysBox, tenant: Tenant, actor: string): number {
  const { ring, clock, trail } = box
  trail.write({ actor, tenant, verb: 'keys.epoch' })
  const count = ring.addEpoch(tenant.tenant_uid, clock.nowUs())
  trail.write({ actor, tenant, verb: 'keys.epoch', outcome: 'done', count })
  return count
}

export async function rotateRoot({ ring, trail }: KeysBox, actor: string): Promise<number> {
  trail.write({ actor, verb: 'keys.root' })
  const count = await ring.rewrap()
  const carry = { root: String(count) }
  trail.write({ actor, verb: 'keys.root', outcome: 'done', count, carry })
  return count
}

/** The epoch to write with. Detection must go on, so a full audit trail does not stop a rotation that is due. */
export function writingEpoch(box: KeysBox, tenantUid: string): number {
  const { ring, clock, trail, log, accounts } = box
  const before = ring.inventory(tenantUid).epochs.length
  const epoch = ring.writingEpoch(tenantUid, clock.nowUs())
  if (ring.inventory(tenantUid).epochs.length > before) {
    const tenant = accounts.tenants().find(({ tenant_uid }) => tenant_uid === tenantUid)
    try {
      trail.write({
        actor: 'process:keys',
        tenant,
        verb: 'keys.epoch',
        outcome: 'done',
        count: epoch,
      })
    } catch (error) {
      log.error({ error: String(error) }, 'audit.full')
    }
  }
  return epoch
}
