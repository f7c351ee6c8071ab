/** The whole path in one object: decode, flow, application, detect. A round is 64,000 packets; its flows end with it. */
import { test } from 'vitest'
import { mixInMemory } from '../test/traffic/mix/in-memory.ts'
import { parsePrefix } from './base/address.ts'
import { parseInspection } from './inspection.ts'
import { Inspector } from './inspector.ts'
import { loadRules, shippedRuleFiles } from './rules-on-disk.ts'

/** Talks that are open then come to their end. */
const PACKETS = 20_000
const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']

test('path', async ({ bench }) => {
  const { batches } = await mixInMemory('mix', PACKETS)
  const run = (files: string[], eve_types?: string[]) => {
    const inspection = parseInspection(
      { checksum: 'auto', ...(eve_types && { eve_types }) },
      'bench',
    )
    const { ruleSet } = loadRules(files, HOME, inspection)
    return () => {
      const inspector = new Inspector(
        {
          ...{ home: HOME.map(parsePrefix), rules: ruleSet, inspection },
          ...{ run: 0, shard: 0, seed: 1, selfTestSecret: undefined },
        },
        { event: () => {}, alert: () => {}, sighting: () => {}, selfTestFound: () => {} },
      )
      for (const batch of batches) inspector.run(batch)
      inspector.end()
    }
  }
  await bench.compare(
    bench('no rules, alerts alone', run([], ['alert'])),
    bench('no rules, every record', run([])),
    bench('shipped rules, alerts alone', run(shippedRuleFiles(), ['alert'])),
    { iterations: 12, warmupIterations: 4 },
  )
})
