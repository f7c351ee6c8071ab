/** Run by kill-once.ts as a process of its own: works on a lake until its n-th change in one role, and is killed there. */
import { readFileSync, writeSync } from 'node:fs'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { Chance } from '../traffic/chance.ts'
import { DyingDisk } from './dying-disk.ts'
import { type Role, type Told, workOn } from './lake-at-work.ts'
import type { OwnKeys } from './own-keys.ts'
import { makeSite, START_US } from './site.ts'

const TURNS = 400

const [data = '', role = '', seed = '0', at = '1', underWay = ''] = process.argv.slice(2)
const { tenants, key } = JSON.parse(readFileSync(`${data}/place.json`, 'utf8')) as {
  tenants: Tenant[]
  key: string
}

const tell = (what: string) => ({
  add: (event_id: string) => writeSync(1, `${what} ${event_id}\n`),
})
const told: Told = {
  appended: tell('appended'),
  acknowledged: tell('acknowledged'),
  nowUs: START_US,
}
let turn: Role | undefined
const disk = new DyingDisk({
  at: Number(at),
  underWay: underWay === 'during',
  counts: () => turn === role,
})
/** A commit of the catalog stands between the signature of its head and the keeping of its generation. */
const around = (keys: OwnKeys): OwnKeys => ({
  ...keys,
  sign: async (body) => {
    const envelope = await keys.sign(body)
    disk.step('commit')
    return envelope
  },
  anchorCatalog: async (of) => {
    disk.step('keep generation')
    await keys.anchorCatalog(of)
  },
})
const site = await makeSite({
  place: { data, tenants, seed: Buffer.from(key, 'hex') },
  disk,
  around,
  nowUs: () => told.nowUs,
  compactFiles: 3,
})
await workOn(site, {
  told,
  chance: new Chance(Number(seed)),
  turns: TURNS,
  before: (of) => {
    turn = of
    writeSync(1, `now ${told.nowUs}\n`)
  },
})
process.exit(0)
