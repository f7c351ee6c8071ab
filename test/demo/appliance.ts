/** The appliance as a customer starts it: `picket init`, a config.json, `picket up`. Nothing here tells it where it is. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentClient, type SiteStatus } from '../../agent/control/agent-client.ts'
import { type Action, GuardClient } from '../../agent/control/guard-client.ts'
import { type DecisionVerb, keysForCli, type QueryAnswer } from '../../agent/control/keys-client.ts'
import type { LakeClient } from '../../agent/control/lake-client.ts'
import { askLake, siteStatus } from '../lake/box-sockets.ts'
import { pause } from '../traffic/programs/service.ts'
import type { Room, Rooms } from './namespaces.ts'
import { PORT } from './network.ts'
import { FLEET, type SiteScenario } from './scenario.ts'

const PICKET = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
/** Of three sites at once, eighteen programs and what they start. */
const READY_MS_MAX = 240_000
const STOP_MS_MAX = 60_000
const POLL_MS = 50
/** Of the fleet half: a summary each ten seconds, so that nobody waits five minutes for the story. */
const PERIOD_SECONDS = 10
const BLIND_SECONDS = 8

export class Appliance {
  readonly data: string
  readonly tenant_id: string
  readonly #up: ChildProcess
  readonly #guard: GuardClient
  readonly #keys: ReturnType<typeof keysForCli>

  private constructor(data: string, tenant_id: string, up: ChildProcess) {
    this.data = data
    this.tenant_id = tenant_id
    this.#up = up
    this.#guard = new GuardClient(data, 'cli')
    this.#keys = keysForCli(data)
  }

  /** Resolves when every process is ready and the ring is open. `listenFd` is the socket of its pages. */
  static async start(
    rooms: Rooms,
    scenario: SiteScenario,
    { data, listenFd }: { data: string; listenFd: number },
  ): Promise<Appliance> {
    const { tenant_id } = scenario
    const init = ['init', '--data', data, '--tenant', tenant_id, '--fleet', FLEET]
    const { code } = await picket(...init)
    if (code !== 0) throw new Error(`picket init failed for ${tenant_id}.`)
    writeFileSync(join(data, 'config.json'), `${JSON.stringify(configOf(scenario), null, 2)}\n`)
    // In the room's own view of /sys too, where it may be mounted: programs look there for their interfaces.
    const own = 'mount -t sysfs none /sys 2>/dev/null; exec "$@"'
    const log = openSync(join(data, 'up.log'), 'a', 0o600)
    const words = ['unshare', '--mount', 'sh', '-c', own, 'sh', process.execPath, PICKET, 'up']
    const up = rooms.spawn('gateway', [...words, '--data', data, '--log', join(data, 'log')], {
      stdio: ['ignore', log, log, listenFd],
      env: { ...process.env, PICKET_LISTEN_FD: '3' },
    })
    closeSync(log)
    const appliance = new Appliance(data, tenant_id, up)
    await appliance.#ready()
    return appliance
  }

  status(): Promise<SiteStatus> {
    return siteStatus(this.data)
  }

  /** What the pages show, as it comes. The connection is made anew when the agent was. */
  async watch(onFinding: (message: string) => void): Promise<void> {
    const agent = await AgentClient.open(this.data, 'cli')
    agent.onClose(() => {
      setTimeout(() => this.watch(onFinding).catch(() => {}), 1000).unref()
    })
    await agent.subscribe({
      event: (row) => row.kind === 'finding' && onFinding(`${row.severity}: ${row.message}`),
    })
  }

  query(sql: string): Promise<QueryAnswer> {
    return this.#keys.query({ scope: [this.tenant_id], sql })
  }

  actions(): Promise<Action[]> {
    return this.#guard.list()
  }

  /** As the operator at the box does it: picket-keys signs the decision, the guard checks and obeys. */
  async decide(verb: DecisionVerb, { action_id, hash }: Action): Promise<Action> {
    const decision = await this.#keys.decide({ action_id, hash, verb })
    return this.#guard[verb]({ action_id, hash, decision })
  }

  async login(): Promise<string> {
    return (await this.#keys.oneTimeLogin({})).code
  }

  lake<T>(use: (lake: LakeClient) => Promise<T>): Promise<T> {
    return askLake(this.data, use)
  }

  /** SIGTERM, and each process puts down what it holds. Gives the last lines of its log when it failed. */
  async stop(): Promise<void> {
    this.#guard.close()
    this.#keys.close()
    if (this.#up.exitCode !== null || this.#up.signalCode !== null) return
    const gone = new Promise((done) => this.#up.once('exit', done))
    this.#up.kill('SIGTERM')
    const hard = setTimeout(() => this.#up.kill('SIGKILL'), STOP_MS_MAX)
    await gone
    clearTimeout(hard)
  }

  /** What the processes wrote to their logs, the end of each. */
  complaint(lines = 12): string {
    const last = (path: string) => {
      try {
        return readFileSync(path, 'utf8').trim().split('\n').slice(-lines).join('\n')
      } catch {
        return ''
      }
    }
    const names = ['keys', 'guard', 'lake', 'agent', 'link', 'web'].map((name) => `log/${name}.log`)
    return ['up.log', ...names]
      .map((name) => `--- ${name}\n${last(join(this.data, name))}`)
      .join('\n')
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + READY_MS_MAX
    for (;;) {
      if (this.#up.exitCode !== null) throw new Error(`picket up ended.\n${this.complaint()}`)
      if (performance.now() > deadline) throw new Error(`Not ready in time.\n${this.complaint()}`)
      if (this.#allReady() && (await this.#captures())) return
      await pause(POLL_MS)
    }
  }

  #allReady(): boolean {
    try {
      const text = readFileSync(join(this.data, 'run', 'up.json'), 'utf8')
      const { units } = JSON.parse(text) as { units: { state: string }[] }
      return units.every(({ state }) => state === 'ready')
    } catch {
      return false
    }
  }

  async #captures(): Promise<boolean> {
    try {
      return (await this.status()).capture.interfaces.length > 0
    } catch {
      return false
    }
  }
}

/** What a technician would enter: where it captures, what is ours, where the box stands. */
function configOf({ name, plan, uplink, automatic }: SiteScenario): object {
  return {
    siteName: name,
    capture: { interfaces: [PORT.capture], shards: 1, ringMiB: 32 },
    network: { home: plan.home, placement: 'gateway' },
    contain: { policy: automatic ? 'automatic' : 'propose' },
    health: { blindAfterSeconds: BLIND_SECONDS },
    lake: { settleSeconds: 1, compactFiles: 8 },
    summary: { periodSeconds: PERIOD_SECONDS },
    ...(uplink !== undefined && { fleet: { announce: uplink } }),
  }
}

/** Runs one picket command to its end, as a shell would. */
export function picket(...args: string[]): Promise<Ended> {
  return ended(spawn(process.execPath, [PICKET, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }))
}

/** The same, where that room's network is, with what is typed into it. */
export function picketIn(
  rooms: Rooms,
  room: Room,
  args: readonly string[],
  stdin: string,
): Promise<Ended> {
  const words = [process.execPath, PICKET, ...args]
  const child = rooms.spawn(room, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin?.on('error', () => {}) // it ended before it read
  child.stdin?.end(stdin)
  return ended(child)
}

interface Ended {
  code: number | null
  out: string
}

function ended(child: ChildProcess): Promise<Ended> {
  return new Promise((done) => {
    let out = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.on('close', (code) => done({ code, out }))
  })
}
