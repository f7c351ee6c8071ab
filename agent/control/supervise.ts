/**
 * `picket up`: all programs of a box, by the unit table, where there is no systemd. Starts them in order,
 * starts again what ends, takes everything down with itself: on SIGTERM in reverse order, and by the
 * kernel (PR_SET_PDEATHSIG) when it is killed.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure } from '../base/failure.ts'
import { openLog } from '../base/log.ts'
import { Supervisor } from './supervisor.ts'
import { UNITS } from './units.ts'

const PARENT_MS = 1_000
const log = openLog('up')

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' }, log: { type: 'string' } },
  })
  const data = resolve(values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket')
  if (values.log) mkdirSync(values.log, { recursive: true, mode: 0o700 })
  const supervisor = new Supervisor(UNITS, {
    data,
    config: values.config && resolve(values.config),
    logs: values.log && resolve(values.log),
    log,
  })
  const stop = () => {
    supervisor.stop().then(
      () => process.exit(0),
      (error: unknown) => die(error),
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)
  const parent = process.ppid
  // Whoever started us is gone without a word: so are we. A parent of 1 is a service manager.
  setInterval(() => parent !== 1 && process.ppid !== parent && stop(), PARENT_MS).unref()
  await supervisor.start()
  log.info({ data }, 'up.ready')
}

function die(error: unknown): never {
  log.error({ kind: Failure.kindOf(error), message: String((error as Error).message) }, 'up.failed')
  process.exit(1)
}

main().catch(die)
