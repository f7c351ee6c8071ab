/**
 * Network namespaces that the kernel knows no name of: each lives as long as one process of ours and leaves nothing
 * behind. As root they belong to root; otherwise to a user namespace in which we are root.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { pause } from '../traffic/programs/service.ts'

/** The rooms of one site. */
export const ROOMS = ['gateway', 'hosts', 'assets'] as const
export type Room = (typeof ROOMS)[number]

/** One site's rooms, or the whole building: whoever runs something in a room needs no more. */
export interface Rooms<Name extends string = Room> {
  command(room: Name, words: readonly string[], options?: { user?: boolean }): string[]
  asOurselves(room: Name, words: readonly string[]): string[]
  spawn(room: Name, words: readonly string[], options: SpawnOptions): ChildProcess
  run(room: Name, words: readonly string[], input?: string): string
  pid(room: Name): number
}

const OPENED_MS_MAX = 20_000
const HOLDER = 'sleep'

export class Namespaces implements Rooms<string> {
  readonly #holders = new Map<string, ChildProcess>()
  #first = ''
  readonly #root = process.getuid?.() === 0

  static async open(names: readonly string[]): Promise<Namespaces> {
    const made = new Namespaces()
    const [first = '', ...others] = names
    made.#first = first
    // The first one also makes the user namespace that the others join.
    await made.#hold(first, 'unshare', made.#root ? ['--net'] : ['--map-root-user', '--net'])
    await Promise.all(
      others.map((room) => {
        const [program = '', ...words] = made.command(first, ['unshare', '--net'], { user: true })
        return made.#hold(room, program, words)
      }),
    )
    return made
  }

  /** The rooms called `<site>/gateway` and so on, by their short names. */
  site(site: string): Rooms {
    const full = (room: Room) => `${site}/${room}`
    return {
      command: (room, words, options) => this.command(full(room), words, options),
      asOurselves: (room, words) => this.asOurselves(full(room), words),
      spawn: (room, words, options) => this.spawn(full(room), words, options),
      run: (room, words, input) => this.run(full(room), words, input),
      pid: (room) => this.pid(full(room)),
    }
  }

  /** How to run something in a room. `user: true`: there as here, but in the user namespace only. */
  command(room: string, words: readonly string[], { user = false } = {}): string[] {
    const target = ['--target', String(this.#holders.get(room)?.pid)]
    const spaces = [
      ...(this.#root ? [] : ['--user', '--preserve-credentials']),
      ...(user ? [] : ['--net']),
    ]
    return spaces.length === 0 ? [...words] : ['nsenter', ...target, ...spaces, '--', ...words]
  }

  /**
   * In the room's network, but as ourselves: for tcpdump, which gives up when it is called root and may not
   * change its user, as in every user namespace made without help.
   */
  asOurselves(room: string, words: readonly string[]): string[] {
    return ['nsenter', '--target', String(this.#holders.get(room)?.pid), '--net', '--', ...words]
  }

  spawn(room: string, words: readonly string[], options: SpawnOptions): ChildProcess {
    const [first = '', ...rest] = this.command(room, words)
    return spawn(first, rest, options)
  }

  /** Runs to the end; a failure is ours to hear of. */
  run(room: string, words: readonly string[], input?: string): string {
    const [first = '', ...rest] = this.command(room, words)
    const { status, stdout, stderr, error } = spawnSync(first, rest, { input, encoding: 'utf8' })
    if (error) throw error
    if (status !== 0) throw new Error(`${words.join(' ')} failed in ${room}: ${stderr.trim()}`)
    return stdout
  }

  pid(room: string): number {
    return this.#holders.get(room)?.pid as number
  }

  close(): void {
    for (const holder of this.#holders.values()) holder.kill('SIGKILL')
  }

  async #hold(room: string, program: string, words: readonly string[]): Promise<void> {
    const before = [
      readlinkSync('/proc/self/ns/net'),
      room !== this.#first && namespaceOf(this.#holders.get(this.#first)?.pid),
    ]
    const holder = spawn(program, [...words, '--', HOLDER, 'infinity'], { stdio: 'ignore' })
    this.#holders.set(room, holder)
    const deadline = performance.now() + OPENED_MS_MAX
    for (;;) {
      const now = namespaceOf(holder.pid)
      // Its last program runs once the namespaces are set up: who is who in them is written after they are made.
      if (now && !before.includes(now) && commandOf(holder.pid) === HOLDER) return
      if (holder.exitCode !== null || performance.now() > deadline)
        throw new Error(`No network namespace for ${room}.`)
      await pause(5)
    }
  }
}

function namespaceOf(pid: number | undefined): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

function commandOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}
