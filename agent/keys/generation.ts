/** The files of one root generation: written whole beside the present one, so that a root can be changed in one step. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { syncFolder } from '../base/files.ts'
import type { Wrapper } from './custodian.ts'
import { KEY_BYTES } from './derive.ts'
import { type Dek, secretAad, writeDek, writeSecret } from './wrapped-file.ts'

export const EPOCH_DAYS_MAX = 90
const EPOCH_US = EPOCH_DAYS_MAX * 86_400_000_000

export function newDek(epoch: number, nowUs: number): Dek {
  return { epoch, notBefore: nowUs, notAfter: nowUs + EPOCH_US, key: randomBytes(KEY_BYTES) }
}

export function makeGeneration(root: string): void {
  mkdirSync(join(root, 'box'), { recursive: true, mode: 0o700 })
  mkdirSync(join(root, 'tenants'), { recursive: true, mode: 0o700 })
}

export async function writeBox(root: string, wrapper: Wrapper, name: string, secret: Buffer) {
  const owner = `box/${name}`
  const context = secretAad(owner, wrapper.describe())
  await writeSecret(join(root, 'box', `${name}.json`), owner, secret, (plain) =>
    wrapper.wrap(plain, context),
  )
}

/** DEKs first, KEK last: a folder with a KEK is whole. */
export async function writeTenant(
  root: string,
  wrapper: Wrapper,
  uid: string,
  { kek, deks }: { kek: Buffer; deks: Dek[] },
): Promise<void> {
  const folder = join(root, 'tenants', uid)
  mkdirSync(folder, { mode: 0o700 })
  const facts = wrapper.describe()
  for (const dek of deks) writeDek(join(folder, `dek-${dek.epoch}.json`), uid, dek, kek, facts)
  const context = secretAad(uid, facts)
  await writeSecret(join(folder, 'kek.json'), uid, kek, (plain) => wrapper.wrap(plain, context))
  syncFolder(join(root, 'tenants'))
}
