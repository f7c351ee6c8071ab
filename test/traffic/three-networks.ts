/**
 * Three network namespaces of one user namespace: hosts ↔ gateway ↔ assets, with IPv4 and IPv6, the gateway
 * forwarding. Works as root and unprivileged; touches nothing of the machine; ends with its launcher, because each
 * namespace is held by a `cat` whose standard input is ours.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { DIES_WITH_US } from './dies-with-us.ts'

const TALKER = new URL('./talker.ts', import.meta.url).pathname
const WAIT_MS = 20_000

export type Side = 'hosts' | 'gateway' | 'assets'

/** Where everybody lives; `other` is a second host, to show that a block hits one only. */
export const AT = {
  attacker: '10.10.1.66',
  attacker6: 'fd10:1::66',
  other: '10.10.1.77',
  asset: '10.10.2.20',
  asset6: 'fd10:2::20',
  gatewayHosts: '10.10.1.1',
  gatewayAssets: '10.10.2.1',
  bridgedAttacker: '10.10.3.66',
  bridgedOther: '10.10.3.77',
  bridgedAsset: '10.10.3.20',
} as const

/** Whether namespaces can be made here at all. */
export function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-rn', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export class ThreeNetworks {
  readonly #holders: Record<Side, ChildProcess>
  readonly #started: ChildProcess[] = []

  private constructor(holders: Record<Side, ChildProcess>) {
    this.#holders = holders
  }

  static async open(): Promise<ThreeNetworks> {
    const gateway = await hold('unshare', ['-rn'])
    const inner = [...enter(gateway, false), 'unshare', '-n']
    const hosts = await hold('nsenter', inner)
    const assets = await hold('nsenter', inner)
    const networks = new ThreeNetworks({ gateway, hosts, assets })
    for (const [side, n] of [['hosts', 1] as const, ['assets', 2] as const])
      await networks.#wire(side, n)
    await networks.run('gateway', [
      'sh',
      '-c',
      'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
    ])
    return networks
  }

  /** Joins both sides on one wire through a bridge, where the attacker and the asset have addresses too. */
  async bridge(): Promise<void> {
    const join = ['hosts', 'assets'].map((port) => `ip link set ${port} master br0`).join('; ')
    const lines = `ip link add br0 type bridge; ${join}; ip link set br0 up`
    await this.run('gateway', ['sh', '-ec', lines])
    for (const [side, ends] of [['hosts', ['66', '77']] as const, ['assets', ['20']] as const])
      await this.run(side, ['sh', '-ec', addresses('eth0', 3, ends).map((line) => line.replace(' add ', ' replace ')).join('; ')]) // biome-ignore format: one line
  }

  /** Runs a command to its end in one of the namespaces and returns what it printed. */
  async run(side: Side, command: readonly string[]): Promise<string> {
    const args = [...enter(this.#holders[side], true), ...command]
    return (await promisify(execFile)('nsenter', args)).stdout
  }

  /** Who holds a namespace open: it is in there since `open` returned, which a program just started is not yet. */
  holder(side: Side): number {
    return this.#holders[side].pid as number
  }

  /** Starts a program in one of the namespaces; it is killed by `close` at the latest. */
  start(side: Side, command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const inside = [...enter(this.#holders[side], true), ...DIES_WITH_US, ...command]
    const child = spawn('nsenter', inside, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#started.push(child)
    return child
  }

  /** Starts a talker and waits until it is ready. */
  async talk(side: Side, ...args: string[]): Promise<Talker> {
    const talker = new Talker(this.start(side, [process.execPath, TALKER, ...args]))
    await until(() => talker.ready, `${args.join(' ')} is ready`)
    return talker
  }

  close(): void {
    for (const child of [...this.#started, ...Object.values(this.#holders)]) child.kill('SIGKILL')
  }

  async #wire(side: 'hosts' | 'assets', n: number): Promise<void> {
    const peer = String(this.#holders[side].pid)
    const link = ['ip', 'link', 'add', side, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer]
    await this.run('gateway', link)
    const ends = side === 'hosts' ? ['66', '77'] : ['20', '21']
    await this.run('gateway', script(side, n, ['1']))
    await this.run(side, script('eth0', n, ends))
    await this.run(side, [
      'sh',
      '-ec',
      `ip route add default via 10.10.${n}.1; ip route add default via fd10:${n}::1`,
    ])
  }
}

/** A started talker and what it heard. */
export class Talker {
  readonly child: ChildProcess
  ready = false
  /** Messages by the address they came from, as the program saw it. */
  readonly heard = new Map<string, number>()
  lastAt = 0

  constructor(child: ChildProcess) {
    this.child = child
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === 'ready') this.ready = true
        else {
          const from = line.replace(/^::ffff:/, '')
          this.heard.set(from, (this.heard.get(from) ?? 0) + 1)
          this.lastAt = Date.now()
        }
      }
    })
  }

  count(from: string): number {
    return this.heard.get(from) ?? 0
  }

  /** Until `more` further messages came from there. */
  async hears(from: string, more = 3): Promise<void> {
    const want = this.count(from) + more
    await until(() => this.count(from) >= want, `${more} more messages from ${from}`)
  }

  /** Until nothing came from there for `ms`; fails if it never gets quiet. */
  async quiet(from: string, ms = 400): Promise<void> {
    let seen = this.count(from)
    let since = Date.now()
    await until(() => {
      if (this.count(from) !== seen) since = Date.now()
      seen = this.count(from)
      return Date.now() - since >= ms
    }, `quiet from ${from}`)
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }
}

/** Polls until `is` holds; fails by the name of what never came. */
export async function until(
  is: () => boolean | Promise<boolean>,
  what: string,
  waitMs = WAIT_MS,
): Promise<void> {
  const end = Date.now() + waitMs
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${waitMs} ms`)
    await new Promise((done) => setTimeout(done, 10))
  }
}

function enter(holder: ChildProcess, network: boolean): string[] {
  const args = ['-t', String(holder.pid), '-U', '--preserve-credentials']
  return network ? [...args, '-n', '--'] : [...args, '--']
}

/** A `cat` in a new namespace; ready once it echoes. */
async function hold(command: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command, [...args, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const echoed = new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done())
    child.once('exit', () => fail(new Error(`${command} cannot make a namespace here`)))
  })
  child.stdin.write('\n')
  await echoed
  return child
}

function script(device: string, n: number, ends: readonly string[]): string[] {
  const lines = ['ip link set lo up', ...addresses(device, n, ends), `ip link set ${device} up`]
  return ['sh', '-ec', lines.join('; ')]
}

function addresses(device: string, n: number, ends: readonly string[]): string[] {
  return ends.flatMap((end) => [
    `ip addr add 10.10.${n}.${end}/24 dev ${device}`,
    `ip addr add fd10:${n}::${end}/64 dev ${device} nodad`,
  ])
}
