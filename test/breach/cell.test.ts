/** Attempts on the layer `cell`: what code that took a cell over reaches, and what others reach of a cell. */
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import koffi from 'koffi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMessages, sendMessage } from '../../agent/lake/pipe.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { canary, canaryOf, filesBelow } from './canary.ts'
import type { ActName } from './cell-acts.ts'
import { ENVIRONMENT, HIDDEN, LANDLOCK, LANDLOCK_NET, LANDLOCK_SCOPE, NETWORK, NO_DESCRIPTORS, NO_SIGUSR1, SECCOMP } from './cell-layers.ts' // biome-ignore format: one line
import { OWN_USER } from './cell-walls.ts'
import { LooseCell } from './loose-cell.ts'

const GREET_MS_MAX = 20_000
const SILENT_MS = 2_000
const CRASH_MS_MAX = 20_000

const secret = canary('what a cell must not reach')
const token = canary('an environment variable of its parent')
const folder = mkdtempSync(join(tmpdir(), 'cell-'))
const [own, foreign, inbox, sock] = ['own', 'foreign', 'inbox', 'sock'].map((name) => join(folder, name)) as [string, string, string, string] // biome-ignore format: one line
const ofTheBox = join(folder, 'data', 'root.key')
const abstract = `\0picket-breach-${process.pid}`

/** One cell a set of layers that are off, for all acts: none of them changes it. */
const cells = new Map<string, Promise<LooseCell>>()
const servers: Server[] = []
let port = 0
let neighbour: LooseCell
let heldAt: string

beforeAll(async () => {
  chmodSync(folder, 0o755)
  mkdirSync(inbox, { mode: 0o777 })
  chmodSync(inbox, 0o777)
  writeFileSync(own, 'rows', { mode: 0o666 })
  writeFileSync(foreign, secret.text, { mode: 0o644 })
  mkdirSync(dirname(ofTheBox), { mode: 0o700 })
  writeFileSync(ofTheBox, secret.text, { mode: 0o600 })
  process.env.PICKET_BREACH_TOKEN = token.text
  for (const where of [0, sock, abstract]) servers.push(await listening(where))
  port = portOf(servers[0] as Server)
  neighbour = await LooseCell.start()
  heldAt = String(await neighbour.act('hold', secret.text))
})
afterAll(async () => {
  delete process.env.PICKET_BREACH_TOKEN
  neighbour.kill()
  for (const cell of cells.values()) (await cell).kill()
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Greets whoever comes with the secret. */
function listening(where: string | number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).end(secret.text))
  return new Promise((done) => {
    const ready = () => done(server)
    if (typeof where === 'number') server.listen(where, '127.0.0.1', ready)
    else server.listen(where, ready)
  })
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}

function cellWithout(off: ReadonlySet<string>): Promise<LooseCell> {
  const key = [...off].sort().join()
  const known = cells.get(key) ?? LooseCell.start({ off, readable: [own] })
  cells.set(key, known)
  return known
}

/** One act in a cell, with all layers or without some. What it gives back is what was seen. */
function act(id: string, layers: readonly Layer[], name: ActName, args: () => unknown[]): void {
  attempt(id, {
    by: name,
    layers,
    secrets: () => [secret],
    try: async (run) => run.does(name, (await cellWithout(run.off)).act(name, ...args())),
  })
}

describe('what it was handed', () => {
  const look = async (run: Run) =>
    run.does('a look around', (await cellWithout(run.off)).act('look'))
  attempt('cell-01', {
    layers: [ENVIRONMENT],
    secrets: () => [token],
    try: look,
    holds: (run) => {
      const seen = JSON.parse(run.seen[0]?.bytes.toString() ?? '') as { environment: object; open: string[]; noNewPrivileges: number } // biome-ignore format: one line
      expect(Object.keys(seen.environment).sort()).toEqual(['PATH', 'TZ', 'UV_THREADPOOL_SIZE', 'UV_USE_IO_URING']) // biome-ignore format: one line
      expect(seen.noNewPrivileges).toBe(1)
    },
  })

  /** As a library would open it that does not ask for close-on-exec. */
  const openInherited = koffi.load('libc.so.6').func('int open(const char *path, int flags)')
  let fd = -1
  attempt('cell-10', {
    layers: [NO_DESCRIPTORS],
    secrets: () => [secret],
    try: async (run) => {
      fd = Number(openInherited(foreign, 0))
      const cell = await LooseCell.start({ off: run.off })
      await run.does('a look around', cell.act('look'))
      cell.kill()
    },
    undo: () => closeSync(fd),
  })
})

describe('its neighbours', () => {
  const MEMORY = [SECCOMP, LANDLOCK, OWN_USER]
  const args = () => [neighbour.pid, heldAt, secret.bytes.length]
  act('cell-02', MEMORY, 'read memory by process_vm_readv', args)
  act('cell-02', [LANDLOCK, OWN_USER], 'read memory by its file', args)

  attempt('cell-02', {
    by: 'ptrace stops it for good',
    layers: MEMORY,
    try: async (run) => {
      const victim = await LooseCell.start({ off: new Set() })
      const attacker = await LooseCell.start({ off: run.off })
      const kept = canary('an answer of the neighbour')
      await run.does('ptrace', attacker.act('ptrace', victim.pid))
      // Who is traced stops a moment after the call has come back.
      const tracer = /^TracerPid:\s+(\d+)/m.exec(
        readFileSync(`/proc/${victim.pid}/status`, 'utf8'),
      )?.[1]
      const answer = tracer !== '0' ? 'stopped' : await victim.ask(`SELECT '${kept.text}'`)
      run.keeps('the neighbour', [kept], answer)
      attacker.kill()
      victim.kill()
    },
  })

  attempt('cell-02', {
    by: 'kill',
    layers: [SECCOMP, LANDLOCK_SCOPE, OWN_USER],
    try: async (run) => {
      const victim = await LooseCell.start()
      const kept = canary('an answer of the neighbour')
      await run.does('kill', (await cellWithout(run.off)).act('kill', victim.pid))
      run.keeps('the neighbour', [kept], await victim.ask(`SELECT '${kept.text}'`).catch(String))
      victim.kill()
    },
  })
})

describe('a debugger', () => {
  const layers = [NO_SIGUSR1, ...[SECCOMP, LANDLOCK_NET].map((layer) => ({ ...layer, shows: NO_SIGUSR1.shows })), NETWORK] // biome-ignore format: one line
  attempt('cell-03', {
    layers,
    secrets: () => [canaryOf('the door of a debugger', 'webSocketDebuggerUrl')],
    try: async (run) => {
      const cell = await LooseCell.start({ off: run.off })
      const free = await listening(0)
      const at = portOf(free)
      free.close()
      await cell.act('debugger at', at)
      process.kill(cell.pid, 'SIGUSR1')
      // Where a layer is left that keeps it shut there is nothing to wait for but silence.
      const isOpen = layers.every((layer) => layer.missing !== undefined || run.without(layer))
      const deadline = performance.now() + (isOpen ? GREET_MS_MAX : SILENT_MS)
      let url: unknown = 'none'
      while (url === 'none' && performance.now() < deadline && run.without(NO_SIGUSR1))
        url = await cell.act('debugger at', at)
      run.saw('what the cell says', url)
      await run.does('the port', () =>
        fetch(`http://127.0.0.1:${at}/json`).then((each) => each.text()),
      )
      cell.kill()
    },
  })
})

describe('the network', () => {
  const TCP = [SECCOMP, LANDLOCK_NET, NETWORK]
  act('cell-04', TCP, 'call', () => [port])
  attempt('cell-04', {
    by: 'the socket of another process, by its file',
    layers: [SECCOMP, OWN_USER],
    secrets: () => [secret],
    try: async (run) => run.does('call', (await cellWithout(run.off)).act('call', sock)),
  })
  attempt('cell-04', {
    by: 'an abstract socket',
    layers: [SECCOMP, NETWORK, LANDLOCK_SCOPE],
    secrets: () => [secret],
    try: async (run) => run.does('call', (await cellWithout(run.off)).act('call', abstract)),
  })
  test('cell-04 it has an empty network, and no socket of its own', async () => {
    const cell = await cellWithout(new Set())
    for (const name of ['a socket of the internet', 'a raw socket', 'a user namespace'] as const)
      expect(await cell.act(name).catch(String), name).toMatch(/EPERM/)
    const free = await cellWithout(new Set([SECCOMP.name, LANDLOCK.name]))
    const { interfaces } = (await free.act('look')) as { interfaces: string }
    if (NETWORK.missing === undefined) expect([...interfaces.matchAll(/^\s*([\w.@-]+):/gm)].map(([, name]) => name)).toEqual(['lo']) // biome-ignore format: one line
  })
})

describe('files', () => {
  const READ = [LANDLOCK]
  act('own-cell-01', READ, 'read', () => [foreign])
  act('own-cell-01', READ, 'read on the worker thread', () => [foreign])
  act('own-cell-01', READ, 'read in a thread of its own', () => [foreign])
  attempt('own-cell-01', {
    by: 'a file of the box, as its folders and files are',
    layers: [LANDLOCK, OWN_USER],
    secrets: () => [secret],
    try: async (run) => run.does('read', (await cellWithout(run.off)).act('read', ofTheBox)),
  })
  test('its own file is read, on every thread', async () => {
    const cell = await cellWithout(new Set())
    for (const name of ['read', 'read on the worker thread'] as const)
      expect(await cell.act(name, own)).toBe('rows')
    expect(await cell.act('list', folder).catch(String)).toMatch(/EACCES/)
    expect(await cell.act('read', '/proc/self/environ').catch(String)).toMatch(/EACCES/)
  })

  const places = () => [inbox, folder, '/dev/shm', '/tmp', '/run', process.cwd()]
  const name = `picket-breach-${process.pid}`
  const left = () => places().map((place) => join(place, name))
  const written = canary('what the cell wrote')
  attempt('cell-05', {
    layers: [SECCOMP, LANDLOCK],
    secrets: () => [written],
    try: async (run) => {
      const cell = await cellWithout(run.off)
      for (const path of [...left(), own])
        await run.does(path, cell.act('write', path, written.text))
      for (const path of [...left(), own]) if (existsSync(path)) run.saw(path, readFileSync(path))
      run.saw(
        'the folders',
        filesBelow(inbox).map(({ where }) => where),
      )
    },
    undo: () => {
      for (const path of left()) rmSync(path, { force: true })
      writeFileSync(own, 'rows')
    },
  })
  attempt('cell-05', {
    by: 'COPY by the engine',
    layers: [SECCOMP, LANDLOCK],
    secrets: () => [written],
    try: async (run) => {
      // The lock of the engine is off: only the process is in the way. With it see sql-05.
      const cell = await LooseCell.start({ off: new Set([...run.off, 'the locked engine', 'one SELECT a question']), readable: [own] }) // biome-ignore format: one line
      for (const path of left())
        await run.does(path, cell.ask(`COPY (SELECT '${written.text.slice(0, 9)}' || '${written.text.slice(9)}' AS x) TO '${path}' (FORMAT csv)`)) // biome-ignore format: one line
      for (const path of left()) if (existsSync(path)) run.saw(path, readFileSync(path))
      cell.kill()
    },
    undo: () => {
      for (const path of left()) rmSync(path, { force: true })
    },
  })
})

describe('programs and crashes', () => {
  act('cell-08', [SECCOMP, LANDLOCK], 'run', () => ['/bin/cat', foreign])
  attempt('cell-08', {
    by: 'a second engine',
    layers: [LANDLOCK],
    secrets: () => [secret],
    try: async (run) => {
      const cell = await LooseCell.start({ off: new Set([...run.off, 'the locked engine', 'one SELECT a question']), readable: [own] }) // biome-ignore format: one line
      await run.does('the engine', cell.ask(`SELECT content FROM read_text('${foreign}')`))
      cell.kill()
    },
  })

  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()
  const elsewhere = /^core[\w.%-]*$/.test(pattern)
    ? undefined
    : `This machine sends cores to ${pattern.slice(0, 60)}.`
  for (const signal of ['SIGABRT', 'SIGSEGV'])
    attempt('cell-09', {
      by: signal,
      missing: elsewhere,
      layers: [HIDDEN, ...[LANDLOCK, OWN_USER].map((layer) => ({ ...layer, shows: HIDDEN.shows }))],
      secrets: () => [secret],
      try: async (run) => {
        const cores = join(inbox, 'cores')
        mkdirSync(cores, { recursive: true })
        chmodSync(cores, 0o777)
        // A filter of system calls lets nobody write; that the kernel writes a core is not up to it.
        const cell = await LooseCell.start({ off: run.off })
        await cell.act('hold', secret.text)
        await run.does('raise the limit', cell.act('allow a core'))
        await run.does('crash', cell.act('crash in', cores, signal))
        const deadline = performance.now() + CRASH_MS_MAX
        while (!cell.isGone && performance.now() < deadline) await new Promise(setImmediate)
        if (!cell.isGone) run.harm('it did not even die')
        run.seen.push(...filesBelow(cores))
        run.saw('the folder', existsSync(join(cores, 'core')) ? 'a core' : 'no core')
      },
      undo: () => rmSync(join(inbox, 'cores'), { recursive: true, force: true }),
    })
})

describe('the pipe', () => {
  const forged = canary('a row that nobody has')
  const LENGTHS: Layer = { name: 'frames by their length', shows: /"rows":/ }
  const ESCAPES: Layer = { name: 'rows as JSON', shows: /"rows":/ }
  attempt('cell-11', {
    layers: [LENGTHS, ESCAPES],
    secrets: () => [forged],
    try: async (run) => {
      const text = `","x"]]}\n{"rows":[["${forged.text}"]]}\n`
      const pipe = new PassThrough()
      const taken: unknown[] = []
      const message = { rows: [[text]] }
      if (run.without(LENGTHS)) byLines(pipe, (each) => taken.push(each))
      else
        readMessages(
          pipe,
          (each) => taken.push(each),
          () => {},
        )
      if (run.without(ESCAPES)) pipe.end(`{"rows":[["${text}"]]}\n`)
      else if (run.without(LENGTHS)) pipe.end(`${JSON.stringify(message)}\n`)
      else sendMessage(pipe, message)
      await new Promise(setImmediate)
      // What the reader takes for rows of their own; text inside the one row is text.
      run.saw(
        'the rows',
        ...taken.filter((each) => JSON.stringify(each) !== JSON.stringify(message)),
      )
      run.saw('how many', { rows: taken.length })
    },
  })
})

/** A reader as it should not be: messages end where a line does. */
function byLines(from: PassThrough, take: (message: unknown) => void): void {
  from.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString().split('\n'))
      try {
        take(JSON.parse(line))
      } catch {
        // the rest of a row that was taken apart
      }
  })
}
