/** False alarms: everything that ships, rules and baselines, over ordinary traffic that nobody here made. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFile } from '../../agent/capture/file.ts'
import { Replay } from '../../agent/replay.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { corpus } from '../traffic/corpus.ts'

const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
const MEDIUM_MAX = 5

interface Manifest {
  files: { pcap: string; ndpi_flags_a_risk: boolean }[]
}

const benign = corpus('benign')
test.skipIf(benign === undefined)(
  'nothing high or critical, and few medium, on captures without a risk',
  { timeout: 120_000 },
  async () => {
    const folder = benign ?? ''
    const { files } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest
    const calm = files.filter((each) => !each.ndpi_flags_a_risk)
    expect(calm.length).toBeGreaterThanOrEqual(33)
    const found: string[] = []
    let packets = 0
    for (const { pcap } of calm) {
      const replay = new Replay({ ruleFiles: shippedRuleFiles(), baselines: true, home: HOME })
      await replay.read(openFile(join(folder, pcap)))
      const result = replay.end()
      packets += result.packets
      for (const { rule_id, severity, count } of result.findings)
        if (severity !== 'low') found.push(`${severity} ${rule_id} ${count} in ${pcap}`)
    }
    expect(packets).toBeGreaterThan(1000)
    expect(found.filter((each) => !each.startsWith('medium'))).toEqual([])
    expect(found.length, found.join('\n')).toBeLessThanOrEqual(MEDIUM_MAX)
  },
)
