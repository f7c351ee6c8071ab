/**
 * picket-lake: journal segments in, encrypted Parquet and a signed catalog out. It asks picket-keys for
 * each key it needs and holds none longer than a file takes.
 */
import { createPublicKey } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { type Log, openLog } from '../base/log.ts'
import type { KnownKey } from '../base/signing.ts'
import { driveNotes } from '../health/drive-notes.ts'
import { openEngine } from '../lake/engine.ts'
import type { LakeKeys } from '../lake/keys.ts'
import { Lake } from '../lake/lake.ts'
import { lockFile } from '../lake/lock.ts'
import { openScratch } from '../lake/scratch.ts'
import { Duty, moves } from './duty.ts'
import { type ClientOf, keysForLake, type LakeCalls } from './keys-client.ts'
import { type LakeMethods, lakeMethods } from './lake-methods.ts'
import { serve } from './rpc.ts'
import { socketPath } from './sockets.ts'

const KEYS_WAIT_MS_MAX = 30_000
const KEYS_RETRY_MS = 100
const ENGINE_MIB = 512
const WORK_MS_MIN = 500
/** A round may compact much; it never takes this long. */
const ROUND_MS_MAX = 300_000

async function run(): Promise<void> {
  process.umask(0o077)
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' } },
  })
  const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
  const config = loadConfig(data, values.config)
  const log = openLog('picket-lake')
  claim(data)
  const client = keysForLake(data)
  const keys = keysOver(client)
  await waitForKeys(keys, log)
  const scratch = openScratch(data)
  const lake = new Lake({
    data,
    keys,
    log,
    scratch,
    engine: await openEngine({ memoryMiB: ENGINE_MIB, spill: scratch }),
    compactFiles: config.lake.compactFiles,
    retentionDays: config.lake.retentionDays,
    budgets: {
      ringBytes: config.ring.bytes,
      journalBytes: config.journal.bytes,
      lakeBytes: config.lake.bytes,
    },
    driveWear: (device) => driveNotes(data).find((drive) => device.startsWith(`${drive.device}n`))?.usedPercent, // biome-ignore format: one line
    onRetired: async ({ tenant_id }, { files, rewritten, rows, bytes, to_us }, why) => {
      const verb = why === 'quota' ? 'lake.over-quota' : 'lake.retired'
      const until = new Date(to_us / 1000).toISOString().slice(0, 10)
      const subject = `until-${until}/${bytes}-bytes/${files}-files/${rewritten}-rewritten`
      await client.audit({ verb, subject, count: rows, tenant_id, outcome: 'done' })
    },
  })
  let rounds = 0
  const work = coalesce(async () => {
    try {
      await lake.refresh()
      return await lake.work()
    } finally {
      rounds++ // also one that had to wait for picket-keys: to start anew would wait no shorter
    }
  })
  await work()
  const servers = await listen(data, log, lakeMethods(lake, work, client))
  const everyMs = Math.max(WORK_MS_MIN, config.lake.settleSeconds * 1000)
  const failed = (error: unknown) => {
    // Each tenant's own work waits for picket-keys by itself; who would start again would wait no shorter.
    if (Failure.kindOf(error) === 'unavailable') log.debug({}, 'lake.waits-for-keys')
    else die(log, error)
  }
  const timer = setInterval(() => work().catch(failed), everyMs)
  log.info({ data }, 'lake.ready')
  const words = 'the lake is not written'
  const duty = Duty.begin({ log, checks: [moves(() => rounds, { withinMs: ROUND_MS_MAX, words })] })
  process.once('SIGTERM', () => {
    duty.end()
    clearInterval(timer)
    Promise.all(servers.map((server) => server.close()))
      .then(() => lake.close())
      .then(() => rmSync(scratch, { recursive: true, force: true }))
      .then(() => process.exit(0))
      .catch((error) => die(log, error))
  })
}

function listen(data: string, log: Log, methods: LakeMethods) {
  return Promise.all(
    (['agent', 'keys', 'cli', 'link'] as const).map((caller) =>
      serve(socketPath(data, 'lake', caller), methods[caller], log),
    ),
  )
}

/** One lake process a data folder: two would make two catalogs of one lake. */
function claim(data: string): void {
  const folder = join(data, 'run', 'lake')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'lock')
  const fd = openSync(path, 'a')
  if (!lockFile(fd))
    throw new Failure('conflict', `Another picket-lake (process ${readFileSync(path, 'utf8').trim()}) works in ${data}.`) // biome-ignore format: one line
  writeFileSync(path, `${process.pid}\n`)
}

/** While one round runs, all further asks share the one after it. */
function coalesce<T>(task: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let next: Promise<T> | undefined
  const start = () => {
    running = task().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}

function keysOver(client: ClientOf<LakeCalls>): LakeKeys {
  const bytes = (text: string) => Buffer.from(text, 'base64')
  return {
    tenants: async () => (await client.tenants()).tenants,
    readSegment: async ({ salt, ...of }) =>
      bytes((await client.readSegment({ ...of, salt: salt.toString('hex') })).key),
    acknowledged: async (of) => (await client.acknowledged(of)).frames,
    parquetKey: async (of) => {
      const { epoch, key } = await client.parquetKey(of)
      return { epoch, key: bytes(key) }
    },
    catalogKey: async ({ tenant_uid }) => bytes((await client.catalogKey({ tenant_uid })).key),
    reserveModules: async (of) => void (await client.reserveModules(of)),
    sign: (body) => client.sign({ type: 'catalog', body }),
    anchorCatalog: async (of) => void (await client.anchorCatalog(of)),
    publicKeys: async () => {
      const { keys } = await client.publicKeys()
      return new Map(
        keys.map(({ key_id, spki, owner, types }): [string, KnownKey] => [
          key_id,
          { key: createPublicKey({ key: bytes(spki), format: 'der', type: 'spki' }), owner, types },
        ]),
      )
    },
  }
}

async function waitForKeys(keys: LakeKeys, log: Log): Promise<void> {
  const deadline = performance.now() + KEYS_WAIT_MS_MAX
  for (;;) {
    try {
      await keys.tenants()
      return
    } catch (error) {
      if (performance.now() > deadline || Failure.kindOf(error) !== 'unavailable') throw error
      log.debug({}, 'lake.waits-for-keys')
      await new Promise((done) => setTimeout(done, KEYS_RETRY_MS))
    }
  }
}

function die(log: Log, error: unknown): void {
  log.error({ error: String((error as Error)?.stack ?? error) }, 'lake.died')
  process.exit(1)
}

await run().catch((error: unknown) => die(openLog('picket-lake'), error))
