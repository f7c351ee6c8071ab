/** `picket up` on a data folder, wherever it was started: who runs as what, one killed, what their logs say. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { UnitStatus } from '../../agent/control/supervisor.ts'
import type { UnitName } from '../../agent/control/units.ts'
import { DIES_WITH_US } from '../traffic/dies-with-us.ts'
import { until } from '../traffic/three-networks.ts'

const PICKET = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const NAMES = ['keys', 'guard', 'lake', 'agent', 'link', 'web']
const READY_MS_MAX = 150_000

export class PicketUp {
  readonly data: string
  readonly child: ChildProcess
  #said = ''

  constructor(data: string, child: ChildProcess) {
    this.data = data
    this.child = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-4000)
      })
  }

  static command(data: string): string[] {
    return [
      ...DIES_WITH_US,
      process.execPath,
      PICKET,
      'up',
      '--data',
      data,
      '--log',
      join(data, 'log'),
    ]
  }

  async ready(): Promise<void> {
    await until(() => this.#allReady(), 'all processes are ready', READY_MS_MAX)
  }

  unit(name: UnitName): UnitStatus {
    const found = this.#units().find((unit) => unit.name === name)
    if (!found) throw new Error(`picket up knows no ${name}`)
    return found
  }

  isReady(name: UnitName): Promise<void> {
    return until(() => this.unit(name).state === 'ready', `${name} is ready`, READY_MS_MAX)
  }

  /** As power loss would. Returns how to wait until the supervisor has it ready again. */
  kill(name: UnitName): () => Promise<void> {
    const { pid, restarts } = this.unit(name)
    process.kill(pid as number, 'SIGKILL')
    return () => {
      const isBack = () => {
        const now = this.unit(name)
        return now.restarts > restarts && now.state === 'ready'
      }
      return until(isBack, `${name} is ready again`, READY_MS_MAX)
    }
  }

  /** The end of each log, for a failure that needs a reason. */
  complaint(): string {
    const last = (name: string) => {
      try {
        const lines = readFileSync(join(this.data, 'log', `${name}.log`), 'utf8')
          .trim()
          .split('\n')
        return `--- ${name}\n${lines.slice(-6).join('\n')}\n`
      } catch {
        return ''
      }
    }
    return `${this.#said}\n${NAMES.map(last).join('')}`
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = new Promise((done) => this.child.once('exit', done))
    this.child.kill('SIGTERM')
    await gone
  }

  #units(): UnitStatus[] {
    const text = readFileSync(join(this.data, 'run', 'up.json'), 'utf8')
    return (JSON.parse(text) as { units: UnitStatus[] }).units
  }

  #allReady(): boolean {
    if (this.child.exitCode !== null) throw new Error(`picket up ended: ${this.complaint()}`)
    try {
      return this.#units().every(({ state }) => state === 'ready')
    } catch {
      return false // not written yet
    }
  }
}
