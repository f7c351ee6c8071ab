/**
 * Three network namespaces without names: each lives as long as one process of ours and leaves nothing
 * behind. As root they belong to root; otherwise to a user namespace in which we are root.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { pause } from '../traffic/programs/service.ts'

export type Room = 'gateway' | 'hosts' | 'assets'

const OPENED_MS_MAX = 5_000

export class Namespaces {
  readonly #holders = new Map<Room, ChildProcess>()
  readonly #root = process.getuid?.() === 0

  static async open(): Promise<Namespaces> {
    const made = new Namespaces()
    // The first one also makes the user namespace that the others join.
    await made.#hold('gateway', 'unshare', made.#root ? ['--net'] : ['--map-root-user', '--net'])
    for (const room of ['hosts', 'assets'] as const) {
      const [first = '', ...rest] = made.command('gateway', ['unshare', '--net'], { user: true })
      await made.#hold(room, first, rest)
    }
    return made
  }

  /** How to run something in a room. `user: true`: there as here, but in the user namespace only. */
  command(room: Room, words: readonly string[], { user = false } = {}): string[] {
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
  asOurselves(room: Room, words: readonly string[]): string[] {
    return ['nsenter', '--target', String(this.#holders.get(room)?.pid), '--net', '--', ...words]
  }

  spawn(room: Room, words: readonly string[], options: SpawnOptions): ChildProcess {
    const [first = '', ...rest] = this.command(room, words)
    return spawn(first, rest, options)
  }

  /** Runs to the end; a failure is ours to hear of. */
  run(room: Room, words: readonly string[], input?: string): string {
    const [first = '', ...rest] = this.command(room, words)
    const { status, stdout, stderr, error } = spawnSync(first, rest, { input, encoding: 'utf8' })
    if (error) throw error
    if (status !== 0) throw new Error(`${words.join(' ')} failed in ${room}: ${stderr.trim()}`)
    return stdout
  }

  pid(room: Room): number {
    return this.#holders.get(room)?.pid as number
  }

  close(): void {
    for (const holder of this.#holders.values()) holder.kill('SIGKILL')
  }

  async #hold(room: Room, program: string, words: readonly string[]): Promise<void> {
    const before = readlinkSync('/proc/self/ns/net')
    const holder = spawn(program, [...words, '--', 'sleep', 'infinity'], { stdio: 'ignore' })
    this.#holders.set(room, holder)
    const deadline = performance.now() + OPENED_MS_MAX
    const others = [...this.#holders].flatMap(([name, { pid }]) =>
      name === room ? [] : [namespaceOf(pid)],
    )
    for (;;) {
      const now = namespaceOf(holder.pid)
      if (now && now !== before && !others.includes(now)) return
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
