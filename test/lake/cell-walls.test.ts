/** The walls that picket-keys puts around its cells, on a running box: a user of its own each, and the kernel's bound of their memory. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CELL_LIMITS, CellClient } from '../../agent/control/cell-client.ts'
import { CellPool } from '../../agent/control/cell-pool.ts'
import { FIRST_USER, USERS_MAX, userOf } from '../../agent/lake/own-user.ts'
import { openWalls, type Walls } from '../../agent/lake/walls.ts'
import { descendants, RunningLake } from './running-lake.ts'

const MIB = 2 ** 20
const walls = await openWalls(tmpdir())
let box: RunningLake
beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'acme', zulu: 'zorro' })
  await box.import('alfa', [{ host: 'a' }])
  await box.import('zulu', [{ host: 'z' }])
})
afterAll(async () => {
  await box.close()
  await walls.close()
})

/** Below picket-keys: what was confined, by its program. */
function confined(): { pid: number; program: string }[] {
  return descendants(box.pid('keys')).flatMap((pid) => {
    const program = /run-(cell|sql-guard)\.ts/.exec(textOf(`/proc/${pid}/cmdline`))?.[1]
    return program === undefined ? [] : [{ pid, program }]
  })
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The groups that a process is in which were made for it. */
const groupsOf = (pid: number) => textOf(`/proc/${pid}/cgroup`).match(/picket-\d+-\d+-\d+/g) ?? []

test('each process that reads rows or SQL is its own user, and sees the files of its scope', async ({
  skip,
}) => {
  if (!walls.users) return skip(walls.because.users)
  expect((await box.ask(['alfa'], 'SELECT host FROM events')).rows).toEqual([['a']])
  for (const scope of [['alfa'], ['zulu'], ['alfa', 'zulu']]) {
    const { rows } = await box.cli.query({ scope, named: 'events' }) // their cells stay
    expect(rows).toHaveLength(scope.length)
  }
  const users = () => confined().map(({ pid }) => userOf(pid))
  // Three with keys, two that wait, one that judges.
  await expect.poll(() => confined().length, { timeout: 30_000 }).toBe(6)
  await expect
    .poll(() => users().every((uid) => uid !== undefined && uid >= FIRST_USER), { timeout: 30_000 })
    .toBe(true)
  expect(new Set(users()).size).toBe(6)
  expect(users().every((uid) => (uid as number) < FIRST_USER + USERS_MAX)).toBe(true)
  expect(confined().filter(({ program }) => program === 'sql-guard')).toHaveLength(1)
})

test('a question that takes more than its cell may is ended by the kernel, in words; the next is answered', async ({
  skip,
}) => {
  if (!walls.groups) return skip(walls.because.groups)
  // The watch of its parent, which looks each 20 ms, is far away: only the kernel is in the way.
  const groups = { make: () => (walls.groups as NonNullable<Walls['groups']>).make(160 * MIB) } as unknown as Walls['groups'] // biome-ignore format: one line
  const limits = { ...CELL_LIMITS, rssBytes: 1536 * MIB }
  const ask = async (sql: string) => {
    const cell = await CellClient.start(limits, { ...walls, groups })
    try {
      await cell.confine([])
      await cell.open([])
      return await cell.ask({ sql, params: {}, bytesMax: MIB })
    } finally {
      cell.kill()
    }
  }
  const big = `SELECT length(replace(repeat('x', 1000000), 'x', '${'x'.repeat(300)}')) AS n`
  await expect(ask(big)).rejects.toThrow(/^The question needed more than 1536 MB of memory and was ended\.$/) // biome-ignore format: one line
  expect((await ask('SELECT 1')).rows).toEqual([[1]])
})

test('on a box each has its group, and none is left of a picket-keys that was killed', async ({
  skip,
}) => {
  if (!walls.groups) return skip(walls.because.groups)
  const groups = () => confined().flatMap(({ pid }) => groupsOf(pid))
  await expect.poll(() => groups().length, { timeout: 30_000 }).toBeGreaterThan(2)
  // One that was started this moment is not in it yet.
  const all = () => confined().every(({ pid }) => groupsOf(pid).length > 0)
  await expect.poll(all, { timeout: 30_000 }).toBe(true)
  const made = walls.groups.make(64 * MIB)
  const folders = made.paths.map((path) => path.slice(0, path.lastIndexOf('/')))
  made.remove()
  const mark = `picket-${box.pid('keys')}-`
  const left = () => folders.flatMap((folder) => readdirSync(folder)).filter((name) => name.startsWith(mark)) // biome-ignore format: one line
  expect(left().length).toBeGreaterThan(0)
  await box.stop('keys', 'SIGKILL')
  await box.start('keys')
  await expect.poll(left, { timeout: 30_000 }).toEqual([])
  expect((await box.ask(['alfa'], 'SELECT host FROM events')).rows).toEqual([['a']])
  const next = `picket-${box.pid('keys')}-`
  await box.stop('keys')
  expect(folders.flatMap((folder) => readdirSync(folder)).filter((name) => name.startsWith(next))).toEqual([]) // biome-ignore format: one line
})

test('a waiting cell that did not start is nobody’s failure', async () => {
  const pool = new CellPool(walls)
  pool.prepare()
  for (const pid of descendants(process.pid))
    if (textOf(`/proc/${pid}/cmdline`).includes('run-cell.ts')) process.kill(pid, 'SIGKILL')
  const cell = await pool.fresh()
  expect(cell.isGone).toBe(false)
  cell.kill()
  pool.close()
})
