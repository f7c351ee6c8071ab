/** A machine with systemd as its process 1, in namespaces on this one. Root only; it goes when it is closed or we end. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, statfsSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const CGROUPS = '/sys/fs/cgroup'
const CGROUP2_MAGIC = 0x63677270
const STARTED_MS_MAX = 90_000
const GONE_MS_MAX = 5_000
const POLL_MS = 200
const NAMESPACES = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup']

/** Why there can be none here, or nothing. */
export function lacks(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root'
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is not installed'
  const tried = spawnSync('unshare', [...NAMESPACES, '--fork', 'true'])
  return tried.status === 0 ? undefined : 'namespaces cannot be made here'
}

export interface Said {
  code: number
  out: string
  err: string
}

export class Machine {
  readonly #folder: string
  readonly #group: string
  readonly #process: ChildProcess
  #said = ''
  /** Its process 1, as this machine numbers it. */
  init = 0

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'picket-machine-'))
    this.#group = `picket-machine-${process.pid}`
    const [hold = '', ...rest] = this.#intoGroups()
    const modules = dirname(realpathSync(join(REPOSITORY, 'node_modules', 'koffi')))
    const stage = [join(import.meta.dirname, 'stage.sh'), this.#folder, REPOSITORY, modules]
    this.#process = spawn(
      hold,
      [...rest, 'unshare', ...NAMESPACES, '--fork', '--kill-child', 'bash', ...stage],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, LANG: 'C.UTF-8' } },
    )
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk) => {
        this.#said = (this.#said + chunk).slice(-8192)
      })
  }

  /** Resolves when `unit` is active. */
  static async boot(unit: string): Promise<Machine> {
    const machine = new Machine()
    const deadline = performance.now() + STARTED_MS_MAX
    try {
      while (!(await machine.#isActive(unit))) {
        if (machine.#process.exitCode !== null || performance.now() > deadline)
          throw new Error(`${unit} did not become active: ${machine.#said}\n${machine.journal()}`)
        await new Promise((done) => setTimeout(done, POLL_MS))
      }
      return machine
    } catch (error) {
      await machine.close()
      throw error
    }
  }

  run(command: string, ...args: string[]): Said {
    const { status, stdout, stderr } = spawnSync(...this.#inside(command, args), { encoding: 'utf8', maxBuffer: 64 << 20 }) // biome-ignore format: one line
    return { code: status ?? -1, out: stdout, err: stderr }
  }

  start(command: string, ...args: string[]): ChildProcess {
    return spawn(...this.#inside(command, args), { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  /** As our user `picket-<name>`, with no group but its own. */
  as(name: string, command: string, ...args: string[]): Said {
    const user = `picket-${name}`
    return this.run('setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', command, ...args) // biome-ignore format: one line
  }

  picket(...args: string[]): Said {
    return this.run('/opt/picket/node_modules/.bin/node', '/opt/picket/agent/cli.ts', ...args)
  }

  journal(unit?: string): string {
    return this.run('journalctl', '--no-pager', '-o', 'cat', '-n', '80', ...(unit ? ['-u', unit] : [])).out // biome-ignore format: one line
  }

  property(unit: string, name: string): string {
    return this.run('systemctl', 'show', '--value', '-p', name, unit).out.trim()
  }

  /** Lines of /proc/<pid>/status of a process of the machine. */
  status(pid: string): Record<string, string> {
    const lines = this.run('cat', `/proc/${pid}/status`).out.trim().split('\n')
    return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2) as [string, string]))
  }

  async close(): Promise<void> {
    const gone = new Promise((done) => this.#process.once('exit', done))
    if (this.init > 0) process.kill(this.init, 'SIGKILL') // process 1 takes all others with it
    this.#process.kill('SIGKILL')
    if (this.#process.exitCode === null && this.#process.signalCode === null) await gone
    const left = () =>
      trees()
        .map((tree) => join(tree, this.#group))
        .filter((path) => existsSync(path))
    const deadline = performance.now() + GONE_MS_MAX
    while (left().length > 0 && performance.now() < deadline) {
      for (const path of left()) removeGroups(path)
      await new Promise((done) => setTimeout(done, POLL_MS)) // the last process may still be leaving
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #isActive(unit: string): Promise<boolean> {
    this.init ||= childOf(this.#process.pid ?? 0)
    if (this.init === 0 || !readComm(this.init).startsWith('systemd')) return false
    return this.run('systemctl', 'is-active', unit).out.trim() === 'active'
  }

  #inside(command: string, args: readonly string[]): [string, string[]] {
    return ['nsenter', ['-t', String(this.init), '-m', '-p', '-u', '-n', '-i', '-C', '-r', '-w', '--', command, ...args]] // biome-ignore format: one line
  }

  /** Groups of its own on this machine, so that nothing of it is left in ours. */
  #intoGroups(): string[] {
    const made = trees().filter((tree) => {
      try {
        mkdirSync(join(tree, this.#group))
        return true
      } catch {
        return existsSync(join(tree, this.#group))
      }
    })
    const enter = made.map((tree) => `echo $$ >'${join(tree, this.#group)}/cgroup.procs'`).join(';')
    return ['bash', '-c', `${enter}; exec "$0" "$@"`]
  }
}

/** Where groups are made: one tree, or each of the older ones but those that need settings first. */
function trees(): string[] {
  if (statfsSync(CGROUPS).type === CGROUP2_MAGIC) return [CGROUPS]
  return readdirSync(CGROUPS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'cpuset')
    .map(({ name }) => join(CGROUPS, name))
}

function removeGroups(folder: string): void {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(folder, entry.name))
  try {
    rmdirSync(folder)
  } catch {
    // not empty yet
  }
}

function childOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
  } catch {
    return 0
  }
}

function readComm(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8')
  } catch {
    return ''
  }
}
