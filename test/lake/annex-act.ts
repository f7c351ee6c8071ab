/** Run by annex-crash.test.ts as a process of its own: sets one value after another, killed at its n-th step. */
import { readFileSync, writeSync } from 'node:fs'
import { setAnnex } from '../../agent/lake/annex-store.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { killAt } from '../breach/kill-at.ts'
import { makeSite } from './site.ts'

const [data = '', n = '0', event_id = ''] = process.argv.slice(2)
const { tenants, seed } = JSON.parse(readFileSync(`${data}/place.json`, 'utf8')) as {
  tenants: Tenant[]
  seed: string
}
const site = await makeSite({ place: { data, tenants, seed: Buffer.from(seed, 'hex') } })
killAt(Number(n))
/** So many that the files become one on the way. */
for (let i = 0; i < 12; i++) {
  await setAnnex(site.lake(), [
    { event_id, name: `n${i}`, value: String(i), value_type: 'number' },
    { event_id, name: 'last', value: String(i), value_type: 'number' },
  ])
  writeSync(1, `${i}\n`) // acknowledged
}
process.exit(0)
