/** Attempts on the layer `cell` from inside: what code that took a cell over can reach. */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CellClient } from '../../agent/control/cell-client.ts'
import { ConfinedChild, noNetwork } from '../../agent/lake/confined-child.ts'
import { descendants, RunningLake } from '../lake/running-lake.ts'
import { refusal } from './box.ts'
import type { FromProbe, ToProbe } from './cell-probe.ts'

const LIMITS = { cpuMs: 5_000, wallMs: 3_000, rssBytes: 400 << 20 }

describe('code inside a cell', () => {
  let answer: FromProbe
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cell-'))
    chmodSync(folder, 0o755)
    const [own, foreign, socket] = ['own', 'foreign', 'sock'].map((name) => join(folder, name)) as [string, string, string] // biome-ignore format: one line
    for (const path of [own, foreign]) writeFileSync(path, 'rows', { mode: 0o644 })
    const server = createServer().listen(socket)
    process.env.PICKET_BREACH_TOKEN = 'not for a cell'
    const child = new ConfinedChild({ program: new URL('./cell-probe.ts', import.meta.url) })
    answer = await new Promise((done, fail) => {
      child.onGone((cut) => fail(new Error(`the probe ended: ${cut}`)))
      child.take((message) => done(message as FromProbe))
      child.send({ own, foreign, socket, neighbour: process.pid } satisfies ToProbe)
    })
    child.kill('stopped')
    server.close()
    delete process.env.PICKET_BREACH_TOKEN
    if (answer.landlock === 0) process.stderr.write('cell: this kernel has no Landlock\n')
    if (!answer.seccomp) process.stderr.write('cell: this kernel has no seccomp filter\n')
    return () => rmSync(folder, { recursive: true, force: true })
  })

  test('cell-01 cell-10 has nothing of its parent: environment, descriptors', () => {
    expect(answer.before.environment).toEqual([
      'PATH',
      'TZ',
      'UV_THREADPOOL_SIZE',
      'UV_USE_IO_URING',
    ])
    const files = answer.before.open.filter((name) => name.startsWith('/') && name !== '/dev/null')
    expect(files).toEqual([])
    // Pipes and event queues are the runtime's own; a socket is one end of standard input or output.
    expect(answer.before.open.filter((name) => name === 'socket')).toHaveLength(2)
  })

  test.skipIf(noNetwork().length === 0)('cell-04 has no network but its own loopback', () => {
    expect(answer.before.interfaces).toEqual(['lo'])
  })

  test('cell-09 leaves no core and cannot be attached to', () => {
    const { coreLimit, dumpable, noNewPrivileges } = answer.before
    expect({ coreLimit, dumpable, noNewPrivileges }).toEqual({
      coreLimit: '0',
      dumpable: 0,
      noNewPrivileges: 1,
    })
  })

  test('reads its files, on every thread', () => {
    expect(answer.attempts['read own file']).toBe('allowed')
    expect(answer.attempts['read own file on the worker']).toBe('allowed')
  })

  test('reads no other file, writes none, calls nobody, starts nothing', ({ skip }) => {
    if (answer.landlock === 0 || !answer.seccomp) skip('the kernel does not offer it')
    const { 'read own file': _, 'read own file on the worker': __, ...rest } = answer.attempts
    expect(rest).toEqual({
      'read foreign file': 'EACCES',
      'read foreign file on the worker': 'EACCES',
      'read foreign file by the engine': expect.stringMatching(/denied|No files found|Cannot open/),
      'read /etc/passwd by the engine': expect.stringMatching(/denied|No files found|Cannot open/),
      'read own environment': 'EACCES',
      'list the folder of the file': 'EACCES',
      'write the own file': 'EACCES',
      'write to /dev/shm': 'EACCES',
      'write beside the file by the engine': expect.stringMatching(/denied|Cannot open/),
      'a program': expect.stringMatching(/EPERM|EACCES/),
      'a socket of the internet': 'EPERM',
      'a raw socket': 'EPERM',
      'a unix socket': 'EPERM',
      'the socket of picket-keys': expect.stringMatching(/EPERM|EACCES/),
      'ptrace of a neighbour': 'EPERM',
      'memory of a neighbour': expect.stringMatching(/EACCES|EPERM/),
      'kill of a neighbour': 'EPERM',
      'a new user namespace': 'EPERM',
    })
    expect(existsSync('/dev/shm/picket-breach')).toBe(false)
  })
})

describe('a question that the guard would have refused, put to a cell', () => {
  const put = async (sql: string) => {
    const cell = await CellClient.start(LIMITS)
    try {
      await cell.confine([])
      await cell.open([])
      return await refusal(cell.ask({ sql, params: {}, bytesMax: 1 << 20 }))
    } finally {
      cell.kill()
    }
  }

  test.each([
    [`SELECT * FROM read_text('/etc/hostname')`],
    [`SELECT * FROM '/etc/hostname'`],
    [`SELECT * FROM glob('/etc/*')`],
  ])('sql-03 %s meets the locked engine', async (sql) => {
    expect(await put(sql)).toMatch(/^(invalid|internal): /)
  })

  test('sql-07 a log of the engine reaches no disk', async () => {
    const folder = join(tmpdir(), `picket-breach-${process.pid}`)
    await put(`SELECT * FROM enable_logging(storage='file', storage_path='${folder}')`)
    expect(existsSync(folder)).toBe(false)
    expect(await put('SELECT 1')).toBe('allowed')
  })

  test('sql-08 memory: it is ended, and the next one answers', async () => {
    expect(await put(`SELECT length(format('{:>2000000000}', 'x'))`)).toMatch(/^too-many: .*memory/)
    expect(await put('SELECT 1')).toBe('allowed')
  })

  test('sql-10 time: it is ended though the engine does not listen', async () => {
    const endless = `SELECT sum(hash(a.range * b.range)) FROM range(10000000) a, range(10000000) b`
    expect(await put(endless)).toMatch(/^too-many: /)
  })
})

describe('cells of a running box', () => {
  let box: RunningLake
  beforeAll(async () => {
    box = await RunningLake.open({ alfa: 'acme' })
    await box.import('alfa', [{ host: 'plc-1', message: 'x'.repeat(100) }])
  })
  afterAll(() => box.close())

  const cells = () =>
    descendants(box.pid('keys')).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('run-cell.ts'),
    )

  test('cell-03 SIGUSR1 opens no debugger, in keys and in waiting cells', async () => {
    await box.ask(['alfa'], 'SELECT 1')
    await expect.poll(() => cells().length).toBeGreaterThan(0)
    const pids = [box.pid('keys'), ...cells()]
    for (const pid of pids) process.kill(pid, 'SIGUSR1')
    expect((await box.ask(['alfa'], 'SELECT 1')).rows).toEqual([[1]])
    expect(box.logs).not.toMatch(/Debugger listening/)
  })

  test('cell-09 every process that may hold a key has no core limit to speak of', async () => {
    for (const pid of [box.pid('keys'), ...cells()])
      expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max core file size\s+0\s+0/)
  })

  test('cell-11 a row that imitates the framing is a row', async () => {
    const end = JSON.stringify({ type: 'end', truncated: false })
    const message = `\u0000\u0000\u0000\u001e${end}\n${randomBytes(4).toString('hex')}`
    await box.import('alfa', [{ host: 'framing', message }])
    const { rows } = await box.ask(['alfa'], `SELECT message FROM events WHERE host = 'framing'`)
    expect(rows).toEqual([[message]])
  })

  test('a cell that is killed under a question fails that question alone', async () => {
    const slow = refusal(
      box.ask(['alfa'], 'SELECT count(*) FROM events a, events b, events c WHERE md5(a.message || b.message) = c.message'), // biome-ignore format: one line
    )
    for (const pid of cells()) process.kill(pid, 'SIGKILL')
    expect(await slow).toMatch(/^(allowed|internal: The process that answered)/)
    await expect.poll(() => refusal(box.ask(['alfa'], 'SELECT 1'))).toBe('allowed')
  })

  test('sql-09 nested replace meets the memory limit of the process', async () => {
    let sql = `'${'x'.repeat(40)}'`
    for (let i = 0; i < 8; i++) sql = `replace(${sql}, 'x', '${'x'.repeat(20)}')`
    expect(await refusal(box.ask(['alfa'], `SELECT length(${sql})`))).toMatch(
      /^(too-many|invalid): /,
    )
    expect((await box.ask(['alfa'], 'SELECT 1')).rows).toEqual([[1]])
  })
})
