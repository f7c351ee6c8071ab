/** Attempts on the layer `keys`: what a box gives away, what its root key's file may be, and a rotation killed at each write. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { connect } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import {
  type Box,
  copyOf,
  type Folder,
  filesHolding,
  makeFolder,
  refusal,
  startBox,
} from './box.ts'
import { type Canary, canaryOf, filesBelow } from './canary.ts'
import {
  ALFA,
  looseCustodian,
  ringOf,
  twoTenants,
  uncheckedCustodian,
  wrappedPath,
} from './loose-keys.ts'

const ACT = fileURLToPath(new URL('./keys-act.ts', import.meta.url))
const POINTS_MAX = 500
/** Processes are dear; the next run takes the next ones. */
const STRIDE = 3
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 12))

let folder: Folder
beforeAll(async () => {
  folder = await makeFolder()
})

/** Every key of every tenant and epoch there is, as one text; throws where one does not open. */
async function everyKey(data: string): Promise<Map<string, string>> {
  const ring = await ringOf(data)
  const keys = new Map<string, string>()
  for (const uid of ring.tenants())
    for (const { epoch } of ring.inventory(uid).epochs)
      keys.set(`${uid}/${epoch}`, ring.layer(uid, epoch, 'parquet').toString('hex'))
  return keys
}

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
  // Control: the lake does get the subkey that is its own.
  const { key } = await box.lake.parquetKey({ tenant_uid: folder.alfa.tenant_uid })
  expect(Buffer.from(key, 'base64')).toEqual(ring.layer(folder.alfa.tenant_uid, 1, 'parquet'))
  await box.close()
})

const CALLERS: Layer = { name: 'the calls that a caller has', shows: /This caller may not/ }
const WRAPPED: Layer = { name: 'keys wrapped on the disk', shows: /"wrapped":"/ }
const FACTS: Layer = { name: 'the facts of a root key file', shows: /chmod 600|chmod 700|chown/ }
const WHOLE: Layer = { name: 'a file of a key appears whole', shows: /every key opens/ }
const BESIDE: Layer = {
  name: 'all is wrapped anew beside the old before the root changes',
  shows: /every key opens/,
}

let secret: Canary[] = []
const given = () => secret

attempt('keys-03', {
  by: 'the calls of the web process',
  layers: [CALLERS],
  secrets: given,
  try: async (run) => {
    const box = await startBox({ ...folder, data: copyOf(folder) })
    const { tenant_uid } = folder.alfa
    secret = [canaryOf('a key of alfa', box.box.ring.layer(tenant_uid, 1, 'parquet'))]
    const asked = await connect(socketPath(box.data, 'keys', run.without(CALLERS) ? 'lake' : 'web'))
    for (const call of ['parquetKey', 'openSegment', 'catalogKey', 'dek', '__proto__'])
      await run.does(call, asked.call(call, { tenant_uid }))
    asked.close()
    await box.close()
  },
})

attempt('keys-03', {
  by: 'the files of the box',
  layers: [WRAPPED],
  secrets: given,
  try: async (run) => {
    const keys = await twoTenants(run.without(WRAPPED) ? () => looseCustodian('not at all') : undefined) // biome-ignore format: one line
    secret = [canaryOf('the key that wraps those of alfa', await keys.kek(ALFA))]
    run.seen.push(...filesBelow(keys.folder))
  },
})

for (const [by, change, back] of [
  ['its group reads it', (path) => chmodSync(path, 0o640), (path) => chmodSync(path, 0o600)],
  ['it is another’s', (path) => chownSync(path, 12_345, 0), (path) => chownSync(path, 0, 0)],
  ['others write its folder', (path) => chmodSync(dirname(path), 0o777), (path) => chmodSync(dirname(path), 0o700)], // biome-ignore format: one line
] as [string, (path: string) => void, (path: string) => void][])
  attempt('keys-04', {
    by,
    layers: [FACTS],
    missing: by.includes('another') && process.geteuid?.() !== 0 ? 'Only root gives a file away.' : undefined, // biome-ignore format: one line
    try: async (run) => {
      const data = copyOf(folder)
      const keys = join(data, 'keys')
      change(join(keys, 'root.key'))
      await run.does('the start', async () => {
        if (run.without(FACTS))
          await Keyring.open({ folder: keys, custodian: uncheckedCustodian(keys) })
        else (await openKeysBox({ data, log: silentLog })).close()
        run.harm('it starts with a root key that others had')
      })
      back(join(keys, 'root.key'))
      await run.does('put right', async () => (await openKeysBox({ data, log: silentLog })).close())
    },
    holds: (run) => expect(run.text).toMatch(/put right: nothing/),
  })

/** A rotation killed before its writes, every third of them in a run: what does not open afterwards is harm. */
async function killedAtEach(act: 'epoch' | 'root', run: Run): Promise<void> {
  const before = await everyKey(folder.data)
  process.stderr.write(`seed ${SEED}\n`)
  let killed = 0
  for (let n = 1 + (SEED % STRIDE); n < POINTS_MAX; n += STRIDE) {
    const data = copyOf(folder)
    const { signal, status, stderr } = spawnSync(process.execPath, [ACT, data, act, String(n)])
    const after = await everyKey(data)
    for (const [name, key] of before) if (after.get(name) !== key) run.harm(`${name} at ${n}`)
    expect(after.size - before.size).toBeLessThanOrEqual(act === 'epoch' ? 1 : 0)
    const box = await openKeysBox({ data, log: silentLog })
    expect(box.accounts.tenants()).toHaveLength(2)
    expect(box.chain.intact).toBe(true)
    box.close()
    rmSync(data, { recursive: true })
    if (signal === null) {
      expect(status, String(stderr)).toBe(0) // with no kill left, it ends
      break
    }
    killed++
  }
  expect(killed).toBeGreaterThan(10 / STRIDE)
  run.saw('the end', `killed ${killed} times, every key opens`)
}

/** What is left of a rotation that is written in place, and by a root that changes first. */
const INSTEAD = {
  epoch: async (data: string) => {
    const path = wrappedPath(data, 1, folder.alfa.tenant_uid, 'dek-1.json')
    const whole = readFileSync(path)
    writeFileSync(path.replace('dek-1', 'dek-2'), whole.subarray(0, whole.length / 2))
  },
  root: async (data: string) => {
    const next = await openFileCustodian(join(data, 'keys')).succeed()
    await next.adopt()
  },
}

for (const [act, layer] of [['epoch', WHOLE], ['root', BESIDE]] as const) // biome-ignore format: one line
  attempt('keys-08', {
    by: `of the ${act}`,
    layers: [layer],
    try: async (run) => {
      if (!run.without(layer)) return killedAtEach(act, run)
      const data = copyOf(folder)
      await INSTEAD[act](data)
      await run.does('the keys', async () => (await everyKey(data)).size)
      if (/refused/.test(run.text)) run.harm('a key does not open')
    },
  })

test('keys-08 kill -9 at the writes of an init: run again, it is whole', async () => {
  process.stderr.write(`seed ${SEED}\n`)
  const before = await everyKey(folder.data)
  let ended = false
  for (let n = 1 + (SEED % 4); n < POINTS_MAX && !ended; n += 4)
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
