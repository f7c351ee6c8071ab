/** `picket init`: makes a data folder with its keys, or adds a tenant to one. */
import { mkdirSync } from 'node:fs'
import { Failure } from '../base/failure.ts'
import { silentLog } from '../base/log.ts'
import { parseSlug, type Tenant } from '../tenancy/tenant.ts'
import { addTenant } from './keys-acts.ts'
import { openKeysBox } from './keys-box.ts'
import { keysForCli } from './keys-client.ts'

/**
 * `conflict` when the tenant exists. Interrupted anywhere, it can simply be run again: a tenant counts once
 * its row is committed, and what came before it is used or removed. On a running box it asks picket-keys.
 */
export async function initTenant(
  data: string,
  { tenant_id, fleet_id = tenant_id }: { tenant_id: string; fleet_id?: string },
): Promise<Tenant> {
  parseSlug(tenant_id, 'tenant')
  parseSlug(fleet_id, 'fleet')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const running = await askRunning(data, { tenant_id, fleet_id })
  if (running) return running
  const box = await openKeysBox({ data, log: silentLog, create: true })
  try {
    return await addTenant(box, { tenant_id, fleet_id }, 'console')
  } finally {
    box.close()
  }
}

async function askRunning(
  data: string,
  tenant: { tenant_id: string; fleet_id: string },
): Promise<Tenant | undefined> {
  const keys = keysForCli(data)
  try {
    return await keys.addTenant(tenant)
  } catch (error) {
    if (Failure.kindOf(error) === 'unavailable') return undefined
    throw error
  } finally {
    keys.close()
  }
}
