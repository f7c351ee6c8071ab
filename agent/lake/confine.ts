/**
 * A cell gives up what it will not need, before it reads a key: core dumps, being traced, new
 * privileges, programs, sockets, writing (seccomp, all threads) and every file but its own (Landlock,
 * the threads that run queries). What the kernel does not offer is reported, not hidden.
 */
import { closeSync, constants, openSync } from 'node:fs'
import koffi, { type KoffiFunc } from 'koffi'
import { ARM64, X64 } from './syscalls.ts'

export interface Confinement {
  /** Landlock's ABI; 0 where the kernel has none. */
  landlock: number
  seccomp: boolean
}

const libc = koffi.load('libc.so.6')
const prctl = libc.func('int prctl(int option, long a, long b, long c, long d)')
const PR_SET_NO_NEW_PRIVS = 38
const numbers = process.arch === 'arm64' ? ARM64 : X64

/** For the whole process, at once: no core file, nobody attaches, gone when the parent is. */
export function hide(): void {
  const PR_SET_PDEATHSIG = 1
  const PR_SET_DUMPABLE = 4
  const SIGKILL = 9
  const RLIMIT_CORE = 4
  const setrlimit = libc.func('int setrlimit(int resource, const void *limit)')
  must('RLIMIT_CORE', setrlimit(RLIMIT_CORE, Buffer.alloc(16)))
  must('PR_SET_DUMPABLE', prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
  must('PR_SET_PDEATHSIG', prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
  must('PR_SET_NO_NEW_PRIVS', prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
}

/** A call of the C library on libuv's worker. */
function onWorker(
  what: string,
  call: KoffiFunc<(...args: number[]) => number>,
  ...args: number[]
): Promise<void> {
  return new Promise((done, fail) => {
    call.async(...args, (error: unknown, result: number | bigint) =>
      error || Number(result) !== 0 ? fail(new Error(`${what} was refused on the worker`)) : done(),
    )
  })
}

function must(what: string, result: number): void {
  if (result !== 0) throw new Error(`${what} was refused (errno ${koffi.errno()})`)
}

/** From here on only these files, and what lies in these folders, can be read; nothing is written, started or called. */
export async function confine(readable: readonly string[]): Promise<Confinement> {
  const landlock = await allowOnly(readable)
  return { landlock, seccomp: filterCalls() }
}

const O_PATH = 0o10_000_000
const READ_FILE = 1n << 2n
const READ_DIR = 1n << 3n
const PATH_BENEATH = 1
const LANDLOCK_VERSION = 1
/** File rights that each ABI knows, from ABI 1 on: all are taken away except what a rule gives. */
const RIGHTS = [0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff]

/** Landlock alone; its ABI, 0 without it. */
export async function allowOnly(readable: readonly string[]): Promise<number> {
  const [create, addRule, restrictSelf] = numbers.landlock
  const createRuleset = libc.func(
    'long syscall(long nr, const void *attr, size_t size, uint flags)',
  )
  const add = libc.func(
    'long syscall(long nr, int ruleset, int type, const void *rule, uint flags)',
  )
  const restrict = libc.func('long syscall(long nr, int ruleset, uint flags)')
  const abi = Number(createRuleset(create, null, 0, LANDLOCK_VERSION))
  if (abi < 1) return 0
  const attributes = Buffer.alloc(24)
  attributes.writeBigUInt64LE(BigInt(RIGHTS[Math.min(abi, RIGHTS.length) - 1] as number), 0)
  attributes.writeBigUInt64LE(3n, 8) // TCP bind and connect, ABI 4
  attributes.writeBigUInt64LE(3n, 16) // abstract sockets and signals outside, ABI 6
  const ruleset = Number(createRuleset(create, attributes, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0))
  if (ruleset < 0) return 0
  try {
    for (const path of readable) {
      const fd = openSync(path, O_PATH)
      const rule = Buffer.alloc(12)
      rule.writeBigUInt64LE(path.endsWith('/') ? READ_FILE | READ_DIR : READ_FILE, 0)
      rule.writeInt32LE(fd, 8)
      must('a Landlock rule', Number(add(addRule, ruleset, PATH_BENEATH, rule, 0)))
      closeSync(fd)
    }
    // Landlock holds for a thread and those it starts, and is refused to one that could still gain a right. Queries run on
    // libuv's one worker (the parent sets UV_THREADPOOL_SIZE=1) and on threads that the engine starts from it.
    must('PR_SET_NO_NEW_PRIVS', prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    must('Landlock', Number(restrict(restrictSelf, ruleset, 0)))
    await onWorker('PR_SET_NO_NEW_PRIVS', prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    await onWorker('Landlock', restrict, restrictSelf, ruleset, 0)
  } finally {
    closeSync(ruleset)
  }
  return abi
}

const EPERM = 1
const EACCES = 13
const ENOSYS = 38
const CLONE_THREAD = 0x0001_0000
const OPEN_TO_WRITE = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC
const X32_BIT = 0x4000_0000

/** A filter over system calls for every thread; false where the kernel refuses one. */
export function filterCalls(): boolean {
  const SECCOMP_SET_MODE_FILTER = 1
  const TSYNC = 1
  koffi.struct('sock_filter', { code: 'uint16', jt: 'uint8', jf: 'uint8', k: 'uint32' })
  koffi.struct('sock_fprog', { len: 'uint16', filter: 'sock_filter *' })
  const seccomp = libc.func(
    'long syscall(long nr, uint operation, uint flags, sock_fprog *program)',
  )
  const filter = program()
  return Number(seccomp(numbers.seccomp, SECCOMP_SET_MODE_FILTER, TSYNC, { len: filter.length, filter })) === 0 // biome-ignore format: one line
}

interface Step {
  code: number
  jt: number
  jf: number
  k: number
}

/** Classic BPF over `struct seccomp_data`: number at 0, architecture at 4, arguments from 16 on, 8 bytes each. */
function program(): Step[] {
  const load = (at: number): Step => ({ code: 0x20, jt: 0, jf: 0, k: at })
  const argument = (index: number) => load(16 + index * 8)
  const skipUnless = (k: number, steps: number): Step => ({ code: 0x15, jt: 0, jf: steps, k })
  const skipIf = (k: number, steps: number): Step => ({ code: 0x15, jt: steps, jf: 0, k })
  const skipUnlessBits = (k: number, steps: number): Step => ({ code: 0x45, jt: 0, jf: steps, k })
  const give = (k: number): Step => ({ code: 0x06, jt: 0, jf: 0, k })
  const fail = (errno: number) => give(0x0005_0000 | errno)
  const allow = give(0x7fff_0000)
  const kill = give(0x8000_0000)
  const steps: Step[] = [load(4), skipIf(numbers.audit, 1), kill, load(0)]
  if (process.arch === 'x64') steps.push(skipUnlessBits(X32_BIT, 1), kill)
  for (const nr of numbers.denied) steps.push(skipUnless(nr, 1), fail(EPERM))
  for (const nr of numbers.absent) steps.push(skipUnless(nr, 1), fail(ENOSYS))
  for (const [nr, flagsAt] of numbers.opens)
    steps.push(skipUnless(nr, 4), argument(flagsAt), skipUnlessBits(OPEN_TO_WRITE, 1), fail(EACCES), allow) // biome-ignore format: one line
  steps.push(skipUnless(numbers.clone, 4), argument(0), skipUnlessBits(CLONE_THREAD, 1), allow, fail(EPERM)) // biome-ignore format: one line
  for (const nr of numbers.kills)
    steps.push(skipUnless(nr, 4), argument(0), skipUnless(process.pid, 1), allow, fail(EPERM))
  steps.push(allow)
  return steps
}
