/**
 * A user id for one confined process: of a range that belongs to no other software and needs no line in /etc/passwd, shared
 * with no process that lives. The parent claims it; the child becomes it before it reads a message. What that user may read is
 * handed over as mounts (`shown-folders.ts`): our files stay ours, 0600, and are readable to no other user id.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import koffi from 'koffi'

/** systemd's list of ids leaves it unused: above containers, below what a signed number holds. */
export const FIRST_USER = 1_950_000_000
export const USERS_MAX = 4_096
/** Claims of all programs of this machine: a byte a user, locked for as long as its claimant lives. */
const CLAIMS = '/run/picket-users'
const ARGUMENT = '--user='
const NAMESPACE_MS_MAX = 10_000

export interface OwnUser {
  uid: number
  /** What the program is started with, so that it becomes this user. */
  argument: string
  /** A user namespace in which our id is this user's, for mounts; ours to use until `release`. */
  mapping: Promise<number>
  /** Once no process of it lives. */
  release(): void
}

export class OwnUsers {
  readonly #claims: number
  readonly #held = new Set<number>()
  #next: number

  private constructor(claims: number, first: number) {
    this.#claims = claims
    this.#next = first
  }

  /** Fails where this machine does not let us. `first` is where it begins to look: anywhere, so that two seldom meet. */
  static open(first = Math.floor(Math.random() * USERS_MAX)): OwnUsers {
    return new OwnUsers(openSync(CLAIMS, 'a+', 0o600), first)
  }

  /** Nothing when all are in use. */
  take(): OwnUser | undefined {
    const living = usersAlive()
    for (let i = 0; i < USERS_MAX; i++) {
      const place = this.#next++ % USERS_MAX
      if (this.#held.has(place) || !lock(this.#claims, F_WRLCK, place)) continue
      if (living.has(FIRST_USER + place)) lock(this.#claims, F_UNLCK, place)
      else return this.#made(place)
    }
    return undefined
  }

  close(): void {
    closeSync(this.#claims)
  }

  #made(place: number): OwnUser {
    this.#held.add(place)
    const uid = FIRST_USER + place
    const mapping = mappingTo(uid)
    mapping.catch(() => {}) // whoever shows a folder sees the failure
    return {
      ...{ uid, mapping, argument: `${ARGUMENT}${uid}` },
      release: () => {
        if (!this.#held.delete(place)) return
        lock(this.#claims, F_UNLCK, place)
        mapping.then(closeSync, () => {})
      },
    }
  }
}

/** In the child, first of all: its code is loaded, so from here on it needs nothing that only its parent may read. */
export function becomeOwnUser(): void {
  const argument = process.argv.find((each) => each.startsWith(ARGUMENT))
  if (argument === undefined) return
  const uid = Number(argument.slice(ARGUMENT.length))
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
}

/** Real, effective, saved and file system's id of a process, where all are one. */
export function userOf(pid: number): number | undefined {
  try {
    const line = /^Uid:\t(\d+)\t\1\t\1\t\1$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return line ? Number(line[1]) : undefined
  } catch {
    return undefined
  }
}

/** Of the range. Who hid itself belongs to root in the eyes of stat(2), so each is read. */
function usersAlive(): Set<number> {
  const found = new Set<number>()
  for (const name of readdirSync('/proc')) {
    const uid = /^\d+$/.test(name) ? userOf(Number(name)) : undefined
    if (uid !== undefined && uid >= FIRST_USER && uid < FIRST_USER + USERS_MAX) found.add(uid)
  }
  return found
}

/** A namespace can only be had from a process that is in it, so one lives for a moment. */
function mappingTo(uid: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo && exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: NAMESPACE_MS_MAX,
    killSignal: 'SIGKILL',
  })
  child.on('error', reject)
  child.on('exit', () => reject(new Error('no user namespace can be made')))
  child.stdout.once('data', () => {
    try {
      for (const kind of ['uid', 'gid'])
        writeFileSync(`/proc/${child.pid}/${kind}_map`, `${process.getuid?.()} ${uid} 1`)
      resolve(openSync(`/proc/${child.pid}/ns/user`, 'r'))
    } catch (error) {
      reject(error as Error)
    }
    child.kill('SIGKILL')
  })
  return promise
}

const fcntl = koffi.load('libc.so.6').func('int fcntl(int fd, int command, const void *lock)')
const F_OFD_SETLK = 37
const F_WRLCK = 1
const F_UNLCK = 2

/** One byte of the file for this open file, or back; false when another open file has it. */
function lock(fd: number, kind: number, place: number): boolean {
  const wanted = Buffer.alloc(32) // struct flock: type, whence, start, length, pid
  wanted.writeInt16LE(kind, 0)
  wanted.writeBigInt64LE(BigInt(place), 8)
  wanted.writeBigInt64LE(1n, 16)
  return fcntl(fd, F_OFD_SETLK, wanted) === 0
}
