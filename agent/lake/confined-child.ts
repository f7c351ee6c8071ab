/** A child process over a pipe, under a watch: processor time, wall time and memory, then SIGKILL. */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'
import { activate, type StartedChild } from './activated-child.ts'
import type { ControlGroup } from './control-groups.ts'
import { sendDescriptors, socketPair } from './descriptors.ts'
import { type OwnUser, userOf } from './own-user.ts'
import { readMessages, sendMessage } from './pipe.ts'
import { foldersOf, mountFor } from './shown-folders.ts'
import type { Walls } from './walls.ts'

const WATCH_MS = 20
const TICKS_PER_SECOND = 100 // USER_HZ is 100 on every Linux that we run on
const PAGE_BYTES = 4096
const MEMORY_BYTES = 512 << 20

export interface Limits {
  cpuMs: number
  wallMs: number
  rssBytes: number
  /** What it may say, as bytes of messages: its parent holds them, and it may be somebody else's by now. */
  saysBytes?: number
}

/** `late`: it did not start in time. */
export type Cut = 'cpu' | 'wall' | 'memory' | 'said' | 'died' | 'late' | 'stopped'

export interface ChildOptions {
  program: URL
  /** What holds it besides what it gives up itself: a user id and a control group of its own. */
  walls?: Walls | undefined
  /** All memory that the kernel lets it have, where it has a group. */
  memoryBytes?: number
}

export class ConfinedChild {
  readonly #process: StartedChild
  #take: ((message: unknown) => void) | undefined
  #cut: Cut | undefined
  #onGone: ((cut: Cut) => void)[] = []
  #early: unknown[] = []
  #said = 0
  #saysBytes = Number.POSITIVE_INFINITY
  readonly #user: OwnUser | undefined
  readonly #group: ControlGroup | undefined
  /** Our end, for folders. */
  #socket: number | undefined

  constructor({ program, walls, memoryBytes = MEMORY_BYTES }: ChildOptions) {
    const activated = activate(program) // systemd has given it a user and a group
    this.#user = activated ? undefined : walls?.users?.take()
    this.#group = activated ? undefined : walls?.groups?.make(memoryBytes)
    const [ours, theirs] = this.#user ? socketPair() : []
    this.#socket = ours
    this.#process = activated ?? start(program, this.#user, theirs)
    if (theirs !== undefined) closeSync(theirs)
    this.#process.stdin?.on('error', () => this.#gone('died'))
    this.#process.on('error', () => this.#ended())
    this.#process.on('exit', () => this.#ended())
    this.#hold()
    this.#listen()
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  get isGone(): boolean {
    return this.#cut !== undefined
  }

  send(message: unknown): void {
    if (!this.isGone && this.#process.stdin) sendMessage(this.#process.stdin, message)
  }

  /**
   * Lets it see the folders of these files, read-only; their names, for the message that says so. None where it is of our
   * own user: then it can reach them as we do.
   */
  async show(readable: readonly string[]): Promise<string[]> {
    if (!this.#user || this.#socket === undefined) return []
    const folders = foldersOf(readable)
    const mapping = await this.#user.mapping
    const mounts: number[] = []
    try {
      for (const folder of folders) mounts.push(mountFor(folder, mapping))
      // It has ended, and that has not been heard of here.
      if (!sendDescriptors(this.#socket, mounts)) this.kill('died')
    } finally {
      for (const mount of mounts) closeSync(mount)
    }
    return folders
  }

  /** Where messages go from now on; those that came before are handed over first. */
  take(take: (message: unknown) => void): void {
    this.#take = take
    for (const message of this.#early.splice(0)) take(message)
  }

  onGone(listener: (cut: Cut) => void): () => void {
    if (this.#cut) listener(this.#cut)
    else this.#onGone.push(listener)
    return () => {
      this.#onGone = this.#onGone.filter((each) => each !== listener)
    }
  }

  kill(cut: Cut): void {
    this.#gone(cut)
    this.#process.kill('SIGKILL')
  }

  /** Kills the child when it passes a limit, counted from now; call what comes back to stop watching. */
  watch(limits: Limits): () => void {
    this.#said = 0
    this.#saysBytes = limits.saysBytes ?? Number.POSITIVE_INFINITY
    const start = performance.now()
    const cpuAtStart = usage(this.pid)?.cpuMs ?? 0
    const timer = setInterval(() => {
      const used = usage(this.pid)
      if (!used) return
      if (used.rssBytes > limits.rssBytes) this.kill('memory')
      else if (used.cpuMs - cpuAtStart > limits.cpuMs) this.kill('cpu')
      else if (performance.now() - start > limits.wallMs) this.kill('wall')
    }, WATCH_MS)
    return () => clearInterval(timer)
  }

  /** At once: what it takes before it is in its group counts where we are. */
  #hold(): void {
    try {
      if (this.#process.pid !== undefined) this.#group?.add(this.#process.pid)
    } catch {
      this.kill('died')
    }
  }

  #listen(): void {
    const { stdout } = this.#process
    if (!stdout) return
    let isFirst = true
    const take = (message: unknown, bytes: number) => {
      // It changes its user itself: whoever is not who it should be is told nothing.
      if (isFirst && this.#user && userOf(this.pid) !== this.#user.uid) return this.kill('died')
      isFirst = false
      this.#said += bytes
      if (this.#said > this.#saysBytes) this.kill('said')
      else if (this.isGone) return
      else if (this.#take) this.#take(message)
      else this.#early.push(message)
    }
    readMessages(stdout, take, () => this.kill('died'))
  }

  #gone(cut: Cut): void {
    if (this.#cut) return
    this.#cut = cut === 'died' && this.#group?.isOverMemory ? 'memory' : cut
    for (const listener of this.#onGone.splice(0)) listener(this.#cut)
  }

  /** No process is left: its user and its group may be another's. */
  #ended(): void {
    this.#gone('died')
    this.#user?.release()
    this.#group?.remove()
    if (this.#socket !== undefined) closeSync(this.#socket)
    this.#socket = undefined
  }
}

function start(program: URL, user?: OwnUser, socket?: number): StartedChild {
  const [command = process.execPath, ...args] = [
    ...noNetwork(),
    process.execPath,
    '--disable-proto=delete',
    '--disable-sigusr1',
    fileURLToPath(program),
    ...(user ? [user.argument] : []),
  ]
  keepDescriptors()
  return spawn(command, args, {
    stdio: ['pipe', 'pipe', 'ignore', ...(socket === undefined ? [] : [socket])],
    // One worker thread, so that what confines it confines all queries; nothing of our environment.
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0', TZ: 'UTC' },
  })
}

/** What a process used so far, from /proc; nothing once it is gone. */
export function usage(pid: number): { cpuMs: number; rssBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    return {
      cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
      rssBytes: Number(fields[21]) * PAGE_BYTES,
    }
  } catch {
    return undefined
  }
}

const fcntl = koffi.load('libc.so.6').func('int fcntl(int fd, int command, ...)')
const F_SETFD = 2
const FD_CLOEXEC = 1
const FIRST_OWN_FD = 3

/** What a library of ours opened without close-on-exec would be open in the child too, past every wall around it. */
function keepDescriptors(): void {
  for (const name of readdirSync('/proc/self/fd'))
    if (Number(name) >= FIRST_OWN_FD) fcntl(Number(name), F_SETFD, 'int', FD_CLOEXEC)
}

let wrapper: string[] | undefined

/** The command that gives a child an empty network, or nothing where this machine does not allow it. */
export function noNetwork(): string[] {
  wrapper ??=
    [
      ['unshare', '--net'],
      ['unshare', '--map-root-user', '--net'],
    ].find(([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0) ?? []
  return wrapper
}
