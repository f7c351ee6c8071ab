/** `<data>/agent/<tenant_uid>/`: what picket-agent alone writes and reads of a tenant. */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from './base/files.ts'

/** The path of `name` there. An earlier version kept it among picket-lake's files, at `formerly`: it is taken along. */
export function ownFile(data: string, tenant_uid: string, name: string, formerly: string): string {
  const inside = join('agent', tenant_uid)
  makeFolder(data, inside)
  const path = join(data, inside, name)
  try {
    renameSync(join(data, 'tenants', tenant_uid, formerly), path)
  } catch {
    // it never was there, or is here already
  }
  return path
}
