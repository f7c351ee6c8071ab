/** A real site for the browser: `picket up` on a gateway in namespaces, its pages on our own loopback. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Actor } from '../demo/crew.ts'
import { type AttackKind, planOf } from '../demo/plan.ts'
import { listen, usableSpaces } from '../demo/spaces.ts'
import { until } from '../traffic/three-networks.ts'
import type { Order } from './stage.ts'

const STAGE = fileURLToPath(new URL('./stage.ts', import.meta.url))
const HEARD_MS_MAX = 15_000
/** Somebody who tries three times a second and is not heard for this long does not get through. */
const SILENCE_MS = 2_500

/** How to get namespaces here; nothing, and a line that says so, where they are off. */
export function findSpaces(): string[] | undefined {
  const spaces = usableSpaces()
  if (!spaces) process.stderr.write('SKIPPED: namespaces are off on this machine.\n')
  return spaces
}

export class RealSite {
  readonly base: string
  /** Who guesses passwords, from outside. */
  readonly guesser: string
  readonly #stage: Actor<Order>
  readonly #data: string

  private constructor(stage: Actor<Order>, data: string, base: string, seed: number) {
    this.#stage = stage
    this.#data = data
    this.base = base
    this.guesser = planOf(seed).attacks.find(({ kind }) => kind === 'passwords')?.from as string
  }

  /** Everything runs and people work; the code is the one-time login. */
  static async open(spaces: readonly string[]): Promise<{ site: RealSite; code: string }> {
    const seed = Number(process.env.PICKET_SEED ?? randomInt(1, 1_000_000))
    process.stdout.write(`seed ${seed}\n`)
    const data = mkdtempSync(join(tmpdir(), 'picket-browser-'))
    const { server, port, fd } = await listen(0)
    const child = spawn('unshare', [...spaces, '--', process.execPath, STAGE, data, String(seed)], {
      stdio: ['ignore', 'inherit', 'inherit', fd, 'ipc'],
    })
    server.close() // ours; the stage has its own hold on the socket
    const site = new RealSite(new Actor<Order>(child), data, `http://127.0.0.1:${port}`, seed)
    try {
      return { site, code: await site.#stage.tell<string>({ do: 'start' }) }
    } catch (error) {
      await site[Symbol.asyncDispose]()
      throw error
    }
  }

  /** One attack of the plan, to its end. */
  async attack(kind: AttackKind): Promise<void> {
    await this.#stage.tell({ do: 'attack', kind })
  }

  async keepGuessing(): Promise<void> {
    await this.#stage.tell({ do: 'keep-guessing' })
  }

  /** Until the SSH server itself hears the guesser again. */
  async hearsAgain(): Promise<void> {
    const { count } = await this.#heard()
    const more = async () => (await this.#heard()).count > count
    await until(more, `the SSH server hears ${this.guesser}`, HEARD_MS_MAX)
  }

  /** Until the SSH server itself has heard nothing of the guesser for a while. */
  async hearsNoMore(): Promise<void> {
    const silent = async () => Date.now() - (await this.#heard()).lastAt > SILENCE_MS
    await until(silent, `the SSH server stops hearing ${this.guesser}`, HEARD_MS_MAX)
  }

  /** The ends of the logs of all processes. */
  complaint(): Promise<string> {
    return this.#stage.tell<string>({ do: 'complaint' })
  }

  #heard(): Promise<{ count: number; lastAt: number }> {
    return this.#stage.tell({ do: 'heard' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stage.tell({ do: 'stop' }).catch(() => undefined)
    this.#stage.end()
    rmSync(this.#data, { recursive: true, force: true })
  }
}
