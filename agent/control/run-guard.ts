/**
 * picket-guard: owns the packet filter, and nothing else. No keys, no network. `--data D [--config F]`.
 * Blocks stay in force when it stops: the kernel holds them and their end.
 */
import { closeSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../base/config.ts'
import { openLog } from '../base/log.ts'
import { Controllers } from '../contain/controllers.ts'
import { readPublicKeys } from '../contain/decision.ts'
import { Guard } from '../contain/guard.ts'
import { Ledger } from '../contain/ledger.ts'
import { NeverBlock } from '../contain/never-block.ts'
import { Nft } from '../contain/nft.ts'
import { type Place, readPlaceFacts } from '../contain/placement.ts'
import { bridgePorts, ownAddresses } from '../contain/rtnetlink.ts'
import { machineBoot, RunClock } from '../contain/run-clock.ts'
import { holdAlone } from '../lake/lock.ts'
import { Duty, moves } from './duty.ts'
import { GuardAudit } from './guard-audit.ts'
import type { GuardCaller } from './guard-client.ts'
import { guardMethods } from './guard-methods.ts'
import { keysForGuard } from './keys-client.ts'
import { type RpcServer, serve } from './rpc.ts'
import { socketPath } from './sockets.ts'

/** The stub of systemd-resolved stands in the first; those it asks stand in the second. */
const RESOLVER_FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']
const SOON_MS = 20
/** It looks at its blocks at least once a second. */
const TICK_MS_MAX = 20_000

const log = openLog('guard')

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' } },
  })
  const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
  const config = loadConfig(data, values.config)
  const folder = join(data, 'guard')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Two would undo each other's blocks, and write one ledger.
  const run = join(data, 'run', 'guard')
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const lock = holdAlone(join(run, 'guard.lock'), 'picket-guard', data)

  const controllers = new Controllers(join(folder, 'controllers.json'))
  const ledger = new Ledger(join(folder, 'actions.jsonl'))
  if (ledger.damaged > 0) log.warn({ lines: ledger.damaged }, 'guard.ledger-damaged')
  const keys = keysForGuard(data)
  const audit = new GuardAudit((line) => keys.audit(line), log)
  for (const { action } of ledger.entries.values()) audit.know(action)
  const { placement: place } = config.network
  const { policy, liveMax, additionsPerMinute, neverBlock: configured } = config.contain
  const guard = new Guard({
    firewall: firewallOf(place),
    place,
    facts: () => readPlaceFacts(bridgePorts),
    neverBlock: new NeverBlock({
      own: ownAddresses,
      resolverFiles,
      configured,
      controllers: (tenant_uid) => controllers.of(tenant_uid),
    }),
    keys: () => readPublicKeys(join(data, 'keys', 'public.json')),
    ledger,
    run: new RunClock(machineBoot, ledger.lastMark),
    clock: systemClock,
    limits: { policy, liveMax, additionsPerMinute },
    log,
  })
  const timer = keepTime(guard)
  for (const action of guard.list()) audit.tell(action) // what ended while nobody was there
  guard.onChange((action) => audit.tell(action))

  const settingsChanged = () =>
    log.info({}, 'guard.settings-changed') ??
    setImmediate(() => process.kill(process.pid, 'SIGTERM')) // whoever started it starts it anew
  const methods = guardMethods({ guard, controllers, clock: systemClock, settingsChanged })
  const servers: RpcServer[] = []
  for (const caller of Object.keys(methods) as GuardCaller[])
    servers.push(await serve(socketPath(data, 'guard', caller), methods[caller], log))
  const { enforces, sentence, active, waiting } = guard.status()
  log.info({ place, enforces, sentence, active, waiting }, 'guard.ready')

  const words = 'blocks are not ended in time'
  const duty = Duty.begin({ log, checks: [moves(timer.ticks, { withinMs: TICK_MS_MAX, words })] })

  process.once('SIGTERM', async () => {
    duty.end()
    timer.stop()
    audit.close()
    keys.close()
    await Promise.all(servers.map((server) => server.close()))
    ledger.close()
    closeSync(lock)
    log.info({}, 'guard.ended')
    process.exit(0)
  })
}

/** The table of where the box sits; what was made while it sat elsewhere goes. */
function firewallOf(place: Place): Nft {
  const [ours, others] = place === 'bridge' ? (['bridge', 'inet'] as const) : (['inet', 'bridge'] as const) // biome-ignore format: one line
  new Nft(others).discard()
  return new Nft(ours)
}

/** Calls `tick` when the guard wants it, and soon after a change. A fault in it ends the process. */
function keepTime(guard: Guard): { stop(): void; ticks(): number } {
  let timer: NodeJS.Timeout
  let ticks = 0
  const later = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      ticks++
      later(guard.tick())
    }, ms)
  }
  guard.onChange(({ state, packets }) => {
    if (state === 'active' && packets === 0) later(SOON_MS)
  })
  later(SOON_MS)
  return { stop: () => clearTimeout(timer), ticks: () => ticks }
}

function resolverFiles(): string[] {
  return RESOLVER_FILES.flatMap((path) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return [] // a machine without that file has no resolver there
    }
  })
}

await main().catch((error: unknown) => {
  log.error({ error: String((error as Error)?.stack ?? error) }, 'guard.failed')
  process.exit(1)
})
