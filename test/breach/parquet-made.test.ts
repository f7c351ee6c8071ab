/** Attempts on the layer `parquet` by one who holds a key, kills the writer, or sets the engine: on a lake in this process. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, expect } from 'vitest'
import { refuseUnsafe } from '../../agent/lake/engine.ts'
import { FileCheck } from '../../agent/lake/file-check.ts'
import { Batch, writeSealed } from '../../agent/lake/parquet.ts'
import { openScratch } from '../../agent/lake/scratch.ts'
import { settle } from '../../agent/lake/settle.ts'
import { I64, type List, type Struct, set } from '../../agent/lake/thrift.ts'
import { makeSite, type Site } from '../lake/site.ts'
import { attempt, type Run } from './attempt.ts'
import { canary, filesBelow } from './canary.ts'
import { answerOf, inCatalog, openCatalog, signAgain } from './catalog-edit.ts'
import { ANCHOR, EMPTIED, HASH, HEAD, IN_MEMORY, OWN_FRAMING, SAFE_ENGINE } from './lake-layers.ts'
import { readFooter, withFields, withFooter } from './parquet-bytes.ts'

const ROWS = 20
let site: Site
let row = canary('a row')
beforeEach(async () => {
  row = canary('a row')
  site = await makeSite()
  await site.write(Array.from({ length: ROWS }, (_, i) => ({ host: `${row.text}-${i}` })))
})
afterEach(() => site.remove())

const lake = () => site.lake('alfa')

/** The one file of this lake, with its key. */
async function settled() {
  await settle(lake())
  const [file] = lake().catalog.files()
  if (!file) throw new Error('no file')
  const path = lake().catalog.absolute(file)
  const key = site.keys.keyFor(lake().tenant.tenant_uid, file.epoch)
  return { ...file, path, key, whole: readFileSync(path) }
}

attempt('parquet-04', {
  layers: [HASH, HEAD, ANCHOR],
  try: async (run) => {
    const { whole, key, path, ...file } = await settled()
    const doubled = withFields(readFooter(whole, key), (fields) => {
      const rows = { id: 3, type: I64, value: BigInt(ROWS * 2) }
      set(fields, rows)
      const groups = fields.find(({ id }) => id === 4)?.value as List
      for (const group of groups.items as Struct[]) set(group, rows)
    })
    const lie = withFooter(whole, key, doubled)
    writeFileSync(path, lie)
    if (!run.without(HASH)) return run.does('the check', new FileCheck().before({ ...file, path }))
    const sha256 = createHash('sha256').update(lie).digest('hex')
    await inCatalog(site, async (db) => {
      db.prepare('UPDATE file SET sha256 = ?, bytes = ?').run(sha256, lie.length)
      if (run.without(HEAD)) await signAgain(site, db)
    })
    return run.does('the lake', () => counts(run))
  },
})

async function counts(run: Run): Promise<void> {
  const catalog = await openCatalog(site, run)
  try {
    const rows = await answerOf(site, { catalog, sql: 'SELECT count(*) FROM events' })
    if (`${rows}` !== `${ROWS}`) run.harm(`${ROWS} rows were counted as ${rows}`)
  } finally {
    catalog.close()
  }
}

/** The folder in memory that openScratch would give; looked at without emptying it. */
const inMemory = () =>
  readdirSync('/dev/shm').filter((name) => name === `picket-${createHash('sha256').update(site.data).digest('hex').slice(0, 16)}`).map((name) => join('/dev/shm', name)) // biome-ignore format: one line

async function killedWriter(scratch?: string): Promise<void> {
  site.close()
  const { data, tenants, seed } = site
  writeFileSync(join(data, 'place.json'), JSON.stringify({ tenants, seed: seed.toString('hex') }))
  const program = join(import.meta.dirname, 'killed-writer.ts')
  const child = spawn(process.execPath, [program, data, ...(scratch ? [scratch] : [])], { stdio: 'inherit' }) // biome-ignore format: one line
  const signal = await new Promise((done) => child.on('exit', (_, by) => done(by)))
  expect(signal).toBe('SIGKILL')
}

attempt('parquet-06', {
  by: 'what is on the disk',
  layers: [IN_MEMORY],
  secrets: () => [row],
  try: async (run) => {
    await killedWriter(run.without(IN_MEMORY) ? join(site.data, 'scratch') : undefined)
    run.seen.push(...filesBelow(site.data))
    const left = inMemory().flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))) // biome-ignore format: one line
    run.saw('names', `in memory: ${left.length}`)
    for (const path of inMemory()) expect(statSync(path).mode & 0o777).toBe(0o700)
  },
})

attempt('parquet-06', {
  by: 'what stays until the next start',
  layers: [EMPTIED],
  secrets: () => [row],
  try: async (run) => {
    await killedWriter()
    if (!run.without(EMPTIED)) openScratch(site.data)
    const left = filesBelow(...inMemory())
    run.saw('names', `left in memory: ${left.length}`)
    run.seen.push(...left)
  },
})

attempt('parquet-07', {
  layers: [SAFE_ENGINE, OWN_FRAMING],
  try: async (run) => {
    const folder = mkdtempSync(join(tmpdir(), 'unsafe-'))
    const engine = await DuckDBInstance.create(':memory:', { force_mbedtls_unsafe: 'true' })
    const connection = await engine.connect()
    try {
      const path = join(folder, 'made.parquet')
      const key = Buffer.alloc(32, 7)
      if (!run.without(SAFE_ENGINE)) return await run.does('the start', refuseUnsafe(connection))
      if (!run.without(OWN_FRAMING)) {
        mkdirSync(join(folder, 'plain'))
        const lines = [Buffer.from('{"host":"x"}\n')]
        await using batch = await Batch.ofLines({ engine, scratch: join(folder, 'plain') }, lines)
        const { bytes } = await writeSealed(path, await batch.encode(), key)
        return run.saw('the file', `framed here: ${bytes} bytes`)
      }
      await connection.run(`PRAGMA add_parquet_key('k', '${key.toString('base64')}')`)
      await connection.run(`COPY (SELECT 1 AS x) TO '${path}' (FORMAT parquet, ENCRYPTION_CONFIG {footer_key: 'k'})`) // biome-ignore format: one line
      run.saw('the file', readFileSync(path))
      return run.harm('the engine wrote an encrypted file by itself')
    } finally {
      connection.closeSync()
      engine.closeSync()
      rmSync(folder, { recursive: true })
    }
  },
})

const MUTATED = 60
const SEED = Number(process.env.PICKET_SEED ?? Date.now() & 0xffff)

/** Footers that decrypt as they should, with one to three bytes of another value. */
function* mutants(footer: Buffer): Generator<Buffer> {
  let state = SEED
  const below = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >>> 8) % n
  }
  for (let i = 0; i < MUTATED; i++) {
    const other = Buffer.from(footer)
    for (let k = 0; k <= below(3); k++) other[below(other.length)] = below(256)
    if (!other.equals(footer)) yield other
  }
}

attempt('parquet-08', {
  by: `${MUTATED} of them, seed ${SEED}`,
  layers: [HASH],
  try: async (run) => {
    const { whole, key, path, ...file } = await settled()
    const check = new FileCheck()
    const sql = 'SELECT host, event_time, message FROM events ORDER BY host'
    const asked = () => answerOf(site, { catalog: lake().catalog, sql })
    const right = JSON.stringify(await asked())
    let answered = 0
    for (const footer of mutants(readFooter(whole, key))) {
      writeFileSync(path, withFooter(whole, key, footer))
      const one = run.without(HASH) ? asked() : check.before({ ...file, path }).then(asked)
      const answer = await one.then(JSON.stringify, (error: unknown) => run.saw('an answer', error))
      if (answer !== undefined) answered++
    }
    run.saw('the answers', { answered })
    if (answered > 0) run.harm(`${answered} of ${MUTATED} changed files were answered from`)
    writeFileSync(path, whole)
    expect(JSON.stringify(await asked())).toBe(right)
  },
})
