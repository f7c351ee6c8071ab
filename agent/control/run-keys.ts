/**
 * picket-keys: the custodian's root, every data and signing key, sessions and scope, the audit trail. It has
 * no network and parses neither packets nor SQL; what others may ask stands in keys-client.ts.
 */
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { openLog } from '../base/log.ts'
import { shippedControls } from '../controls-on-disk.ts'
import { openWalls } from '../lake/walls.ts'
import { Duty } from './duty.ts'
import { hardenProcess } from './harden.ts'
import { openKeysBox } from './keys-box.ts'
import { questionOf } from './keys-query.ts'
import { serveKeys } from './keys-server.ts'
import { createQueryRunner } from './query-runner.ts'

const log = openLog('keys')

async function main(): Promise<void> {
  hardenProcess()
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' } },
  })
  const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
  loadConfig(data, values.config) // a wrong configuration is said now, by every process
  const box = await openKeysBox({ data, log, config: values.config })
  const controls = questionOf(shippedControls())
  const walls = await openWalls(data)
  log.info(walls.because, 'keys.walls')
  const runner = createQueryRunner(data, log, walls)
  const server = await serveKeys(box, runner, log, { controls, walls })
  const { kind, generation } = box.ring.describe()
  log.info({ custodian: kind, generation, tenants: box.accounts.tenants().length }, 'keys.ready')
  // That it answers, and that its database does.
  const duty = Duty.begin({ log, checks: [() => void box.accounts.tenants()] })
  const end = async () => {
    duty.end()
    await server.close()
    box.close()
    await walls.close()
    log.info({}, 'keys.ended')
    process.exit(0)
  }
  process.once('SIGTERM', () => void end())
  process.once('SIGINT', () => void end())
}

await main().catch((error: unknown) => {
  // A Failure is a sentence for the operator; anything else is ours and has its stack.
  const about = error instanceof Failure ? error.message : String((error as Error)?.stack ?? error)
  log.error({ error: about }, 'keys.failed')
  process.exit(1)
})
