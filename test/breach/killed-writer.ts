/** Run by parquet-made.test.ts as a process of its own: settles, and is killed when the plain file was made and not yet encrypted. */
import fs, { mkdirSync, readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { settle } from '../../agent/lake/settle.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { makeSite } from '../lake/site.ts'

const [data = '', scratch] = process.argv.slice(2)
const { tenants, seed } = JSON.parse(readFileSync(`${data}/place.json`, 'utf8')) as {
  tenants: Tenant[]
  seed: string
}
const site = await makeSite({ place: { data, tenants, seed: Buffer.from(seed, 'hex') } })
if (scratch) {
  mkdirSync(scratch, { recursive: true })
  Object.assign(site.lake().options, { scratch })
}
const { readFile } = fs.promises
fs.promises.readFile = ((path: string, ...rest: []) => {
  if (String(path).endsWith('.parquet')) process.kill(process.pid, 'SIGKILL')
  return readFile(path, ...rest)
}) as typeof readFile
syncBuiltinESMExports()
await settle(site.lake())
