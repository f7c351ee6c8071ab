/** Cells that stay for the fixed questions of pages (D14), as processes: whose they are, how many, what they see, and when they end. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CellClient } from '../../agent/control/cell-client.ts'
import { CellPool, WARM_MAX, type WarmRequest } from '../../agent/control/cell-pool.ts'
import type { QueryRunner } from '../../agent/control/keys-client.ts'
import type { Branch } from '../../agent/lake/cell.ts'
import { FIRST_USER, userOf } from '../../agent/lake/own-user.ts'
import { openWalls } from '../../agent/lake/walls.ts'
import { makeRows, type Rows } from '../bench/lake/rows.ts'
import { makeFolder, PASSWORD, startBox } from '../breach/box.ts'

const folder = mkdtempSync(join(tmpdir(), 'warm-'))
const GONE_MS_MAX = 10_000
const walls = await openWalls(tmpdir())
const pool = new CellPool(walls)
let rows: Rows
beforeAll(async () => {
  rows = await makeRows(join(folder, 'rows'), { tenants: 6, rowsEach: 4_000, fileRows: 2_000, groupRows: 2_048 }) // biome-ignore format: one line
})
afterAll(async () => {
  pool.close()
  await walls.close()
  rmSync(folder, { recursive: true, force: true })
})

const COUNT = { sql: 'SELECT tenant_id, count(*) FROM events GROUP BY 1 ORDER BY 1', params: {}, bytesMax: 1 << 20 } // biome-ignore format: one line

interface Asked {
  session?: string
  rights?: string
  branches?: Branch[]
}

function requestFor(
  tenants: string[],
  { session = 's1', rights = '1', branches }: Asked = {},
): WarmRequest {
  const own = branches ?? rows.branches.filter(({ tenant_id }) => tenants.includes(tenant_id))
  const paths = own.flatMap((branch) => branch.paths)
  return {
    key: JSON.stringify([tenants, rights]),
    session,
    tenant_uids: tenants,
    folders: rows.branches.filter(({ tenant_id }) => tenants.includes(tenant_id)).map((branch) => `${dirname(branch.paths[0] as string)}/`), // biome-ignore format: one line
    snapshot: paths.join(),
    branches: own,
  }
}

const pidAnd = (cell: CellClient) => cell.ask(COUNT).then((answer) => ({ pid: cell.pid, rows: answer.rows })) // biome-ignore format: one line
const ask = (request: WarmRequest) => pool.warm(request, pidAnd)

async function isGone(pid: number): Promise<boolean> {
  for (const deadline = performance.now() + GONE_MS_MAX; performance.now() < deadline; ) {
    if (!existsSync(`/proc/${pid}/cmdline`)) return true
    await new Promise((done) => setTimeout(done, 20))
  }
  return false
}

test('one scope, one process; another scope, another process; other rights, another too', async () => {
  const first = await ask(requestFor(['site-0']))
  expect(first.rows).toEqual([['site-0', 4000]])
  expect((await ask(requestFor(['site-0'], { session: 's2' }))).pid).toBe(first.pid)
  const pids = new Set([first.pid])
  for (const other of [requestFor(['site-1']), requestFor(['site-0', 'site-1']), requestFor(['site-0'], { rights: '2' })]) // biome-ignore format: one line
    pids.add((await ask(other)).pid)
  expect(pids.size).toBe(4)
})

test("a warm cell that is told another scope's files cannot read them", async () => {
  const { pid } = await ask(requestFor(['site-0']))
  const foreign = rows.branches.filter(({ tenant_id }) => tenant_id === 'site-1')
  const request = { ...requestFor(['site-0']), branches: foreign, snapshot: 'site-1' }
  await expect(ask(request)).rejects.toThrow()
  const after = await ask(requestFor(['site-0']))
  expect(after).toEqual({ pid, rows: [['site-0', 4000]] })
})

test('rows that came with a new file are seen by the same process', async () => {
  const [branch] = rows.branches as [Branch]
  const one = [{ ...branch, paths: branch.paths.slice(0, 1) }]
  const before = await ask(requestFor(['site-0'], { branches: one }))
  const after = await ask(requestFor(['site-0']))
  expect([before.rows, after.rows]).toEqual([[['site-0', 2000]], [['site-0', 4000]]])
  expect(after.pid).toBe(before.pid)
})

test('there are never more than so many, and one in use is not ended for another', async () => {
  const busy = rows.branches.slice(0, WARM_MAX).map(({ tenant_id }) => requestFor([tenant_id]))
  let go = () => {}
  const held = new Promise<void>((done) => {
    go = done
  })
  const inUse = busy.map((request) =>
    pool.warm(request, async (cell) => {
      await held
      return (await cell.ask(COUNT)).rows
    }),
  )
  const [fifth] = rows.branches.slice(WARM_MAX, WARM_MAX + 1) as [Branch]
  const apart = await ask(requestFor([fifth.tenant_id]))
  expect(apart.rows).toEqual([[fifth.tenant_id, 4000]])
  expect(await isGone(apart.pid)).toBe(true) // used once
  go()
  expect(await Promise.all(inUse)).toEqual(busy.map(({ branches: [own] }) => [[own?.tenant_id, 4000]])) // biome-ignore format: one line
  await ask(requestFor([fifth.tenant_id])) // now one of them was idle
  expect(await pool.warmPids).toHaveLength(WARM_MAX)
})

test('it ends with the last session that used it, and with its tenant', async () => {
  const { pid } = await ask(requestFor(['site-5'], { session: 'a' }))
  await ask(requestFor(['site-5'], { session: 'b' }))
  pool.leave('a')
  pool.leave('somebody')
  expect((await ask(requestFor(['site-5'], { session: 'b' }))).pid).toBe(pid)
  pool.leave('b')
  expect(await isGone(pid)).toBe(true)
  const again = await ask(requestFor(['site-5']))
  pool.forget('site-5')
  expect(await isGone(again.pid)).toBe(true)
})

/** What another process of the same user finds when it opens the cell's descriptors. */
const INTRUDER = `
  const { readdirSync, readFileSync } = require('node:fs')
  const base = '/proc/' + process.argv[1] + '/fd'
  let said = []
  try { for (const fd of readdirSync(base)) try { readFileSync(base + '/' + fd); said.push('read') } catch (e) { said.push(e.code) } }
  catch (e) { said.push(e.code) }
  console.log([...new Set(said)].join())`

test('the opened columns have no name, and no other process of its user opens them', async ({
  skip,
}) => {
  const { pid } = await ask(requestFor(['site-3']))
  const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`),
  )
  expect(descriptors.filter((to) => to.startsWith('/memfd:cell'))).not.toEqual([])
  expect(descriptors.filter((to) => /parquet|shm/.test(to) && !to.startsWith(folder))).toEqual([])
  const uid = userOf(pid)
  if (!walls.users) return skip(walls.because.users)
  expect(uid).toBeGreaterThanOrEqual(FIRST_USER)
  const args = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', process.execPath, '-e', INTRUDER, String(pid)] // biome-ignore format: one line
  expect(spawnSync('setpriv', args).stdout.toString().trim()).toBe('EACCES')
})

test('sign-out, an idle time that is over and a change of role tell whoever answers', async () => {
  const left: string[] = []
  const asked: { session: string; rights: readonly string[] }[] = []
  const runner: QueryRunner = {
    query: async ({ session, rights }) => {
      asked.push({ session, rights })
      return { scope: ['alfa'], columns: [], rows: [] }
    },
    leave: (session) => void left.push(session),
  }
  const box = await startBox(await makeFolder(), runner)
  try {
    const { token } = await box.admin()
    const look = { scope: ['alfa'], named: 'severities' }
    const user = await box.web.addUser({ token, name: 'looks', role: 'viewer', password: `${PASSWORD} 2` }) // biome-ignore format: one line
    const enter = async () => {
      box.clock.aheadMs += 60_000
      return box.web.login({ name: 'looks', password: `${PASSWORD} 2`, source: '192.0.2.1' })
    }
    const first = await enter()
    await box.web.query({ token: first.token, ...look })
    await box.web.logout({ token: first.token })
    const second = await enter()
    await box.web.query({ token: second.token, ...look })
    await box.web.changeUser({ token, user_id: user.user_id, role: 'operator' })
    const third = await enter()
    await box.web.query({ token: third.token, ...look })
    box.clock.aheadMs += 31 * 60_000
    await expect(box.web.query({ token: third.token, ...look })).rejects.toThrow(/sign in/)
    expect(left).toEqual(expect.arrayContaining(asked.map(({ session }) => session)))
    expect(new Set(asked.map(({ session }) => session)).size).toBe(3)
    expect(asked[0]?.rights).toEqual(asked[1]?.rights)
    expect(asked[2]?.rights).not.toEqual(asked[1]?.rights)
  } finally {
    await box.close()
  }
})
