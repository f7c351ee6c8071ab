/** What code that took a cell over would do, each as one act: it gives back what it learned, or throws the refusal. */
import { execFileSync } from 'node:child_process'
import {
  fstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import inspector from 'node:inspector'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import koffi from 'koffi'

const DESCRIPTORS_MAX = 64
const ANSWER_MS_MAX = 2_000
const PTRACE_ATTACH = 16
const CLONE_NEWUSER = 0x1000_0000
const RLIMIT_CORE = 4
const AF_INET = 2
const AF_PACKET = 17
const SOCK_STREAM = 1
const SOCK_RAW = 3

const libc = koffi.load('libc.so.6')
const prctl = libc.func('int prctl(int option, long a, long b, long c, long d)')
const getrlimit = libc.func('int getrlimit(int resource, void *limit)')
const setrlimit = libc.func('int setrlimit(int resource, const void *limit)')
const socketOf = libc.func('int socket(int domain, int type, int protocol)')
const ptrace = libc.func('long ptrace(long request, long pid, long address, long data)')
const unshare = libc.func('int unshare(int flags)')
const malloc = libc.func('void *malloc(size_t size)')
const memcpy = libc.func('void *memcpy(void *to, const void *from, size_t size)')
const readOther = libc.func('long process_vm_readv(int pid, const void *local, ulong locals, const void *remote, ulong remotes, ulong flags)') // biome-ignore format: one line
const ERRNO: Record<number, string> = Object.fromEntries(
  Object.entries(koffi.os.errno).map(([name, number]) => [number, name]),
)

export const ACTS = {
  /** Everything that a process is handed when it is started. */
  look: () => ({
    environment: process.env,
    argv: process.argv,
    cgroup: quietly(() => readFileSync('/proc/self/cgroup', 'utf8')),
    interfaces: quietly(() => readFileSync('/proc/self/net/dev', 'utf8')),
    open: descriptors(),
    noNewPrivileges: prctl(39, 0, 0, 0, 0),
    dumpable: prctl(3, 0, 0, 0, 0),
    coreLimit: coreLimit(),
  }),
  read: (path: string) => readFileSync(path, 'latin1'),
  'read on the worker thread': (path: string) => readFile(path, 'latin1'),
  'read in a thread of its own': (path: string) =>
    new Promise((done, fail) => {
      const code = `require('worker_threads').parentPort.postMessage(require('fs').readFileSync(${JSON.stringify(path)}, 'latin1'))`
      new Worker(code, { eval: true }).on('message', done).on('error', fail)
    }),
  list: (path: string) => readdirSync(path),
  write: (path: string, text: string) => writeFileSync(path, text),
  run: (program: string, ...args: string[]) =>
    execFileSync(program, args, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] }),
  /** What a listener greets with. */
  call: (where: string | number) =>
    new Promise((done, fail) => {
      const socket = connect(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where }) // biome-ignore format: one line
      socket.setTimeout(ANSWER_MS_MAX, () => fail(new Error('ETIMEDOUT')))
      socket.on('error', fail)
      socket.on('data', (bytes) => {
        socket.destroy()
        done(bytes.toString('latin1'))
      })
    }),
  'a socket of the internet': () => must(socketOf(AF_INET, SOCK_STREAM, 0)),
  'a raw socket': () => must(socketOf(AF_PACKET, SOCK_RAW, 0)),
  'a user namespace': () => must(unshare(CLONE_NEWUSER)),
  kill: (pid: number) => process.kill(pid, 'SIGKILL'),
  /** Keeps it in memory and says where: the neighbour's side of the next two. */
  hold: (text: string) => {
    const at = malloc(text.length)
    memcpy(at, Buffer.from(text), text.length)
    return String(koffi.address(at))
  },
  'read memory by process_vm_readv': (pid: number, address: string, length: number) => {
    const bytes = Buffer.alloc(length)
    const vector = (base: bigint) => {
      const iovec = Buffer.alloc(16)
      iovec.writeBigUInt64LE(base, 0)
      iovec.writeBigUInt64LE(BigInt(length), 8)
      return iovec
    }
    must(readOther(pid, vector(BigInt(koffi.address(bytes))), 1, vector(BigInt(address)), 1, 0))
    return bytes.toString('latin1')
  },
  'read memory by its file': (pid: number, address: string, length: number) => {
    const bytes = Buffer.alloc(length)
    const fd = openOther(pid)
    readSync(fd, bytes, 0, length, Number(address))
    return bytes.toString('latin1')
  },
  ptrace: (pid: number) => must(ptrace(PTRACE_ATTACH, pid, 0, 0)),
  /** Where a debugger would listen, and whether it does. */
  'debugger at': (port: number) => {
    process.debugPort = port
    return inspector.url() ?? 'none'
  },
  /** The limit that `hide` sets; only one that was never set can be raised again. */
  'allow a core': () => {
    const most = Buffer.alloc(16, 0xff)
    must(setrlimit(RLIMIT_CORE, most))
  },
  'crash in': (folder: string, signal: NodeJS.Signals) => {
    process.chdir(folder)
    process.kill(process.pid, signal)
  },
} as const

export type ActName = keyof typeof ACTS

function openOther(pid: number): number {
  const open = libc.func('int open(const char *path, int flags)')
  const fd = Number(open(`/proc/${pid}/mem`, 0))
  must(fd)
  return fd
}

function coreLimit(): string {
  const limit = Buffer.alloc(16)
  getrlimit(RLIMIT_CORE, limit)
  return `${limit.readBigUInt64LE(0)}`
}

/** Each open descriptor, and what is in it when it is a file. */
function descriptors(): string[] {
  return Array.from({ length: DESCRIPTORS_MAX }, (_, fd) => {
    try {
      const stat = fstatSync(fd)
      if (!stat.isFile()) return []
      const bytes = Buffer.alloc(4096)
      const length = readSync(fd, bytes, 0, bytes.length, 0)
      return [`${fd} ${quietly(() => readlinkSync(`/proc/self/fd/${fd}`))} ${bytes.toString('latin1', 0, length)}`] // biome-ignore format: one line
    } catch {
      return []
    }
  }).flat()
}

function quietly<T>(look: () => T): T | string {
  try {
    return look()
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** Throws with the name of the errno when the C library says no. */
function must(result: unknown): void {
  if (Number(result) >= 0) return
  const code = ERRNO[koffi.errno()] ?? String(koffi.errno())
  throw Object.assign(new Error(code), { code })
}
