/** Run by crash.test.ts as a process of its own: settles and compacts one lake, killed at its n-th step. */
import { readFileSync } from 'node:fs'
import { compact } from '../../agent/lake/compact.ts'
import { settle } from '../../agent/lake/settle.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { killAt } from '../breach/kill-at.ts'
import type { OwnKeys } from './own-keys.ts'
import { makeSite } from './site.ts'

const [data = '', n = '0'] = process.argv.slice(2)
const { tenants, seed } = JSON.parse(readFileSync(`${data}/place.json`, 'utf8')) as {
  tenants: Tenant[]
  seed: string
}

let step = () => {}
/** A commit of the catalog stands between the signature of its head and the keeping of its generation. */
const around = (keys: OwnKeys): OwnKeys => ({
  ...keys,
  sign: async (body) => {
    const envelope = await keys.sign(body)
    step()
    return envelope
  },
  anchorCatalog: async (of) => {
    step()
    await keys.anchorCatalog(of)
  },
})

const place = { data, tenants, seed: Buffer.from(seed, 'hex') }
const site = await makeSite({ place, compactFiles: 3, around })
step = killAt(Number(n))
await settle(site.lake())
while (await compact(site.lake()));
process.exit(0)
