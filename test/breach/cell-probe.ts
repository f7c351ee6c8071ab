/**
 * Run by cell.test.ts the way a cell is run: it hides, confines itself as a cell does, then tries what code
 * that took a cell over would try. Answers with a word for each attempt.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import koffi from 'koffi'
import { confine, hide } from '../../agent/lake/confine.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { readMessages, sendMessage } from '../../agent/lake/pipe.ts'

export interface ToProbe {
  own: string
  foreign: string
  socket: string
  neighbour: number
}

export interface FromProbe {
  landlock: number
  seccomp: boolean
  /** What it knew before it was confined. */
  before: {
    environment: string[]
    open: string[]
    interfaces: string[]
    coreLimit: string
    dumpable: number
    noNewPrivileges: number
  }
  /** `allowed`, or the word of the refusal. */
  attempts: Record<string, string>
}

const libc = koffi.load('libc.so.6')
const prctl = libc.func('int prctl(int option, long a, long b, long c, long d)')
const socketOf = libc.func('int socket(int domain, int type, int protocol)')
const ptrace = libc.func('long ptrace(long request, long pid, long address, long data)')
const unshare = libc.func('int unshare(int flags)')
const PTRACE_ATTACH = 16
const CLONE_NEWUSER = 0x1000_0000
const PR_GET_DUMPABLE = 3
const PR_GET_NO_NEW_PRIVS = 39
const ERRNO: Record<number, string> = Object.fromEntries(
  Object.entries(koffi.os.errno).map(([name, number]) => [number, name]),
)

hide()
;(await openEngine({ memoryMiB: 64 })).closeSync()
readMessages(
  process.stdin,
  (message) => {
    probe(message as ToProbe).then(
      (answer) => sendMessage(process.stdout, answer),
      (error: unknown) => sendMessage(process.stdout, { error: String(error) }),
    )
  },
  () => process.exit(1),
)

async function probe({ own, foreign, socket, neighbour }: ToProbe): Promise<FromProbe> {
  const before = look()
  const confinement = await confine([own, '/proc/self/cgroup', '/sys/fs/cgroup/'])
  const engine = await openEngine({ memoryMiB: 64 }) // not locked: only the process is in the way
  const connection = await engine.connect()
  const ask = (sql: string) => connection.run(sql)
  const attempts: Record<string, () => unknown> = {
    'read own file': () => readFileSync(own),
    'read own file on the worker': () => readFile(own),
    'read foreign file': () => readFileSync(foreign),
    'read foreign file on the worker': () => readFile(foreign),
    'read foreign file by the engine': () => ask(`SELECT * FROM read_blob('${foreign}')`),
    'read /etc/passwd by the engine': () => ask(`SELECT * FROM read_text('/etc/passwd')`),
    'read own environment': () => readFileSync('/proc/self/environ'),
    'list the folder of the file': () => readdirSync(own.replace(/[^/]*$/, '')),
    'write the own file': () => writeFileSync(own, ''),
    'write to /dev/shm': () => writeFileSync('/dev/shm/picket-breach', ''),
    'write beside the file by the engine': () => ask(`COPY (SELECT 1) TO '${own}.csv'`),
    'a program': () => execFileSync('/bin/true'),
    'a socket of the internet': () => must(socketOf(2, 1, 0)),
    'a raw socket': () => must(socketOf(17, 3, 0)),
    'a unix socket': () => must(socketOf(1, 1, 0)),
    'the socket of picket-keys': () => reach(socket),
    'ptrace of a neighbour': () => must(ptrace(PTRACE_ATTACH, neighbour, 0, 0)),
    'memory of a neighbour': () => readFileSync(`/proc/${neighbour}/mem`),
    'kill of a neighbour': () => process.kill(neighbour, 'SIGTERM'),
    'a new user namespace': () => must(unshare(CLONE_NEWUSER)),
  }
  const words: Record<string, string> = {}
  for (const [name, attempt] of Object.entries(attempts)) words[name] = await wordOf(attempt)
  return { ...confinement, before, attempts: words }
}

function look(): FromProbe['before'] {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const names = readFileSync('/proc/self/net/dev', 'utf8').matchAll(/^\s*([\w.@-]+):/gm)
  return {
    environment: Object.keys(process.env).sort(),
    open: readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).replace(/:?\[.*\]| .*$/g, '')
      } catch {
        return [] // the look at the folder itself
      }
    }),
    interfaces: [...names].map(([, name = '']) => name),
    coreLimit: /^Max core file size\s+(\S+)/m.exec(limits)?.[1] ?? '',
    dumpable: prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) as number,
    noNewPrivileges: prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) as number,
  }
}

/** Throws with the name of the errno when the C library says no. */
function must(result: unknown): void {
  if (Number(result) < 0)
    throw Object.assign(new Error(), { code: ERRNO[koffi.errno()] ?? String(koffi.errno()) })
}

function reach(path: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(path, done)
    socket.on('error', fail)
  })
}

async function wordOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt()
    return 'allowed'
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return code ?? /Permission denied|Cannot open|No files found/i.exec(message)?.[0] ?? message
  }
}
