/** Ours: `picket replay --warm` in a fresh process: warmed as an agent's shard is before it opens its interface. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ReplayResult } from '../../../agent/replay.ts'
import { measure } from './measured.ts'
import type { PeerTaken, SuricataRun } from './suricata.ts'

/** PICKET_ENGINE_WARM=0: as `picket replay` by itself begins. */
const WARM = process.env.PICKET_ENGINE_WARM !== '0'
const CLI = fileURLToPath(new URL('../../../agent/cli.ts', import.meta.url))

export function runPicket(run: SuricataRun): PeerTaken {
  const options = join(run.work, 'options.json')
  const settings = {
    ...(!run.everything && { eve_types: ['alert'] }),
    checksum: run.checksums ? 'auto' : 'none',
    offload: run.offloadMalformed ? 'malformed' : 'read',
    reassembly_depth: '1mb',
    fold_findings: false,
  }
  writeFileSync(options, JSON.stringify(settings))
  const command = [process.execPath, CLI, 'replay', join(run.files, run.capture), '--rules', join(run.files, run.rules), '--home-net', run.home.join(','), '--options', options, '--eve', join(run.work, 'eve.json'), '--json', ...(WARM ? ['--warm'] : [])] // biome-ignore format: one list
  const taken = measure(join(run.work, 'picket'), command)
  const result = JSON.parse(taken.log) as ReplayResult
  return { ...taken, engineSeconds: result.seconds, packets: result.packets, bytes: result.bytes }
}
