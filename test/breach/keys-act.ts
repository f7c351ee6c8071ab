/** Run by keys.test.ts as a process of its own: one act on a data folder, killed at its n-th write. */
import { silentLog } from '../../agent/base/log.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { rotateEpoch, rotateRoot } from '../../agent/control/keys-acts.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { killAt } from './kill-at.ts'

const [data = '', act = '', n = '0'] = process.argv.slice(2)

if (act === 'init') {
  killAt(Number(n))
  await initTenant(data, { tenant_id: 'golf' })
} else {
  const box = await openKeysBox({ data, log: silentLog })
  const [tenant] = box.accounts.tenants()
  if (!tenant) throw new Error('there is a tenant')
  killAt(Number(n))
  if (act === 'epoch') rotateEpoch(box, tenant, 'console')
  else await rotateRoot(box, 'console')
  box.close()
}
