/**
 * The shards of picket-agent on one interface and nothing behind them but a file of EVE alerts, until SIGTERM:
 * live-sensor.ts INTERFACE SHARDS RULES EVE HOME RING_MIB [OTHER_RULES]. Prints `ready`, and at the end what was counted. With SIGHUP
 * the other rules come into force, and it prints `swapped`.
 */
import { createWriteStream } from 'node:fs'
import { parsePrefix } from '../../../agent/base/address.ts'
import { Findings } from '../../../agent/detect/findings.ts'
import { Thresholds } from '../../../agent/detect/signatures/thresholds.ts'
import { fewerCollections } from '../../../agent/heap.ts'
import { INSPECTION } from '../../../agent/inspection.ts'
import { loadRules } from '../../../agent/rules-on-disk.ts'
import { Shards } from '../../../agent/shards.ts'
import { v8ThreadsWait } from '../../../agent/v8-threads.ts'

const [name = '', shards = '1', rules = '', eve = '', homes = '', ringMiB = '64', others = ''] =
  process.argv.slice(2)
const home = homes.split(',')
const inspection = {
  ...INSPECTION,
  ...{ checksum: 'auto', midstream: false, async_oneside: false, stream_inline: false } as const,
  ...{ reassembly_depth: 1_048_576, eve_types: ['alert'], fold_findings: false },
} // biome-ignore format: as replay in the bench has it
fewerCollections() // as picket-agent does
v8ThreadsWait()
home.map(parsePrefix)
const { ruleSet } = loadRules([rules], home, inspection)
const findings = new Findings({ thresholds: new Thresholds(ruleSet), fold: false, hostOf: () => undefined }) // biome-ignore format: one line
const out = createWriteStream(eve)
const running = await Shards.start(
  {
    config: { interfaces: [name], shards: Number(shards), ringMiB: Number(ringMiB) },
    ...{ home, ruleFiles: [rules], inspection, selfTestSecret: 'not asked for' },
  },
  {
    message(message) {
      if (message.did === 'rules') process.stdout.write(`swapped ${message.loaded}\n`)
      if (message.did !== 'batch') return
      for (const alert of message.alerts) {
        const found = findings.alert(alert)
        if (found) out.write(`${JSON.stringify(found.draft.record)}\n`)
      }
    },
    died(reason) {
      process.stderr.write(`${reason}\n`)
      process.exit(1)
    },
  },
)
process.on('SIGHUP', () => running.tell({ do: 'rules', files: [others] }))
process.on('SIGTERM', async () => {
  await running.stop()
  out.end(() => {
    process.stdout.write(`${JSON.stringify(running.totals()[0]?.totals)}\n`)
    process.exit(0)
  })
})
process.stdout.write('ready\n')
