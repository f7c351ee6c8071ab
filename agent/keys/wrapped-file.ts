/** Wrapped keys on disk, one small JSON file a key: what stands in it is bound by the AAD of the wrap (D7). */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { Failure } from '../base/failure.ts'
import { writeWhole } from '../base/files.ts'
import { checkValue, KEY_BYTES } from './derive.ts'
import { aad, seal, unseal } from './seal.ts'

const BYTES_MAX = 4096

const KekFile = v.strictObject({
  v: v.literal(1),
  /** Owner's name in the check value; the AAD is built from where the file stands, not from this. */
  owner: v.string(),
  check: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  wrapped: v.pipe(v.string(), v.base64()),
})

const DekFile = v.strictObject({
  v: v.literal(1),
  tenant_uid: v.string(),
  epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Microseconds since 1970. Reading is possible after notAfter, writing is not. */
  notBefore: v.pipe(v.number(), v.integer()),
  notAfter: v.pipe(v.number(), v.integer()),
  check: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  wrapped: v.pipe(v.string(), v.base64()),
})

/** Which root wraps: part of every AAD. */
export interface RootRef {
  id: string
  generation: number
}

export interface Dek {
  epoch: number
  notBefore: number
  notAfter: number
  key: Buffer
}

export function secretAad(owner: string, root: RootRef): Buffer {
  return aad('picket/v1/kek', owner, root.id, root.generation)
}

function dekAad(tenantUid: string, dek: Omit<Dek, 'key'>, root: RootRef): Buffer {
  const { epoch, notBefore, notAfter } = dek
  return aad(
    'picket/v1/dek',
    tenantUid,
    epoch,
    root.id,
    root.generation,
    `${notBefore}..${notAfter}`,
  )
}

/** A secret that the custodian itself wraps: a tenant's KEK, a signing key, the key of platform.db. */
export async function writeSecret(
  path: string,
  owner: string,
  secret: Buffer,
  wrap: (plain: Buffer) => Promise<Buffer>,
): Promise<void> {
  const wrapped = await wrap(secret)
  writeJson(path, {
    v: 1,
    owner,
    check: checkValue(secret, owner),
    wrapped: wrapped.toString('base64'),
  })
}

export async function readSecret(
  path: string,
  owner: string,
  unwrap: (wrapped: Buffer) => Promise<Buffer>,
): Promise<Buffer> {
  const file = v.safeParse(KekFile, readJson(path))
  if (!file.success) throw wrong(path)
  let secret: Buffer
  try {
    secret = await unwrap(Buffer.from(file.output.wrapped, 'base64'))
  } catch (error) {
    if (Failure.kindOf(error) === 'unavailable') throw error
    throw wrong(path, error)
  }
  // A custodian outside this process may lie: the key must be the one that was wrapped.
  if (secret.length !== KEY_BYTES || checkValue(secret, owner) !== file.output.check)
    throw wrong(path)
  return secret
}

export function writeDek(path: string, tenantUid: string, dek: Dek, kek: Buffer, root: RootRef) {
  const { epoch, notBefore, notAfter, key } = dek
  writeJson(path, {
    v: 1,
    tenant_uid: tenantUid,
    epoch,
    notBefore,
    notAfter,
    check: checkValue(key, tenantUid),
    wrapped: seal(kek, key, dekAad(tenantUid, dek, root)).toString('base64'),
  })
}

/** The epoch that stands at `path`, for this tenant, number and root; anything else is refused. */
export function readDek(
  path: string,
  expected: { tenantUid: string; epoch: number },
  kek: Buffer,
  root: RootRef,
): Dek {
  const file = v.safeParse(DekFile, readJson(path))
  if (!file.success) throw wrong(path)
  const { notBefore, notAfter, wrapped } = file.output
  const facts = { epoch: expected.epoch, notBefore, notAfter }
  const key = unseal(kek, Buffer.from(wrapped, 'base64'), dekAad(expected.tenantUid, facts, root))
  if (!key || key.length !== KEY_BYTES) throw wrong(path)
  return { ...facts, key }
}

function writeJson(path: string, value: object): void {
  writeWhole(path, `${JSON.stringify(value)}\n`)
}

function readJson(path: string): unknown {
  try {
    const bytes = readFileSync(path)
    return bytes.length > BYTES_MAX ? undefined : JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function wrong(path: string, cause?: unknown): Failure {
  return new Failure(
    'refused',
    `The wrapped key ${path} does not open: it is missing, was changed, or belongs to another tenant or an older root key. Put the right file back from a backup of this generation.`,
    { path },
    cause,
  )
}
