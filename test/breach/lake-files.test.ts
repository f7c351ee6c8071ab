/** Attempts on the layers `parquet` and `catalog`: a file or a catalog that is not what was signed never means fewer rows without a word. */
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync,
  linkSync, mkdirSync,
  readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NODE_FLAGS } from '../../agent/control/units.ts'
import { RunningLake } from '../lake/running-lake.ts'
import { attempt } from './attempt.ts'
import { refusal } from './box.ts'
import { filesBelow } from './canary.ts'
import { ONE_PROCESS } from './lake-layers.ts'

const COUNT = 'SELECT count(*) FROM events'

let box: RunningLake
let files: string[] = []
let foreign = ''
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'acme' })
  for (const [n, host] of [[1, 'first'] as const, [2, 'second'] as const])
    for (const tenant of ['alfa', 'zulu'])
      await box.import(
        tenant,
        Array.from({ length: n }, () => ({ host })),
      )
  files = (await box.files('alfa')).map(({ path }) => path)
  foreign = (await box.files('zulu'))[0]?.path as string
})
afterAll(() => box.close())

const asked = (partial = false) => box.ask(['alfa'], COUNT, partial)
const named = () => box.cli.query({ scope: ['alfa'], named: 'severities' })
const [first, second] = [() => files[0] as string, () => files[1] as string]

const HARM: Record<string, () => void> = {
  'one bit flipped': () => {
    const bytes = readFileSync(first())
    const middle = bytes.length >>> 1
    bytes[middle] = (bytes[middle] as number) ^ 1
    writeFileSync(first(), bytes)
  },
  'cut short': () => truncateSync(first(), 100),
  emptied: () => truncateSync(first(), 0),
  missing: () => rmSync(first()),
  'another file of the same tenant': () => copyFileSync(second(), first()),
  "another tenant's file": () => copyFileSync(foreign, first()),
  'a link to the other file': () => {
    rmSync(first())
    symlinkSync(second(), first())
  },
  'a hard link to the other file': () => {
    rmSync(first())
    linkSync(second(), first())
  },
  'plain Parquet with a row in it': () => {
    const script = `COPY (SELECT 'planted' AS host) TO '${first()}' (FORMAT parquet)`
    rmSync(first())
    execFileSync(process.execPath, ['-e', `import('@duckdb/node-api').then(async ({ DuckDBInstance }) => (await (await DuckDBInstance.create()).connect()).run(${JSON.stringify(script)}))`], { cwd: import.meta.dirname }) // biome-ignore format: one line
  },
  'a folder': () => {
    rmSync(first())
    mkdirSync(first())
  },
  'a pipe': () => {
    rmSync(first())
    execFileSync('mkfifo', [first()])
  },
}

describe.each(Object.entries(HARM))('a lake file: %s', (_, harm) => {
  const kept = () => join(box.data, 'run', 'kept')
  beforeEach(async () => {
    expect((await asked()).rows).toEqual([[3]])
    copyFileSync(first(), kept())
    harm()
    return () => {
      rmSync(first(), { recursive: true, force: true })
      renameSync(kept(), first())
    }
  })

  test('is an error that names it; with `partial` a gap that names it', async () => {
    const answer = await refusal(asked())
    expect(answer).toMatch(/^(refused|not-found|unavailable): /)
    expect(answer).toContain(first())
    expect(await refusal(named())).toBe(answer)
    const { rows, gaps } = await asked(true)
    expect(rows).toEqual([[2]])
    expect(gaps).toEqual([expect.stringMatching(/1 rows? /)])
    expect(gaps?.[0]).toContain(first())
    expect((await box.ask(['zulu'], COUNT)).rows).toEqual([[3]]) // nobody else is touched
  })
})

test('the command line says it with exit code 3, and 2 for a file that is gone', async () => {
  const kept = `${first()}.kept`
  copyFileSync(first(), kept)
  truncateSync(first(), 100)
  const changed = await box.query('alfa', COUNT)
  expect([changed.code, changed.out]).toEqual([3, ''])
  expect(JSON.parse(changed.err).error.message).toContain(first())
  const partial = await box.query('alfa', COUNT, '--partial')
  expect([partial.code, JSON.parse(partial.out).gaps.length]).toEqual([0, 1])
  rmSync(first())
  const gone = await box.query('alfa', COUNT)
  expect([gone.code, gone.out]).toEqual([2, ''])
  expect(JSON.parse(gone.err).error.message).toBe(`The lake file ${first()} is missing.`)
  renameSync(kept, first())
})

test('two files of one tenant exchanged', async () => {
  const swap = () => {
    renameSync(first(), `${first()}.swap`)
    renameSync(second(), first())
    renameSync(`${first()}.swap`, second())
  }
  swap()
  expect(await refusal(asked())).toMatch(/^refused: .*changed or swapped/)
  expect((await asked(true)).gaps).toHaveLength(2)
  swap()
  expect((await asked()).rows).toEqual([[3]])
})

describe('catalog.db', () => {
  const folder = (tenant = 'alfa') => join(box.data, 'tenants', box.tenant(tenant).tenant_uid)
  const catalog = (tenant = 'alfa') => join(folder(tenant), 'catalog.db')
  const past: string[] = []

  /** With the lake down, as somebody with the disk would. */
  const whileDown = async (act: () => void) => {
    await box.stop('lake')
    act()
    await box.start('lake')
  }
  const refusedFor = async (harm: () => void) => {
    await whileDown(harm)
    const answer = await refusal(asked())
    const { tenants } = await box.lake((lake) => lake.status())
    expect(tenants.find(({ tenant_id }) => tenant_id === 'alfa')?.fault).toContain(catalog())
    expect((await box.ask(['zulu'], COUNT)).rows).toEqual([[3]])
    expect(files.filter((path) => !existsSync(path))).toEqual([]) // evidence stays
    return answer
  }
  beforeAll(async () => {
    for (let i = 0; i < 3; i++) {
      const at = join(box.data, 'run', `catalog-${i}`)
      await whileDown(() => copyFileSync(catalog(), at))
      past.push(at)
      await box.import('alfa', [{ host: `later-${i}` }])
    }
    files = (await box.files('alfa')).map(({ path }) => path)
    expect((await asked()).rows).toEqual([[6]])
    const now = join(box.data, 'run', 'catalog-now')
    await whileDown(() => copyFileSync(catalog(), now))
    return () => whileDown(() => copyFileSync(now, catalog()))
  })

  test.each([
    ['three generations', 0],
    ['two generations', 1],
    ['one generation', 2],
  ])('put back by %s is refused, and no file is taken for a stray', async (_, i) => {
    const answer = await refusedFor(() => copyFileSync(past[i] as string, catalog()))
    expect(answer).toMatch(/^refused: The catalog .*rolled back/)
    expect(answer).toContain(catalog())
  })

  test('removed is refused: a lake that held rows is not new', async () => {
    expect(await refusedFor(() => rmSync(catalog()))).toMatch(/^refused: The catalog /)
  })

  test("another tenant's in its place is refused", async () => {
    expect(await refusedFor(() => copyFileSync(catalog('zulu'), catalog()))).toContain(catalog())
  })

  test('one bit flipped is refused', async () => {
    const harm = () => {
      const bytes = readFileSync(join(box.data, 'run', 'catalog-now'))
      const at = bytes.length >>> 1
      bytes[at] = (bytes[at] as number) ^ 1
      writeFileSync(catalog(), bytes)
    }
    expect(await refusedFor(harm)).toMatch(/^refused: /)
  })

  test('the right one in its place answers again', async () => {
    await whileDown(() => copyFileSync(join(box.data, 'run', 'catalog-now'), catalog()))
    expect((await asked()).rows).toEqual([[6]])
  })
})

const PROGRAM = fileURLToPath(new URL('../../agent/control/run-lake.ts', import.meta.url))
let pid = 0

/** Another picket-lake on this folder: what it wrote until it was ready or gone. */
async function another(): Promise<string> {
  const child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, '--data', box.data])
  let said = ''
  const ended = new Promise<void>((done) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        said += bytes.toString()
        if (said.includes('lake.ready')) done()
      })
    child.on('close', () => done())
  })
  await ended
  child.kill('SIGKILL')
  return said
}

attempt('catalog-05', {
  by: 'a second picket-lake',
  layers: [ONE_PROCESS],
  try: async (run) => {
    if (run.without(ONE_PROCESS)) rmSync(join(box.data, 'run', 'lake', 'lock'))
    pid = box.pid('lake')
    const said = await another()
    run.saw('the second', said)
    if (/lake\.ready/.test(said)) run.harm('two picket-lake work in one folder')
  },
  // A second one has taken the sockets of the first.
  undo: async () => {
    await box.stop('lake')
    await box.start('lake')
  },
  holds: async (run) => {
    expect(run.text).toContain(`Another picket-lake (process ${pid}) works in`)
    expect(Number((await asked()).rows[0]?.[0])).toBeGreaterThan(2)
  },
})

test('catalog-06 no file of the box begins like plain SQLite or plain Parquet', async () => {
  const files = filesBelow(box.data).filter(({ where }) => where.startsWith(box.data))
  expect(files.length).toBeGreaterThan(20)
  const plain = files.filter(({ bytes }) => /^(SQLite format 3|PAR1)/.test(bytes.toString('latin1', 0, 16))) // biome-ignore format: one line
  expect(plain.map(({ where }) => where)).toEqual([])
})
