/** Run by keys.test.ts and joining.test.ts as a process of its own: one act on a data folder, killed at its n-th write. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { silentLog } from '../../agent/base/log.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { rotateEpoch, rotateRoot } from '../../agent/control/keys-acts.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { revoke, setEdition } from '../../agent/control/keys-fleet.ts'
import { acceptFile } from '../../agent/control/keys-joining.ts'
import { killAt } from './kill-at.ts'

const [data = '', act = '', n = '0', branch = ''] = process.argv.slice(2)

if (act === 'init') {
  killAt(Number(n))
  await initTenant(data, { tenant_id: 'golf' })
} else {
  const box = await openKeysBox({ data, log: silentLog })
  const [tenant] = box.accounts.tenants()
  if (!tenant) throw new Error('there is a tenant')
  killAt(Number(n))
  if (act === 'epoch') rotateEpoch(box, tenant, 'console')
  else if (act === 'fleet') {
    await setEdition(box, tenant, true, 'console')
    await acceptFile(box, JSON.parse(readFileSync(join(data, 'ask.json'), 'utf8')), 'console')
    revoke(box, { tenant_id: branch }, 'console')
  } else await rotateRoot(box, 'console')
  box.close()
}
