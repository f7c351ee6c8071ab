/** The parent's end of `run-loose-cell.ts`: started as a cell is started, without what a control leaves out. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Branch } from '../../agent/lake/cell.ts'
import { ConfinedChild, noNetwork } from '../../agent/lake/confined-child.ts'
import { readMessages, sendMessage } from '../../agent/lake/pipe.ts'
import type { ActName } from './cell-acts.ts'
import { ENVIRONMENT, NETWORK, NO_DESCRIPTORS, NO_SIGUSR1 } from './cell-layers.ts'
import { GROUP, OWN_USER, walls } from './cell-walls.ts'
import type { FromLoose, ToLoose } from './run-loose-cell.ts'

const PROGRAM = new URL('./run-loose-cell.ts', import.meta.url)
const STARTED_OTHERWISE = [ENVIRONMENT, NETWORK, NO_DESCRIPTORS, NO_SIGUSR1]
const BYTES_MAX = 8 << 20

export interface LooseOptions {
  off?: ReadonlySet<string>
  readable?: string[]
  branches?: Branch[]
  planted?: string[]
}

interface Child {
  readonly pid: number
  show(readable: readonly string[]): Promise<string[]>
  send(message: unknown): void
  take(take: (message: unknown) => void): void
  onGone(listener: () => void): void
  kill(): void
}

export class LooseCell {
  readonly #child: Child
  #gone = false
  #take: ((message: FromLoose) => void) | undefined

  private constructor(child: Child) {
    this.#child = child
    child.take((message) => this.#take?.(message as FromLoose))
    child.onGone(() => {
      this.#gone = true
      this.#take?.({ failed: 'The cell died.' })
    })
  }

  static async start(options: LooseOptions = {}): Promise<LooseCell> {
    const { off = new Set(), readable = [], branches = [], planted = [] } = options
    const otherwise = STARTED_OTHERWISE.some(({ name }) => off.has(name))
    const cell = new LooseCell(otherwise ? bare(off) : confined(off))
    const folders = await cell.#child.show([...readable, ...branches.flatMap(({ paths }) => paths)])
    await cell.#put({ type: 'be', off: [...off], readable, folders, branches, planted })
    return cell
  }

  get pid(): number {
    return this.#child.pid
  }

  get isGone(): boolean {
    return this.#gone
  }

  ask(sql: string, bytesMax = BYTES_MAX): Promise<unknown> {
    return this.#put({ type: 'ask', sql, bytesMax })
  }

  act(name: ActName, ...args: unknown[]): Promise<unknown> {
    return this.#put({ type: 'act', name, args })
  }

  kill(): void {
    this.#child.kill()
  }

  #put(message: ToLoose): Promise<unknown> {
    return new Promise((done, fail) => {
      this.#take = (answer) => ('failed' in answer ? fail(new Error(answer.failed)) : done(answer.answer)) // biome-ignore format: one line
      if (this.#gone) this.#take({ failed: 'The cell died.' })
      else this.#child.send(message)
    })
  }
}

function confined(off: ReadonlySet<string>): Child {
  const child = new ConfinedChild({
    program: PROGRAM,
    walls: {
      ...walls,
      users: off.has(OWN_USER.name) ? undefined : walls.users,
      groups: off.has(GROUP.name) ? undefined : walls.groups,
    },
  })
  return {
    pid: child.pid,
    show: (readable) => child.show(readable),
    send: (message) => child.send(message),
    take: (take) => child.take(take),
    onGone: (listener) => void child.onGone(listener),
    kill: () => child.kill('stopped'),
  }
}

/** What ConfinedChild does, without the parts that are off. */
function bare(off: ReadonlySet<string>): Child {
  const [command = process.execPath, ...args] = [
    ...(off.has(NETWORK.name) ? [] : noNetwork()),
    process.execPath,
    '--disable-proto=delete',
    ...(off.has(NO_SIGUSR1.name) ? [] : ['--disable-sigusr1']),
    fileURLToPath(PROGRAM),
  ]
  const own = { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0', TZ: 'UTC' }
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: off.has(ENVIRONMENT.name) ? { ...process.env, ...own } : own,
  })
  const [stdin, stdout] = [child.stdin, child.stdout]
  if (!stdin || !stdout) throw new Error('The cell has no pipes.')
  stdin.on('error', () => {})
  return {
    pid: child.pid ?? 0,
    show: async () => [],
    send: (message) => void sendMessage(stdin, message),
    take: (take) => readMessages(stdout, take, () => child.kill('SIGKILL')),
    onGone: (listener) => void child.on('exit', listener),
    kill: () => void child.kill('SIGKILL'),
  }
}
