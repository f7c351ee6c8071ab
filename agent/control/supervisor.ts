/** Keeps a table of units running. The programs are strangers to it: it knows processes and sockets. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'
import { environmentOf, NODE_FLAGS, RESTART, STOP_MS_MAX, type Unit } from './units.ts'

/** As under systemd: a machine with much else to do starts six programs one after the other. */
const READY_MS_MAX = 300_000
const POLL_MS = 20

export type UnitState = 'waiting' | 'starting' | 'ready' | 'ended' | 'stopped'

export interface UnitStatus {
  name: string
  state: UnitState
  pid?: number
  restarts: number
  /** Milliseconds since 1970. */
  since: number
}

export interface SupervisorOptions {
  data: string
  config?: string | undefined
  /** A folder for one log file a unit; otherwise they write to our stderr. */
  logs?: string | undefined
  log: Log
}

interface Kept {
  unit: Unit
  child: ChildProcess | undefined
  status: UnitStatus
  backOffMs: number
  timer?: NodeJS.Timeout
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #kept: Kept[]
  #stopping = false

  constructor(units: readonly Unit[], options: SupervisorOptions) {
    this.#options = options
    this.#kept = units.map((unit) => ({
      unit,
      child: undefined,
      backOffMs: RESTART.firstMs,
      status: { name: unit.name, state: 'waiting', restarts: 0, since: Date.now() },
    }))
  }

  /** Resolves once every unit is ready. Units that do not wait for each other start side by side. */
  async start(): Promise<void> {
    const ready = new Map<string, Promise<void>>()
    for (const kept of this.#kept) {
      const before = kept.unit.after.map((name) => ready.get(name))
      ready.set(
        kept.unit.name,
        Promise.all(before).then(() => this.#untilReady(kept)),
      )
    }
    await Promise.all(ready.values())
  }

  status(): UnitStatus[] {
    return this.#kept.map(({ status }) => ({ ...status }))
  }

  /** Ends all in reverse order, so that nobody loses what it stands on. */
  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    for (const kept of [...this.#kept].reverse()) {
      clearTimeout(kept.timer)
      await endOf(kept)
      this.#note(kept, 'stopped')
    }
  }

  async #untilReady(kept: Kept): Promise<void> {
    if (this.#stopping) return
    this.#spawn(kept)
    const deadline = performance.now() + READY_MS_MAX
    while (!(await this.#answers(kept)) || kept.child === undefined) {
      if (this.#stopping) return
      if (performance.now() > deadline)
        throw new Failure(
          'unavailable',
          `picket-${kept.unit.name} was not ready in ${READY_MS_MAX / 1000} s; its log says why.`,
        )
      await new Promise((done) => setTimeout(done, POLL_MS))
    }
    this.#note(kept, 'ready')
  }

  #spawn(kept: Kept): void {
    const { unit } = kept
    const { data, config, logs, log } = this.#options
    const file =
      logs === undefined ? undefined : openSync(join(logs, `${unit.name}.log`), 'a', 0o600)
    const listen = unit.environment.includes('PICKET_LISTEN_FD') && inheritedSocket()
    const child = spawn('setpriv', commandOf(unit, data, config), {
      env: { ...environmentOf(unit, process.env), ...(listen && { PICKET_LISTEN_FD: '3' }) },
      stdio: ['ignore', file ?? 'inherit', file ?? 'inherit', ...(listen ? [listen] : [])],
    })
    if (file !== undefined) closeSync(file)
    kept.child = child
    const began = performance.now()
    let over = false
    const ended = (code: number | null, signal: string | null) => {
      if (over) return
      over = true
      kept.child = undefined
      this.#note(kept, 'ended')
      if (this.#stopping) return
      const steady = performance.now() - began > RESTART.steadyMs
      if (steady) kept.backOffMs = RESTART.firstMs
      log.warn({ unit: unit.name, code, signal, againInMs: kept.backOffMs }, 'unit.ended')
      kept.timer = setTimeout(() => this.#again(kept), kept.backOffMs)
      kept.backOffMs = Math.min(RESTART.mostMs, kept.backOffMs * 2)
    }
    child.on('exit', ended)
    child.on('error', (error) => {
      log.error({ unit: unit.name, message: error.message }, 'unit.not-started')
      ended(null, null)
    })
    this.#note(kept, 'starting')
    log.info({ unit: unit.name, unitPid: child.pid }, 'unit.started')
  }

  #again(kept: Kept): void {
    if (this.#stopping) return
    kept.status.restarts++
    this.#spawn(kept)
    void this.#watch(kept)
  }

  /** After a restart there is no deadline: a program that takes long is still the program. */
  async #watch(kept: Kept): Promise<void> {
    const { child } = kept
    while (kept.child === child && child && !this.#stopping) {
      const answers = await this.#answers(kept)
      // It may have answered and ended before we heard of either.
      if (answers && kept.child === child) return this.#note(kept, 'ready')
      await new Promise((done) => setTimeout(done, POLL_MS))
    }
  }

  async #answers({ unit, child }: Kept): Promise<boolean> {
    if (!child) return false
    if (unit.ready === 'listen') return this.#listens()
    try {
      const client = await connect(socketPath(this.#options.data, unit.ready, 'cli'))
      client.close()
      return true
    } catch {
      return false
    }
  }

  #listens(): Promise<boolean> {
    if (inheritedSocket()) return Promise.resolve(true) // whoever gave us the socket listens already
    const { host, port } = loadConfig(this.#options.data, this.#options.config).web
    return new Promise((done) => {
      const socket = createConnection({ host, port }, () => {
        socket.destroy()
        done(true)
      })
      socket.on('error', () => done(false))
    })
  }

  #note(kept: Kept, state: UnitState): void {
    const pid = kept.child?.pid
    kept.status = {
      name: kept.unit.name,
      state,
      restarts: kept.status.restarts,
      since: Date.now(),
      ...(pid !== undefined && { pid }),
    }
    // For people and tests: who runs as what. Replaced whole, never half.
    const path = join(this.#options.data, 'run', 'up.json')
    mkdirSync(join(this.#options.data, 'run'), { recursive: true, mode: 0o700 })
    const text = JSON.stringify({ pid: process.pid, units: this.status() })
    writeFileSync(`${path}.part`, text, { mode: 0o600 })
    renameSync(`${path}.part`, path)
  }
}

/** A listening socket that our starter opened for the pages, as systemd and test stages do. */
function inheritedSocket(): number | undefined {
  const given = Number(process.env.PICKET_LISTEN_FD)
  return Number.isInteger(given) && given > 2 ? given : undefined
}

/**
 * setpriv(1) sets what a program could only set for itself: it dies with us, and holds no capability that its
 * unit does not list. Without root there is nothing to narrow.
 */
export function commandOf(unit: Unit, data: string, config: string | undefined): string[] {
  const root = process.getuid?.() === 0
  const narrowed = root && unit.capabilities !== undefined
  const only = ['-all', ...(unit.capabilities ?? []).map((name) => `+${name}`)].join(',')
  return [
    '--pdeathsig',
    'KILL',
    ...(narrowed ? [`--bounding-set=${only}`, '--inh-caps=-all'] : []),
    '--',
    process.execPath,
    ...NODE_FLAGS,
    unit.program,
    '--data',
    data,
    ...(config === undefined ? [] : ['--config', config]),
  ]
}

async function endOf(kept: Kept): Promise<void> {
  const { child } = kept
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await gone
  clearTimeout(hard)
}
