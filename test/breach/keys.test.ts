/** Attempts on the layer `keys` of the breach catalogue. A test bears the id of its attempt; a control shows that the way works when it may. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { publicKeyFromRaw } from '../../agent/base/signing.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { connect } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { checkValue } from '../../agent/keys/derive.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { knownKeys } from '../../agent/keys/signer.ts'
import {
  type Box,
  copyOf,
  type Folder,
  filesHolding,
  makeFolder,
  refusal,
  startBox,
} from './box.ts'

const ACT = fileURLToPath(new URL('./keys-act.ts', import.meta.url))
const POINTS_MAX = 500

let folder: Folder
beforeAll(async () => {
  folder = await makeFolder()
})

const ringOf = (data: string) =>
  Keyring.open({ folder: join(data, 'keys'), custodian: openFileCustodian(join(data, 'keys')) })
const wrappedPath = (data: string, generation: number, uid: string, file: string) =>
  join(data, 'keys', 'wrapped', String(generation), 'tenants', uid, file)

/** Every key of every tenant and epoch there is, as one text; throws where one does not open. */
async function everyKey(data: string): Promise<Map<string, string>> {
  const ring = await ringOf(data)
  const keys = new Map<string, string>()
  for (const uid of ring.tenants())
    for (const { epoch } of ring.inventory(uid).epochs)
      keys.set(`${uid}/${epoch}`, ring.layer(uid, epoch, 'parquet').toString('hex'))
  return keys
}

test('keys-01 a wrapped key of another tenant', async () => {
  for (const file of ['dek-1.json', 'kek.json']) {
    const data = copyOf(folder)
    const { alfa, zulu } = folder
    const foreign = (await ringOf(data)).layer(zulu.tenant_uid, 1, 'parquet')
    copyFileSync(
      wrappedPath(data, 1, zulu.tenant_uid, file),
      wrappedPath(data, 1, alfa.tenant_uid, file),
    )
    const box = await startBox({ ...folder, data })
    const answer = await refusal(box.agent.openSegment({ tenant_uid: alfa.tenant_uid }))
    expect(answer).toMatch(
      new RegExp(`^refused: .*${file} does not open.*belongs to another tenant`),
    )
    expect(await refusal(box.agent.openSegment({ tenant_uid: zulu.tenant_uid }))).toBe('allowed')
    expect(answer).not.toContain(foreign.toString('base64'))
    await box.close()
  }
})

test('keys-02 an older wrapped key put back', async () => {
  const data = copyOf(folder)
  const { alfa, zulu } = folder
  const before = mkdtempSync(join(tmpdir(), 'picket-old-'))
  cpSync(join(data, 'keys'), before, { recursive: true })
  expect(await (await ringOf(data)).rewrap()).toBe(2)
  const present = wrappedPath(data, 2, alfa.tenant_uid, 'dek-1.json')
  copyFileSync(join(before, 'wrapped', '1', 'tenants', alfa.tenant_uid, 'dek-1.json'), present)
  const ring = await ringOf(data)
  expect(() => ring.layer(alfa.tenant_uid, 1, 'parquet')).toThrow(/does not open/)
  expect(ring.layer(zulu.tenant_uid, 1, 'parquet')).toHaveLength(32) // control
})

test('keys-02 the whole keys folder of an older generation put back', async () => {
  const data = copyOf(folder)
  const older = copyOf({ ...folder, data })
  const box = await startBox({ ...folder, data })
  await box.cli.rotateRoot()
  await box.close()
  rmSync(join(data, 'keys'), { recursive: true })
  cpSync(join(older, 'keys'), join(data, 'keys'), { recursive: true })
  expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(
    /audit trail knows generation 2: an older copy was put back/,
  )
})

test('keys-03 no call and no file gives a data key away', async () => {
  const data = copyOf(folder)
  const box = await startBox({ ...folder, data })
  const { token } = await box.admin()
  const said = JSON.stringify([
    await box.cli.describeKeys(),
    await box.cli.auditList({ limit: 500 }),
    await box.cli.users(),
    await box.web.users({ token }),
    await box.web.auditList({ token, limit: 500 }),
    await box.lake.publicKeys(),
    readFileSync(join(data, 'keys', 'public.json'), 'utf8'),
  ])
  const { ring } = box.box
  const secrets = ring.tenants().flatMap((uid) => {
    const layers = ['journal', 'parquet', 'catalog', 'state'] as const
    return layers.map((layer) => ring.layer(uid, 1, layer))
  })
  secrets.push(await ring.box('platform'), await ring.box('sign-appliance'))
  for (const secret of secrets)
    for (const form of ['hex', 'base64', 'base64url'] as const)
      expect(said).not.toContain(secret.toString(form))
  expect(
    filesHolding(
      data,
      secrets.flatMap((key) => [key, key.toString('hex'), key.toString('base64')]),
    ),
  ).toEqual([])
  const asWeb = await connect(socketPath(data, 'keys', 'web'))
  const { tenant_uid } = folder.alfa
  for (const call of [
    'openSegment',
    'parquetKey',
    'catalogKey',
    'describeKeys',
    'dek',
    '__proto__',
  ])
    expect(await refusal(asWeb.call(call, { tenant_uid }))).toMatch(/^refused: This caller may not/)
  asWeb.close()
  // Control: the lake does get the subkey that is its own.
  const { key } = await box.lake.parquetKey({ tenant_uid: folder.alfa.tenant_uid })
  expect(Buffer.from(key, 'base64')).toEqual(ring.layer(folder.alfa.tenant_uid, 1, 'parquet'))
  await box.close()
})

test('keys-04 a root key that others can read, or that is another’s', async () => {
  const data = copyOf(folder)
  const path = join(data, 'keys', 'root.key')
  chmodSync(path, 0o640)
  expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(/^refused: .*chmod 600/)
  chmodSync(path, 0o600)
  if (process.geteuid?.() === 0) {
    chownSync(path, 12_345, 0)
    expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(
      /belongs to uid 12345.*chown/,
    )
    chownSync(path, 0, 0)
  }
  ;(await openKeysBox({ data, log: silentLog })).close() // control
})

test('keys-06 a custodian that is slow, lies, or answers short', async () => {
  const data = copyOf(folder)
  const { alfa, zulu } = folder
  const real = openFileCustodian(join(data, 'keys'))
  const lies = [
    () => new Promise<Buffer>(() => {}),
    async () => Buffer.alloc(32, 1),
    async () => Buffer.alloc(16),
  ]
  for (const lie of lies) {
    const unwrap = (wrapped: Buffer, aad: Buffer) =>
      String(aad).includes(alfa.tenant_uid) ? lie() : real.unwrap(wrapped, aad)
    const custodian = { ...real, unwrap }
    const ring = await Keyring.open({ folder: join(data, 'keys'), custodian, unwrapMs: 100 })
    expect(ring.inventory(alfa.tenant_uid).locked).toMatch(/does not open|did not answer/)
    expect(() => ring.layer(alfa.tenant_uid, 1, 'parquet')).toThrow()
    expect(ring.layer(zulu.tenant_uid, 1, 'parquet')).toHaveLength(32) // control
  }
})

test('keys-07 check values of two tenants tell nothing, even for one key', async () => {
  const key = Buffer.alloc(32, 3)
  expect(checkValue(key, folder.alfa.tenant_uid)).not.toBe(checkValue(key, folder.zulu.tenant_uid))
  const other = await makeFolder() // a second box: nothing of its keys comes from an image
  expect([...(await everyKey(other.data)).values()]).not.toContain(
    [...(await everyKey(folder.data)).values()][0],
  )
  expect(openFileCustodian(join(other.data, 'keys')).describe().id).not.toBe(
    openFileCustodian(join(folder.data, 'keys')).describe().id,
  )
})

test.each(['epoch', 'root'])(
  'keys-08 kill -9 at each write of a rotation of the %s',
  async (act) => {
    const before = await everyKey(folder.data)
    let killed = 0
    for (let n = 1; n < POINTS_MAX; n++) {
      const data = copyOf(folder)
      const { signal, status, stderr } = spawnSync(process.execPath, [ACT, data, act, String(n)])
      const after = await everyKey(data)
      for (const [name, key] of before) expect(after.get(name), `${name} at ${n}`).toBe(key)
      expect(after.size - before.size).toBeLessThanOrEqual(act === 'epoch' ? 1 : 0)
      const box = await openKeysBox({ data, log: silentLog })
      expect(box.accounts.tenants()).toHaveLength(2)
      expect(box.chain.intact).toBe(true)
      box.close()
      rmSync(data, { recursive: true })
      if (signal === null) {
        expect(status, String(stderr)).toBe(0) // control: with no kill left, it ends
        break
      }
      killed++
    }
    expect(killed).toBeGreaterThan(10)
  },
)

test('keys-08 kill -9 at the writes of an init: run again, it is whole', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 4))
  process.stderr.write(`seed ${seed}\n`)
  const before = await everyKey(folder.data)
  let ended = false
  for (let n = 1 + (seed % 4); n < POINTS_MAX && !ended; n += 4)
    for (const first of [true, false]) {
      const data = first ? mkdtempSync(join(tmpdir(), 'picket-new-')) : copyOf(folder)
      const { signal } = spawnSync(process.execPath, [ACT, data, 'init', String(n)])
      const answer = await refusal(initTenant(data, { tenant_id: 'golf' }))
      expect(answer).toMatch(/^allowed$|^conflict: The tenant golf exists/)
      const box = await openKeysBox({ data, log: silentLog })
      const golf = box.accounts.tenants().find(({ tenant_id }) => tenant_id === 'golf')
      expect(golf).toBeDefined()
      expect(box.ring.tenants()).toHaveLength(first ? 1 : 3) // no orphans
      expect(box.ring.layer(golf?.tenant_uid ?? '', 1, 'journal')).toHaveLength(32)
      expect(existsSync(join(data, 'tenants', golf?.tenant_uid ?? '', 'tier1'))).toBe(true)
      expect(box.chain.intact).toBe(true)
      box.close()
      if (!first)
        for (const [name, key] of before) expect((await everyKey(data)).get(name)).toBe(key)
      rmSync(data, { recursive: true })
      ended ||= first && signal === null
    }
  expect(ended).toBe(true)
})

test('keys-09 public keys of small order are not registered', () => {
  const points = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '0000000000000000000000000000000000000000000000000000000000000000',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // 1, not in its one form
  ]
  for (const point of points) {
    const raw = Buffer.from(point, 'hex')
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
    const record = {
      key_id: '0'.repeat(32),
      spki: spki.toString('base64'),
      owner: 'appliance',
      types: ['decision' as const],
    }
    expect(() => knownKeys([record]), point).toThrow(/small order/)
    expect(() => publicKeyFromRaw(raw)).toThrow(/small order/)
  }
})

test('a second picket-keys on the same folder does not start', async () => {
  const data = copyOf(folder)
  const first = await openKeysBox({ data, log: silentLog })
  expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(
    new RegExp(`^conflict: picket-keys already runs on .*as process ${process.pid}`),
  )
  first.close()
  ;(await openKeysBox({ data, log: silentLog })).close()
})

test('platform.db put back to an older state is noticed at start', async () => {
  const data = copyOf(folder)
  const older = mkdtempSync(join(tmpdir(), 'picket-db-'))
  copyFileSync(join(data, 'platform.db'), join(older, 'platform.db'))
  const box = await startBox({ ...folder, data })
  await box.admin()
  await box.close()
  copyFileSync(join(older, 'platform.db'), join(data, 'platform.db'))
  for (const suffix of ['-wal', '-shm']) rmSync(join(data, `platform.db${suffix}`), { force: true })
  expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(
    /^refused: The accounts of alfa in platform.db are not what was last signed/,
  )
})

let box: Box
beforeAll(async () => {
  box = await startBox(await makeFolder())
})
afterAll(() => box.close())

test('cell-07 questions with invented tokens', async () => {
  const { token } = await box.admin()
  const good = (await box.web.query({ token, sql: 'SELECT 1' })).rows
  const invented = ['A'.repeat(43), '', '../../etc', token.slice(0, -1), `${token}A`]
  for (const each of invented)
    expect(
      await refusal(box.web.query({ token: each, scope: ['alfa', 'zulu'], sql: 'SELECT 1' })),
    ).toMatch(/^unauthorized: Please sign in/)
  const answers = new Set<string>()
  for (let i = 0; i < 200; i++)
    answers.add(
      await refusal(box.web.query({ token: String(i).padStart(43, 'x'), sql: 'SELECT 1' })),
    )
  expect([...answers].some((answer) => answer.startsWith('too-many: '))).toBe(true)
  const { items } = await box.cli.auditList({ limit: 500 })
  const lines = items.filter(({ subject }) => subject === 'unknown-token')
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.length).toBeLessThanOrEqual(40) // folded, so that it cannot fill the trail
  expect((await box.web.query({ token, sql: 'SELECT 1' })).rows).toEqual(good) // the living are not slowed
})
