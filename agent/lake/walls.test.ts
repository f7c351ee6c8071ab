import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ControlGroups } from './control-groups.ts'
import { FIRST_USER, OwnUsers, USERS_MAX, userOf } from './own-user.ts'
import { foldersOf, mountFor, ShownFolders } from './shown-folders.ts'
import { openWalls } from './walls.ts'

const SOON_MS = 10_000
const folder = mkdtempSync(join(tmpdir(), 'walls-'))
const walls = await openWalls(folder)
afterAll(async () => {
  await walls.close()
  rmSync(folder, { recursive: true, force: true })
})

async function until(is: () => boolean): Promise<boolean> {
  for (const deadline = performance.now() + SOON_MS; performance.now() < deadline; ) {
    if (is()) return true
    await new Promise((done) => setTimeout(done, 10))
  }
  return false
}

/** A process of this user that says what the code prints. */
function asUser(uid: number, code: string, mount?: number): string {
  const args = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'sh', '-c', code]
  const { stdout, stderr } = spawnSync('setpriv', args, {
    stdio: ['ignore', 'pipe', 'pipe', ...(mount === undefined ? [] : [mount])],
  })
  return `${stdout}${stderr}`.trim()
}

test('what it needs the folders of is said once each', () => {
  expect(foldersOf(['/a/b/c', '/a/b/d', '/e/', '/e/f/'])).toEqual(['/a/b', '/e', '/e/f'])
  const shown = new ShownFolders(['/a/b', '/e'], [7, 9])
  expect(['/a/b/c', '/e/', '/e', '/x/y'].map((path) => shown.at(path))).toEqual([
    '/proc/self/fd/7/c',
    '/proc/self/fd/9/',
    '/e',
    '/x/y',
  ])
  expect(new ShownFolders().at('/a/b/c')).toBe('/a/b/c')
})

test('without root everything is as it was, and said', async () => {
  if (process.getuid?.() === 0) {
    const program = `import('${import.meta.dirname}/walls.ts').then((m) => m.openWalls('/tmp')).then((w) => console.log(!!w.users, w.because.users))` // biome-ignore format: one line
    const said = asUser(65_534, `${process.execPath} -e "${program}"`)
    expect(said).toContain('false all processes are one user')
  } else expect(walls.because.users).toMatch(/one user|user namespace/)
})

test.skipIf(!walls.users)('no two live users are the same, of any number of parents', async () => {
  const others = [OwnUsers.open(), OwnUsers.open()]
  const taken = [walls.users as OwnUsers, ...others].flatMap((users) =>
    Array.from({ length: 20 }, () => users.take()),
  )
  const ids = taken.map((user) => user?.uid as number)
  expect(new Set(ids).size).toBe(60)
  expect(ids.every((uid) => uid >= FIRST_USER && uid < FIRST_USER + USERS_MAX)).toBe(true)
  for (const user of taken) user?.release()
  for (const users of others) users.close()
})

test.skipIf(!walls.users)('an id of which a process lives is not given out again', async () => {
  const users = OwnUsers.open()
  const first = users.take()
  const uid = first?.uid as number
  const left = spawn('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] }) // biome-ignore format: one line
  expect(await until(() => userOf(left.pid as number) === uid)).toBe(true)
  first?.release()
  users.close() // its claim is gone with its parent: the process tells
  const next = OwnUsers.open(uid - FIRST_USER)
  const second = next.take()
  expect(second?.uid).not.toBe(uid)
  second?.release()
  next.close()
  left.kill('SIGKILL')
  await once(left, 'exit')
  const last = OwnUsers.open(uid - FIRST_USER)
  const again = last.take()
  expect(again?.uid).toBe(uid)
  again?.release()
  last.close()
})

test.skipIf(!walls.users)(
  'a shown folder is read by its user alone, and nothing beside it',
  async () => {
    const tier = join(folder, 'data', 'tier1')
    mkdirSync(tier, { recursive: true, mode: 0o700 })
    chmodSync(dirname(tier), 0o700)
    writeFileSync(join(tier, 'a'), 'rows', { mode: 0o600 })
    writeFileSync(join(dirname(tier), 'key'), 'key', { mode: 0o600 })
    const [mine, other] = [walls.users?.take(), walls.users?.take()]
    if (!mine || !other) throw new Error('no users')
    const mount = mountFor(tier, await mine.mapping)
    try {
      expect(asUser(mine.uid, 'cat /proc/self/fd/3/a; id -u; id -G', mount)).toBe(`rows${mine.uid}\n${mine.uid}`) // biome-ignore format: one line
      expect(asUser(other.uid, 'cat /proc/self/fd/3/a', mount)).toMatch(/Permission denied/)
      expect(asUser(mine.uid, `cat ${tier}/a`, mount)).toMatch(/Permission denied/)
      expect(asUser(mine.uid, 'cat /proc/self/fd/3/../key; ls -a /proc/self/fd/3/..', mount)).toMatch(/^\.\n\.\.\na\ncat: .*: No such file or directory$/) // biome-ignore format: one line
      for (const act of ['echo x > /proc/self/fd/3/a', 'echo x > /proc/self/fd/3/b', 'rm /proc/self/fd/3/a', 'chmod 666 /proc/self/fd/3/a']) // biome-ignore format: one line
        expect(asUser(mine.uid, act, mount), act).toMatch(/Read-only|Permission denied/i)
      expect(readFileSync(join(tier, 'a'), 'utf8')).toBe('rows')
    } finally {
      mine.release()
      other.release()
    }
  },
)

const groupsNow = () => {
  const groups = walls.groups as ControlGroups
  const group = groups.make(64 << 20)
  const [path = ''] = pathsOf(group)
  group.remove()
  return readdirSync(dirname(path)).filter((name) => name.startsWith('picket-'))
}
const pathsOf = (group: { paths: readonly string[] }) => group.paths

test.skipIf(!walls.groups)('the kernel ends what takes more memory, and says so', async () => {
  const group = (walls.groups as ControlGroups).make(64 << 20)
  const code = `process.stdin.once('data', () => Buffer.alloc(${200 << 20}, 1))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'ignore', 'ignore'] })
  group.add(child.pid as number)
  child.stdin.write('\n')
  await once(child, 'exit')
  expect(group.isOverMemory).toBe(true)
  group.remove()
  expect(await until(() => pathsOf(group).every((path) => !existsSync(path)))).toBe(true)
})

test.skipIf(!walls.groups)('and lets it have so many threads and no more', async () => {
  const group = (walls.groups as ControlGroups).make(256 << 20)
  const script = 'read x; for i in $(seq 100); do sleep 20 & done'
  const child = spawn('bash', ['-c', script], { stdio: ['pipe', 'ignore', 'pipe'], detached: true })
  group.add(child.pid as number)
  child.stdin.write('\n')
  const [text] = (await once(child.stderr, 'data')) as [Buffer]
  expect(String(text)).toMatch(/fork: .*Resource temporarily unavailable/)
  process.kill(-(child.pid as number), 'SIGKILL')
  group.remove()
  expect(await until(() => pathsOf(group).every((path) => !existsSync(path)))).toBe(true)
})

test.skipIf(!walls.groups)('what a killed starter left is taken away by the next', async () => {
  const program = `import('${import.meta.dirname}/control-groups.ts').then((m) => { m.ControlGroups.open().make(1 << 26); console.log('made') })` // biome-ignore format: one line
  const starter = spawn(process.execPath, ['-e', `${program};setInterval(() => {}, 1000)`], { stdio: ['ignore', 'pipe', 'inherit'] }) // biome-ignore format: one line
  await once(starter.stdout, 'data')
  const mark = `picket-${starter.pid}-`
  expect(groupsNow().some((name) => name.startsWith(mark))).toBe(true)
  starter.kill('SIGKILL')
  await once(starter, 'exit')
  await ControlGroups.open()?.close()
  expect(await until(() => !groupsNow().some((name) => name.startsWith(mark)))).toBe(true)
})

const canSpace = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0
/** A starter with a process in a group of its own; each line that comes in goes through that process. */
const ECHO = `const { ControlGroups } = await import('${import.meta.dirname}/control-groups.ts')
const { spawn } = await import('node:child_process')
const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] })
child.on('exit', () => console.log('it was ended'))
child.stdin.on('error', () => {})
child.stdout.on('data', (bytes) => console.log(String(bytes).trim()))
ControlGroups.open().make(1 << 26).add(child.pid)
console.log('it runs')
process.stdin.on('data', (bytes) => child.stdin.write(bytes)).on('end', () => process.exit())`

test.skipIf(!walls.groups || !canSpace)(
  'a box in a PID namespace keeps its processes when another box starts beside it',
  async () => {
    const words = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, '--input-type=module', '-e', ECHO] // biome-ignore format: one line
    const other = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] })
    const gone = once(other, 'exit')
    let said = ''
    other.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    try {
      expect(await until(() => said !== '')).toBe(true)
      await ControlGroups.open()?.close()
      other.stdin.write('it lives\n')
      expect(await until(() => said.split('\n').length > 2)).toBe(true)
      expect(said).toBe('it runs\nit lives\n')
    } finally {
      other.stdin.end()
      await gone
    }
  },
)

test.skipIf(!walls.groups)(
  'of another PID namespace only what stood empty for long is taken away',
  async () => {
    const group = (walls.groups as ControlGroups).make(64 << 20)
    const folders = pathsOf(group).map((path) => dirname(path))
    group.remove()
    const named = (n: number) =>
      folders.map((each) => join(each, `picket-1-1-1-${process.pid}${n}`))
    for (const path of [...named(1), ...named(2)]) mkdirSync(path)
    for (const path of named(1)) utimesSync(path, 1, 1)
    await ControlGroups.open()?.close()
    expect([...named(1), ...named(2)].filter((path) => existsSync(path))).toEqual(named(2))
    for (const path of named(2)) rmdirSync(path)
  },
)
