/**
 * picket-link: the one process that speaks to other boxes. Once a window it tells what this site knows; on a primary
 * it takes in what the fleet tells. `--data D [--config F]`. No capability, no lake key.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { openLog } from '../base/log.ts'
import { VERSION } from '../base/version.ts'
import { lockFile } from '../lake/lock.ts'
import { Duty, moves } from './duty.ts'
import { keysForLink } from './keys-client.ts'
import { LinkFacts } from './link-facts.ts'
import { linkMethods } from './link-methods.ts'
import { LinkService } from './link-service.ts'
import { serve } from './rpc.ts'
import { socketPath } from './sockets.ts'

/** It looks at its fleet once a minute. */
const TURN_MS_MAX = 150_000

const log = openLog('link')

async function main(): Promise<void> {
  process.umask(0o077)
  const { values } = parseArgs({
    options: { data: { type: 'string' }, config: { type: 'string' } },
  })
  const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
  const config = () => loadConfig(data, values.config)
  const { siteName } = config()
  claim(data)
  const keys = keysForLink(data)
  const clock = systemClock
  const facts = new LinkFacts({ data, siteName, version: VERSION, keys, clock, log })
  const service = new LinkService({ data, config, keys, facts, clock, log })
  const methods = linkMethods(service, { keys, clock })
  const servers = await Promise.all(
    (['web', 'cli'] as const).map((caller) =>
      serve(socketPath(data, 'link', caller), methods[caller], log),
    ),
  )
  await service.start()
  log.info({ data }, 'link.ready')
  const turns = moves(() => service.turns, { withinMs: TURN_MS_MAX, words: 'its fleet is not looked at' }) // biome-ignore format: one line
  const duty = Duty.begin({ log, checks: [turns] })

  process.once('SIGTERM', async () => {
    duty.end()
    await Promise.all(servers.map((server) => server.close()))
    await service.close()
    facts.close()
    keys.close()
    log.info({}, 'link.ended')
    process.exit(0)
  })
}

/** One link process a data folder: two would give one sequence two contents. */
function claim(data: string): void {
  const folder = join(data, 'run', 'link')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'lock')
  const fd = openSync(path, 'a')
  if (lockFile(fd)) {
    writeFileSync(path, `${process.pid}\n`)
    return
  }
  closeSync(fd)
  const other = readFileSync(path, 'utf8').trim()
  throw new Failure('conflict', `Another picket-link (process ${other}) works in ${data}.`)
}

await main().catch((error: unknown) => {
  log.error({ error: String((error as Error)?.stack ?? error) }, 'link.failed')
  process.exit(1)
})
