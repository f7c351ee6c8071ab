/**
 * The box's signing keys (Ed25519). They never leave this process: others ask "sign this type", and
 * each caller has its own types (D2). Verifiers find the public halves in `<data>/keys/public.json`.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import { sharedMode, writeWhole } from '../base/files.ts'
import {
  type Envelope,
  type KnownKey,
  keyId,
  publicKeyFromRaw,
  SIGNED_TYPES,
  type SignedType,
  signJson,
} from '../base/signing.ts'
import type { Keyring } from './keyring.ts'

/** Each key's types. One type has one key, so the type names the key. */
const OWNERS = {
  appliance: [
    'summary',
    'lwt',
    'ack',
    'decision',
    'accounts',
    'settings',
    'hunt-reply',
    'claim',
    'cert-renew',
    'revocation', // of its own membership: leaving
  ],
  audit: ['checkpoint'],
  catalog: ['catalog'],
} as const satisfies Record<string, readonly SignedType[]>
type Owner = keyof typeof OWNERS
const NAMES = Object.keys(OWNERS) as Owner[]

// RFC 8410: PrivateKeyInfo of an Ed25519 seed, and SubjectPublicKeyInfo of a point.
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

const PublicKeyRecord = v.strictObject({
  key_id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  spki: v.pipe(v.string(), v.base64()),
  owner: v.pipe(v.string(), v.maxLength(64)),
  types: v.array(v.picklist(SIGNED_TYPES)),
})
export type PublicKeyRecord = v.InferOutput<typeof PublicKeyRecord>

const RECORDS_MAX = 256

export class Signer {
  readonly #keys = new Map<SignedType, KeyObject>()
  readonly records: readonly PublicKeyRecord[]

  private constructor(keys: { owner: Owner; key: KeyObject }[]) {
    this.records = keys.map(({ owner, key }) => {
      const open = createPublicKey(key)
      const spki = open.export({ type: 'spki', format: 'der' }).toString('base64')
      for (const type of OWNERS[owner]) this.#keys.set(type, key)
      return { key_id: keyId(open), spki, owner, types: [...OWNERS[owner]] }
    })
  }

  static async open(ring: Keyring): Promise<Signer> {
    const keys = []
    for (const owner of NAMES) {
      const der = Buffer.concat([PKCS8_HEAD, await ring.box(`sign-${owner}`)])
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      der.fill(0)
      keys.push({ owner, key })
    }
    return new Signer(keys)
  }

  sign(type: SignedType, value: Json): Envelope {
    const key = this.#keys.get(type)
    if (!key) throw new Failure('refused', `This box does not sign a ${type}.`)
    return signJson(key, type, value)
  }

  known(): Map<string, KnownKey> {
    return knownKeys(this.records)
  }

  publish(folder: string): void {
    const text = `${JSON.stringify(this.records, null, 1)}\n`
    writeWhole(publicPath(folder), text, sharedMode(folder)) // picket-guard reads it
  }
}

const publicPath = (folder: string) => join(folder, 'public.json')

/** What a verifier (guard, lake, `picket verify`) knows, read from `<data>/keys/public.json`. */
export function readPublicKeys(folder: string): Map<string, KnownKey> {
  return readPublicKeyFile(publicPath(folder))
}

/** The same format in any place: another box's keys, handed over. */
export function readPublicKeyFile(path: string): Map<string, KnownKey> {
  let records: PublicKeyRecord[]
  try {
    records = v.parse(v.array(PublicKeyRecord), JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    throw new Failure(
      'invalid',
      `The public keys ${path} cannot be read; picket-keys writes them when it starts.`,
      { path },
      error,
    )
  }
  return knownKeys(records)
}

/** Registers keys: refuses points for which a signature proves nothing, and ids that are not the key's (D4). */
export function knownKeys(records: readonly PublicKeyRecord[]): Map<string, KnownKey> {
  if (records.length > RECORDS_MAX) throw new Failure('invalid', 'There are too many public keys.')
  return new Map(
    records.map(({ key_id, spki, owner, types }) => {
      const der = Buffer.from(spki, 'base64')
      if (der.length !== 44 || !der.subarray(0, 12).equals(SPKI_HEAD))
        throw new Failure('refused', 'A public key is not an Ed25519 key in its plain form.')
      const key = publicKeyFromRaw(der.subarray(12))
      if (keyId(key) !== key_id)
        throw new Failure('refused', 'A public key does not have the id that it is listed under.')
      return [key_id, { key, owner, types }]
    }),
  )
}
