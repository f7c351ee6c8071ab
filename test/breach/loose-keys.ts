/** Keys of two tenants put together with less and less that binds them: what controls of the layer `keys` stand on. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newUid } from '../../agent/base/ids.ts'
import type { Custodian } from '../../agent/keys/custodian.ts'
import { KEY_BYTES } from '../../agent/keys/derive.ts'
import { createFileCustodian, openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { seal, unseal } from '../../agent/keys/seal.ts'
import { type Dek, readDek, secretAad } from '../../agent/keys/wrapped-file.ts'

export const ALFA = 'a1'.repeat(16)
export const ZULU = 'b2'.repeat(16)
const START_US = 1_790_000_000_000_000
const NOTHING = Buffer.alloc(0)

export const ringOf = (data: string) =>
  Keyring.open({ folder: join(data, 'keys'), custodian: openFileCustodian(join(data, 'keys')) })
export const wrappedPath = (data: string, generation: number, uid: string, file: string) =>
  join(data, 'keys', 'wrapped', String(generation), 'tenants', uid, file)

/** A root that wraps with no word of what for, or does not wrap at all. */
export function looseCustodian(wraps: 'for nothing' | 'not at all'): Custodian {
  const [root, id] = [randomBytes(KEY_BYTES), newUid()]
  const plain = wraps === 'not at all'
  return {
    describe: () => ({ kind: 'file', id, generation: 1, strength: 'none' }),
    wrap: async (secret) => (plain ? secret : seal(root, secret, NOTHING)),
    unwrap: async (wrapped) => (plain ? wrapped : (unseal(root, wrapped, NOTHING) ?? NOTHING)),
    succeed: () => Promise.reject(new Error('it has no successor')),
    destroy: async () => {},
  }
}

/** The root key of a file, read past every check of that file. */
export function uncheckedCustodian(folder: string): Custodian {
  const file = JSON.parse(readFileSync(join(folder, 'root.key'), 'utf8'))
  const root = Buffer.from(file.key, 'base64')
  const { custodian: id, generation } = file
  return {
    ...looseCustodian('not at all'),
    describe: () => ({ kind: 'file', id, generation, strength: 'none' }),
    wrap: async (secret, aad) => seal(root, secret, aad),
    unwrap: async (wrapped, aad) => unseal(root, wrapped, aad) ?? NOTHING,
  }
}

export interface TwoTenants {
  folder: string
  custodian: Custodian
  path(uid: string, file: string): string
  kek(uid: string): Promise<Buffer>
  dek(uid: string): Promise<Dek>
}

/** The keys of ALFA and ZULU, written and closed. */
export async function twoTenants(make = createFileCustodian): Promise<TwoTenants> {
  const folder = join(mkdtempSync(join(tmpdir(), 'picket-ring-')), 'keys')
  const custodian = make(folder)
  const ring = await Keyring.open({ folder, custodian })
  for (const uid of [ALFA, ZULU]) await ring.addTenant(uid, START_US)
  const root = custodian.describe()
  const path = (uid: string, file: string) =>
    join(folder, 'wrapped', String(root.generation), 'tenants', uid, file)
  const kek = (uid: string) => {
    const { wrapped } = JSON.parse(readFileSync(path(uid, 'kek.json'), 'utf8'))
    return custodian.unwrap(Buffer.from(wrapped, 'base64'), secretAad(uid, root))
  }
  const dek = async (uid: string) =>
    readDek(path(uid, 'dek-1.json'), { tenantUid: uid, epoch: 1 }, await kek(uid), root)
  return { folder, custodian, path, kek, dek }
}
