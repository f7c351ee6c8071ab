/** Attempts on wrapped keys and on what a key says: swapped, put back, answered by a custodian that lies, or worth nothing. */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { canonical } from '../../agent/base/canonical.ts'
import { silentLog } from '../../agent/base/log.ts'
import {
  type KnownKey,
  keyId,
  publicKeyFromRaw,
  signedBytes,
  verifyJson,
} from '../../agent/base/signing.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { checkValue, layerKey } from '../../agent/keys/derive.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { knownKeys } from '../../agent/keys/signer.ts'
import { readDek, writeDek } from '../../agent/keys/wrapped-file.ts'
import { attempt, type Layer } from './attempt.ts'
import { copyOf, type Folder, makeFolder, refusal, startBox } from './box.ts'
import { type Canary, canary, canaryOf } from './canary.ts'
import { ALFA, looseCustodian, ringOf, twoTenants, wrappedPath, ZULU } from './loose-keys.ts'
import { fits } from './plain-ed25519.ts'

let folder: Folder
beforeAll(async () => {
  folder = await makeFolder()
})

const KEK_OWNER: Layer = {
  name: 'the owner in what the root wraps',
  shows: /kek\.json does not open/,
}
const CHECK: Layer = { name: 'the check value of a key', shows: /kek\.json does not open/ }
const DEK_OWNER: Layer = {
  name: 'the tenant in what its own key wraps',
  shows: /dek-1\.json does not open/,
}
const GENERATION: Layer = {
  name: 'the root generation in what is wrapped',
  shows: /dek-1\.json does not open/,
}
const TRAIL: Layer = {
  name: 'the generation that the audit trail knows',
  shows: /the audit trail knows generation 2: an older copy was put back/,
}
const TIME: Layer = { name: 'the time that a custodian has', shows: /did not answer within/ }
const OWN_VALUE: Layer = {
  name: 'the owner in a check value',
  shows: /"alfa":"[0-9a-f]{32}","zulu":"[0-9a-f]{32}"/,
}
const OWN_KEYS: Layer = { name: 'keys made on the box itself', shows: /[0-9a-f]{64}/ }
const ORDER: Layer = { name: 'no key of small order is registered', shows: /small order/ }
/** Newer ones look at the point themselves. */
const ENGINE: Layer = {
  name: 'OpenSSL, which knows those points',
  shows: /does not fit its content/,
  get missing() {
    return fitsEverything((key, bytes, signature) => verify(null, bytes, publicKey(key), signature))
      ? 'This OpenSSL takes a key of small order.'
      : undefined
  },
}

/** What `what` would give away, once it is known. */
let given: Canary[] = []
const got = () => given

function forge(path: string, by: object): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...by }))
}

attempt('keys-01', {
  layers: [KEK_OWNER, CHECK, DEK_OWNER],
  secrets: got,
  try: async (run) => {
    const keys = await twoTenants(run.without(KEK_OWNER) ? () => looseCustodian('for nothing') : undefined) // biome-ignore format: one line
    const { folder, custodian, path } = keys
    const [kek, dek] = [await keys.kek(ZULU), await keys.dek(ZULU)]
    given = [canaryOf("a key of alfa made of zulu's", layerKey(dek.key, ALFA, 'parquet'))]
    for (const file of ['kek.json', 'dek-1.json']) copyFileSync(path(ZULU, file), path(ALFA, file))
    if (run.without(CHECK)) forge(path(ALFA, 'kek.json'), { check: checkValue(kek, ALFA) })
    if (run.without(DEK_OWNER)) writeDek(path(ALFA, 'dek-1.json'), ALFA, dek, kek, custodian.describe()) // biome-ignore format: one line
    const ring = await Keyring.open({ folder, custodian })
    await run.does('the key', () => ring.layer(ALFA, 1, 'parquet'))
    await run.does('the key of zulu', () => ring.layer(ZULU, 1, 'parquet').length)
  },
})

test('keys-01 one file of another tenant: it says which, and the neighbour works', async () => {
  for (const file of ['dek-1.json', 'kek.json']) {
    const data = copyOf(folder)
    const { alfa, zulu } = folder
    copyFileSync(
      wrappedPath(data, 1, zulu.tenant_uid, file),
      wrappedPath(data, 1, alfa.tenant_uid, file),
    )
    const box = await startBox({ ...folder, data })
    expect(await refusal(box.agent.openSegment({ tenant_uid: alfa.tenant_uid }))).toMatch(
      new RegExp(`^refused: .*${file} does not open.*belongs to another tenant`),
    )
    expect(await refusal(box.agent.openSegment({ tenant_uid: zulu.tenant_uid }))).toBe('allowed')
    await box.close()
  }
})

attempt('keys-02', {
  by: 'one file',
  layers: [GENERATION],
  secrets: got,
  try: async (run) => {
    const { folder, custodian, kek, dek, path } = await twoTenants()
    const [own, epoch] = [await kek(ALFA), await dek(ALFA)]
    given = [canaryOf('a key of an older file', layerKey(epoch.key, ALFA, 'parquet'))]
    const older = join(mkdtempSync(join(tmpdir(), 'picket-old-')), 'dek-1.json')
    copyFileSync(path(ALFA, 'dek-1.json'), older)
    const ring = await Keyring.open({ folder, custodian })
    await ring.rewrap()
    const present = join(folder, 'wrapped', '2', 'tenants', ALFA, 'dek-1.json')
    copyFileSync(older, present)
    if (run.without(GENERATION)) {
      const old = readDek(older, { tenantUid: ALFA, epoch: 1 }, own, custodian.describe())
      writeDek(present, ALFA, old, own, ring.describe())
    }
    const again = await Keyring.open({ folder, custodian: openFileCustodian(folder) })
    await run.does('the key', () => again.layer(ALFA, 1, 'parquet'))
    await run.does('the key of zulu', () => again.layer(ZULU, 1, 'parquet').length)
  },
  holds: (run) => expect(run.text).toContain('the key of zulu: 32'),
})

attempt('keys-02', {
  by: 'the whole folder of keys',
  layers: [TRAIL],
  secrets: got,
  try: async (run) => {
    const data = copyOf(folder)
    const older = copyOf({ ...folder, data })
    const box = await startBox({ ...folder, data })
    given = [canaryOf('a key of an older root', box.box.ring.layer(folder.alfa.tenant_uid, 1, 'parquet'))] // biome-ignore format: one line
    await box.cli.rotateRoot()
    await box.close()
    rmSync(join(data, 'keys'), { recursive: true })
    cpSync(join(older, 'keys'), join(data, 'keys'), { recursive: true })
    const open = run.without(TRAIL)
      ? () => ringOf(data)
      : async () => {
          const opened = await openKeysBox({ data, log: silentLog })
          opened.close()
          return opened.ring
        }
    await run.does('the key', async () =>
      (await open()).layer(folder.alfa.tenant_uid, 1, 'parquet'),
    )
  },
})

const NEVER_MS = 2 ** 30
const PATIENCE_MS = 30_000
/** Where it is to wait for ever. */
const STILL_MS = 4_000

let answerAtLast: () => void = () => {}
attempt('keys-06', {
  by: 'no answer',
  layers: [TIME],
  undo: () => answerAtLast(),
  try: async (run) => {
    const { folder, custodian } = await twoTenants()
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    answerAtLast = () => resolve(Buffer.alloc(16))
    const unwrap = (wrapped: Buffer, aad: Buffer) =>
      String(aad).includes(ALFA) ? promise : custodian.unwrap(wrapped, aad)
    const unwrapMs = run.without(TIME) ? NEVER_MS : 100
    const opening = Keyring.open({ folder, custodian: { ...custodian, unwrap }, unwrapMs })
    const late = new Promise<undefined>((done) => setTimeout(done, run.without(TIME) ? STILL_MS : PATIENCE_MS, undefined).unref()) // biome-ignore format: one line
    const ring = await Promise.race([opening, late])
    run.saw('the box', ring ? 'opened' : 'still waits')
    if (!ring) return run.harm('zulu waits for the custodian of alfa')
    run.saw('alfa', ring.inventory(ALFA))
    run.saw('zulu', ring.layer(ZULU, 1, 'parquet').length)
  },
})

attempt('keys-06', {
  by: 'the key of another tenant',
  layers: [CHECK, DEK_OWNER],
  secrets: got,
  try: async (run) => {
    const { folder, custodian, path, kek, dek } = await twoTenants()
    const [own, others] = [await dek(ALFA), await kek(ZULU)]
    given = [canaryOf('a key of alfa under that of zulu', layerKey(own.key, ALFA, 'parquet'))]
    if (run.without(CHECK)) forge(path(ALFA, 'kek.json'), { check: checkValue(others, ALFA) })
    if (run.without(DEK_OWNER)) writeDek(path(ALFA, 'dek-1.json'), ALFA, own, others, custodian.describe()) // biome-ignore format: one line
    const unwrap = async (wrapped: Buffer, aad: Buffer) =>
      String(aad).includes(ALFA) ? others : custodian.unwrap(wrapped, aad)
    const ring = await Keyring.open({ folder, custodian: { ...custodian, unwrap } })
    await run.does('the key', () => ring.layer(ALFA, 1, 'parquet'))
  },
})

test('keys-06 an answer that is wrong or short: locked with a reason, the other open', async () => {
  const { folder, custodian } = await twoTenants()
  for (const lie of [Buffer.alloc(32, 1), Buffer.alloc(16)]) {
    const unwrap = async (wrapped: Buffer, aad: Buffer) =>
      String(aad).includes(ALFA) ? lie : custodian.unwrap(wrapped, aad)
    const ring = await Keyring.open({ folder, custodian: { ...custodian, unwrap } })
    expect(ring.inventory(ALFA).locked).toMatch(/does not open/)
    expect(() => ring.layer(ALFA, 1, 'parquet')).toThrow()
    expect(ring.layer(ZULU, 1, 'parquet')).toHaveLength(32)
  }
})

attempt('keys-07', {
  by: 'equal keys of two tenants',
  layers: [OWN_VALUE],
  try: async (run) => {
    const key = Buffer.alloc(32, 3)
    const of = (uid: string) => checkValue(key, run.without(OWN_VALUE) ? 'picket' : uid)
    const [alfa, zulu] = [of(ALFA), of(ZULU)]
    run.saw('the check values', { alfa, zulu })
    if (alfa === zulu) run.harm('the check values tell that two tenants have one key')
  },
})

attempt('keys-07', {
  by: 'an appliance that was cloned',
  layers: [OWN_KEYS],
  try: async (run) => {
    const other = run.without(OWN_KEYS) ? copyOf(folder) : (await makeFolder()).data
    const keys = async (data: string) => {
      const ring = await ringOf(data)
      return ring.tenants().map((uid) => ring.layer(uid, 1, 'parquet').toString('hex'))
    }
    const [own, theirs] = [await keys(folder.data), await keys(other)]
    run.saw('keys of the other box', theirs)
    if (own.some((key) => theirs.includes(key))) run.harm('two boxes have one key')
    const [one, two] = [folder.data, other].map((data) => openFileCustodian(join(data, 'keys')))
    if (one?.describe().id === two?.describe().id) run.harm('two boxes have one root')
  },
})

/** Points of small order, and one that is not in its one form. */
const POINTS = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'))
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const spki = (raw: Buffer) => Buffer.concat([SPKI_HEAD, raw])
const TYPES = ['decision'] as const

test('keys-09 the engine that does not look takes a true signature, and no other', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const [bytes, other] = [Buffer.from('one'), Buffer.from('two')]
  expect(fits(raw, bytes, sign(null, bytes, privateKey))).toBe(true)
  expect(fits(raw, other, sign(null, bytes, privateKey))).toBe(false)
})

test('keys-09 none of them is registered', () => {
  for (const raw of POINTS) {
    const record = { key_id: '0'.repeat(32), spki: spki(raw).toString('base64'), owner: 'appliance', types: [...TYPES] } // biome-ignore format: one line
    expect(() => knownKeys([record]), raw.toString('hex')).toThrow(/small order/)
    expect(() => publicKeyFromRaw(raw)).toThrow(/small order/)
  }
})

/** R is the neutral point and S is nothing: as a signature by the neutral point it fits every message. */
const [NEUTRAL] = POINTS as [Buffer]
const EVERY = Buffer.concat([NEUTRAL, Buffer.alloc(32)])
type Verify = (raw: Buffer, bytes: Buffer, signature: Buffer) => boolean
function fitsEverything(by: Verify): boolean {
  return by(NEUTRAL, Buffer.from('one'), EVERY) && by(NEUTRAL, Buffer.from('two'), EVERY)
}
function publicKey(raw: Buffer) {
  return createPublicKey({ key: spki(raw), format: 'der', type: 'spki' })
}

const statement = canary('a statement that nobody signed')
attempt('keys-09', {
  layers: [ORDER, ENGINE],
  secrets: () => [statement],
  try: async (run) => {
    const key = publicKey(NEUTRAL)
    const [key_id, owner] = [keyId(key), 'appliance']
    const known = await run.does(
      'the registration',
      (): Map<string, KnownKey> =>
        run.without(ORDER)
          ? new Map([[key_id, { key, owner, types: TYPES }]])
          : knownKeys([
              { key_id, spki: spki(NEUTRAL).toString('base64'), owner, types: [...TYPES] },
            ]),
    )
    if (!known) return
    const body = canonical({ says: statement.text })
    const signature = EVERY.toString('base64')
    if (!run.without(ENGINE)) {
      await run.does('the statement', () => verifyJson({ type: 'decision', body, key_id, signature }, 'decision', known, 1)) // biome-ignore format: one line
    } else if (fits(NEUTRAL, signedBytes('decision', body), EVERY))
      run.saw('the statement, by an engine that does not look', body)
  },
})
