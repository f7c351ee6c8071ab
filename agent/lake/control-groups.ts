/**
 * What the kernel itself holds a confined process to: memory (files in memory and pages of files count), and how many threads.
 * A group of its own below ours (control groups v1), or beside ours (v2, where one that has processes cannot divide itself). Whoever
 * starts the process makes the group and takes it away; what a killed starter left is taken away at the next start.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { dirname, join } from 'node:path'

export const THREADS_MAX = 64
/** Its starter's number, start, and where that number counts: a box in a PID namespace has others under the same ones. */
const NAME = /^picket-(\d+)-(\d+)-(\d+)-\d+$/
const AGAIN_MS = 20
const AGAIN_MAX = 250
/** A group is entered within moments; one that stood empty for so long waits for nobody. */
const ENTERED_MS_MAX = 60_000

export interface ControlGroup {
  /** With all its threads. What it held before counts where it was. */
  add(pid: number): void
  /** The kernel killed it for its memory. */
  readonly isOverMemory: boolean
  /** Its folders. */
  readonly paths: readonly string[]
  /** Once its process is gone. */
  remove(): void
}

interface Place {
  /** Where groups are made. */
  folder: string
  /** [file, text] of a new group; with the bytes of memory. */
  bounds(memoryBytes: number): [file: string, text: string, needed: boolean][]
  /** Where the kernel counts whom it killed, in a line `oom_kill N`. */
  kills?: string
}

export class ControlGroups {
  readonly version: 1 | 2
  readonly #places: readonly Place[]
  readonly #mark: string
  readonly #numbers = numberSpace()
  readonly #left = new Set<string>()
  #count = 0

  private constructor(version: 1 | 2, places: readonly Place[]) {
    this.version = version
    this.#places = places
    this.#mark = `picket-${process.pid}-${startOf(process.pid)}-${this.#numbers}`
  }

  /** Tries it: nothing where this machine does not let us bound memory. */
  static open(): ControlGroups | undefined {
    for (const make of [secondVersion, firstVersion])
      try {
        const groups = make()
        if (!groups) continue
        groups.#clear()
        groups.make(1 << 30).remove()
        return groups
      } catch {
        // not ours to write, or not divided
      }
    return undefined
  }

  static of(version: 1 | 2, places: readonly Place[]): ControlGroups {
    return new ControlGroups(version, places)
  }

  make(memoryBytes: number): ControlGroup {
    const name = `${this.#mark}-${this.#count++}`
    const made: string[] = []
    try {
      for (const { folder, bounds } of this.#places) {
        const path = join(folder, name)
        mkdirSync(path)
        made.push(path)
        this.#left.add(path)
        for (const [file, text, needed] of bounds(memoryBytes)) write(join(path, file), text, needed) // biome-ignore format: one line
      }
    } catch (error) {
      for (const path of made) this.#remove(path)
      throw error
    }
    const kills = this.#places.flatMap(({ folder, kills: file }) => (file ? [join(folder, name, file)] : [])) // biome-ignore format: one line
    return {
      paths: made,
      add: (pid) => {
        for (const path of made) writeFileSync(join(path, 'cgroup.procs'), String(pid))
      },
      get isOverMemory() {
        return kills.some((path) => /^oom_kill [1-9]/m.test(quietly(path)))
      },
      remove: () => {
        for (const path of made) this.#remove(path)
      },
    }
  }

  /** Resolves when nothing of ours is left, or cannot be taken away. */
  async close(): Promise<void> {
    for (let i = 0; i < AGAIN_MAX && this.#left.size > 0; i++)
      await new Promise((done) => setTimeout(done, AGAIN_MS))
  }

  /** What starters that are gone have left; whatever still runs in it lost its parent. */
  #clear(): void {
    for (const { folder } of this.#places)
      for (const name of readdirSync(folder)) {
        const [, pid = '', start = '', numbers] = NAME.exec(name) ?? []
        if (pid === '') continue
        const path = join(folder, name)
        if (numbers !== this.#numbers) {
          removeIfLeft(path)
          continue
        }
        if (startOf(Number(pid)) === start) continue
        for (const left of quietly(join(path, 'cgroup.procs')).split('\n').filter(Boolean)) end(Number(left)) // biome-ignore format: one line
        this.#remove(path)
      }
  }

  #remove(path: string, again = AGAIN_MAX): void {
    try {
      rmdirSync(path)
    } catch (error) {
      // A process that is just gone still counts for a moment.
      if ((error as NodeJS.ErrnoException).code === 'EBUSY' && again > 0)
        return void setTimeout(() => this.#remove(path, again - 1), AGAIN_MS).unref()
    }
    this.#left.delete(path)
  }
}

function secondVersion(): ControlGroups | undefined {
  const own = ownGroup((type, options) => type === 'cgroup2' && options !== undefined, '')
  if (own === undefined) return undefined
  // The root of all may have processes and be divided; any other is divided from above, unless it is ours alone.
  const isAlone = quietly(join(own.path, 'cgroup.procs')).trim() === String(process.pid)
  const folder = own.isRoot || isAlone ? own.path : dirname(own.path)
  if (!/\bmemory\b/.test(quietly(join(folder, 'cgroup.controllers')))) return undefined
  if (isAlone && !own.isRoot) {
    const main = join(folder, 'picket-main')
    mkdirSync(main, { recursive: true })
    writeFileSync(join(main, 'cgroup.procs'), String(process.pid))
  }
  const divided = quietly(join(folder, 'cgroup.subtree_control'))
  for (const controller of ['memory', 'pids'])
    if (!divided.includes(controller)) write(join(folder, 'cgroup.subtree_control'), `+${controller}`, controller === 'memory') // biome-ignore format: one line
  const bounds: Place['bounds'] = (memoryBytes) => [
    ['memory.max', String(memoryBytes), true],
    ['memory.swap.max', '0', false],
    ['memory.oom.group', '1', false],
    ['pids.max', String(THREADS_MAX), false],
  ]
  return ControlGroups.of(2, [{ folder, bounds, kills: 'memory.events' }])
}

function firstVersion(): ControlGroups | undefined {
  const of = (controller: string) =>
    ownGroup((type, options) => type === 'cgroup' && options.split(',').includes(controller), controller) // biome-ignore format: one line
  const [memory, pids] = [of('memory'), of('pids')]
  if (!memory) return undefined
  const places: Place[] = [
    {
      folder: memory.path,
      bounds: (memoryBytes) => [
        ['memory.limit_in_bytes', String(memoryBytes), true],
        ['memory.memsw.limit_in_bytes', String(memoryBytes), false],
      ],
      kills: 'memory.oom_control',
    },
  ]
  // Where both are one hierarchy, or there is none that counts threads, only memory is bounded.
  if (pids && pids.path !== memory.path)
    places.push({ folder: pids.path, bounds: () => [['pids.max', String(THREADS_MAX), false]] })
  return ControlGroups.of(1, places)
}

/** The folder of our own group in the hierarchy that is wanted. */
function ownGroup(
  isWanted: (type: string, options: string) => boolean,
  controller: string,
): { path: string; isRoot: boolean } | undefined {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  const own = lines
    .map((line) => line.split(':'))
    .find(([, controllers = '']) => controllers.split(',').includes(controller))
    ?.slice(2)
    .join(':')
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type = '', , options = ''] = after.split(' ')
    const [, , , root = '', at = ''] = before.split(' ')
    if (own === undefined || !isWanted(type, options)) continue
    const inside = root === '/' ? own : own.startsWith(root) ? own.slice(root.length) : '/'
    return { path: join(at, inside), isRoot: join('/', inside) === '/' }
  }
  return undefined
}

/** Who is in it, and whether its starter lives, cannot be known from here: only one that nobody was in for long goes. */
function removeIfLeft(path: string): void {
  try {
    if (Date.now() - statSync(path).mtimeMs > ENTERED_MS_MAX) rmdirSync(path)
  } catch {
    // somebody is in it, or it is gone
  }
}

/** The PID namespace, by its number: what a process is called there it is called nowhere else. */
function numberSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

/** The time a process started, in ticks since the boot: its number alone may be another's by now. */
function startOf(pid: number): string | undefined {
  const stat = quietly(`/proc/${pid}/stat`)
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function write(path: string, text: string, needed: boolean): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    if (needed) throw error
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // gone meanwhile
  }
}

function quietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
