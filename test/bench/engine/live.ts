/** A veth pair between two network namespaces, a capture sent through it at a rate, and either engine at the other end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuOf } from '../lake/answering.ts'
import { inPeer, type Peer } from './suricata.ts'
import { suricataYaml } from './suricata-settings.ts'

const SENSOR = fileURLToPath(new URL('./live-sensor.ts', import.meta.url))
const [SENDS, HEARS] = ['v0', 'v1']
const START_MS_MAX = 120_000
const END_MS_MAX = 60_000
const LOOK_MS = 20
const WARMING_KPPS = 20
/** Without another alert, frame or processor time for so long, all that was sent has been looked at. */
const STILL_MS = 1500
/** Into the sending, when other rules come. */
const SWAP_MS = 500

export interface LiveRun {
  engine: 'suricata' | 'picket'
  shards: number
  files: string
  work: string
  /** Below `files`, sent one after the other. */
  captures: readonly string[]
  /** Sent first, and slowly: what is compiled or grown by need is so before it is measured. */
  warming: string
  rules: string
  /** Rules that come into force while the capture is sent. */
  swapTo?: string
  home: readonly string[]
  kpps: number
  /** Of each worker. */
  ringMiB: number
  /** The engine stands still while each capture is sent, so that the rings hold all of it and nothing else runs while it is worked off. */
  held?: boolean
}

export interface LiveTaken {
  sent: Sent[]
  /** With those that were sent to warm it. */
  all: number
  /** Of all. */
  dropped: number
  alerts: number
}

/** A capture that was sent, and what the engine took for it. */
export interface Sent {
  frames: number
  cpuSeconds: number
  /** Of the sender, in thousands a second; where it was held, of the engine working off what the rings hold. */
  kpps: number
}

export class Wire {
  readonly #out = `picket-bench-out-${process.pid}`
  readonly #in = `picket-bench-in-${process.pid}`
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
    for (const name of [this.#out, this.#in]) ip('netns', 'add', name)
    ip('-n', this.#out, 'link', 'add', SENDS, 'type', 'veth', 'peer', 'name', HEARS, 'netns', this.#in) // biome-ignore format: one command
    for (const [space, name] of [[this.#out, SENDS], [this.#in, HEARS]] as const) {
      ip('-n', space, 'link', 'set', name, 'addrgenmode', 'none')
      ip('-n', space, 'link', 'set', name, 'up')
    } // biome-ignore format: a pair
  }

  close(): void {
    for (const name of [this.#out, this.#in]) ip('netns', 'del', name)
  }

  /** One engine from its start to its end; what is told is of the sending alone. */
  async run(run: LiveRun): Promise<LiveTaken> {
    rmSync(run.work, { recursive: true, force: true })
    mkdirSync(run.work, { recursive: true })
    const sensor = new Sensor(this.#listening(run))
    try {
      await sensor.until(run.engine === 'picket' ? /^ready$/m : /Engine started/)
      const pid = run.engine === 'picket' ? sensor.pid : childOf(sensor.pid)
      const begun = this.#heard()
      await this.#send(run, run.warming, WARMING_KPPS)
      await still(() => cpuOf(pid))
      if (run.swapTo !== undefined) setTimeout(() => process.kill(pid, 'SIGHUP'), SWAP_MS)
      const sent: Sent[] = []
      for (const capture of run.captures) sent.push(await this.#measured(run, capture, pid))
      const all = this.#heard() - begun
      if (run.swapTo !== undefined) await sensor.until(/^swapped /m)
      process.kill(pid, 'SIGTERM')
      await sensor.ended()
      return { sent, all, dropped: droppedOf(run, sensor.said), alerts: linesOf(join(run.work, 'eve.json')) } // biome-ignore format: one line
    } finally {
      sensor.end()
    }
  }

  async #measured(run: LiveRun, capture: string, pid: number): Promise<Sent> {
    const [cpu, before] = [cpuOf(pid), this.#heard()]
    if (run.held) process.kill(pid, 'SIGSTOP')
    const kpps = await this.#send(run, capture, run.kpps)
    const frames = this.#heard() - before
    const from = performance.now()
    if (run.held) process.kill(pid, 'SIGCONT')
    const worked = await still(() => cpuOf(pid))
    const cpuSeconds = cpuOf(pid) - cpu
    return { frames, cpuSeconds, kpps: run.held ? frames / (worked - from) : kpps }
  }

  #listening(run: LiveRun): string[] {
    const { work, files, rules, swapTo, home, shards, ringMiB } = run
    const inside = ['ip', 'netns', 'exec', this.#in]
    if (run.engine === 'picket')
      return [...inside, process.execPath, SENSOR, HEARS, `${shards}`, join(files, rules), join(work, 'eve.json'), home.join(','), `${ringMiB}`, ...(swapTo === undefined ? [] : [join(files, swapTo)])] // biome-ignore format: one command
    writeFileSync(join(work, 'suricata.yaml'), suricataYaml({ home, everything: false, live: { threads: shards, ringMiB } })) // biome-ignore format: one line
    const command = ['suricata', '-v', '-c', '/bench/suricata.yaml', `--af-packet=${HEARS}`, '--runmode', 'workers', '-S', `/files/${rules}`, '-l', '/bench', '-k', 'all'] // biome-ignore format: one command
    return [...inside, ...inPeer(this.#peer, { work, files }, command)]
  }

  /** Frames that the hearing end has counted. */
  #heard(): number {
    const text = execFileSync('ip', ['-n', this.#in, '-j', '-s', 'link', 'show', HEARS], { encoding: 'utf8' }) // biome-ignore format: one command
    return (JSON.parse(text) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx.packets
  }

  /** Thousands a second. */
  async #send({ files, work }: LiveRun, capture: string, kpps: number): Promise<number> {
    const command = ['tcpreplay', '--preload-pcap', '--quiet', '-i', SENDS, '--pps', `${kpps * 1000}`, `/files/${capture}`] // biome-ignore format: one command
    const sender = new Sensor(['ip', 'netns', 'exec', this.#out, ...inPeer(this.#peer, { work, files }, command)]) // biome-ignore format: one command
    try {
      await sender.ended(START_MS_MAX)
      // By its own clock: reading the capture is not sending it.
      const [, sent, seconds] = /(\d+) packets \(\d+ bytes\) sent in ([\d.]+) seconds/.exec(sender.said) ?? [] // biome-ignore format: one line
      return Number(sent) / Number(seconds) / 1000
    } finally {
      sender.end()
    }
  }
}

/** A process of the bench and what it says. */
class Sensor {
  said = ''
  readonly #child: ChildProcess
  readonly #gone: Promise<number | null>

  constructor([name = '', ...args]: string[]) {
    this.#child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (bytes) => {
        this.said += bytes
      })
    this.#gone = new Promise((done) => this.#child.once('exit', done))
  }

  get pid(): number {
    return this.#child.pid as number
  }

  async until(word: RegExp): Promise<void> {
    const deadline = performance.now() + START_MS_MAX
    while (!word.test(this.said)) {
      if (performance.now() > deadline || this.#child.exitCode !== null)
        throw new Error(`it did not start: ${this.said.slice(-2000)}`)
      await pause()
    }
  }

  async ended(msMax = END_MS_MAX): Promise<void> {
    const late = new Promise<'late'>((done) => setTimeout(done, msMax, 'late').unref())
    const code = await Promise.race([this.#gone, late])
    if (code !== 0) throw new Error(`it ended with ${code}: ${this.said.slice(-2000)}`)
  }

  end(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
  }
}

/** Until nearly no processor time is spent; gives when it was last. */
async function still(cpu: () => number): Promise<number> {
  const deadline = performance.now() + END_MS_MAX
  let since = performance.now()
  for (let last = cpu(); performance.now() < deadline; await pause()) {
    const now = cpu()
    if (now - last > (LOOK_MS / 1000) * 0.2) since = performance.now()
    if (performance.now() - since > STILL_MS) break
    last = now
  }
  return since
}

function droppedOf({ engine }: LiveRun, said: string): number {
  if (engine === 'picket') return (JSON.parse(said.trim().split('\n').at(-1) as string) as { dropped: number }).dropped // biome-ignore format: one line
  const drops = [...said.matchAll(/packets: (\d+), drops: (\d+)/g)]
  if (drops.length === 0) throw new Error(`no count of drops: ${said.slice(-2000)}`)
  return drops.reduce((sum, [, , dropped]) => sum + Number(dropped), 0)
}

function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return Number(child)
}

function linesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false }) ? readFileSync(path, 'latin1').split('\n').length - 1 : 0 // biome-ignore format: one line
}

function ip(...args: string[]): void {
  execFileSync('ip', args)
}

const pause = () => new Promise((done) => setTimeout(done, LOOK_MS))
