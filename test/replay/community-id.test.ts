/** Community IDs of the specification's own baselines, by the function and by the flow records of its captures. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../agent/base/address.ts'
import { openFile } from '../../agent/capture/file.ts'
import { communityId } from '../../agent/flow/community-id.ts'
import { Replay } from '../../agent/replay.ts'
import { corpus } from '../traffic/corpus.ts'

interface Row {
  proto: number
  saddr: string
  daddr: string
  sport: number
  dport: number
  communityid: string
}

const folder = corpus('community-id')
const baseline = (name: string): Row[] =>
  folder ? JSON.parse(readFileSync(join(folder, 'baseline', name), 'utf8')) : []
const ICMP = new Set([1, 58])

async function flowIds(file: string): Promise<Set<string>> {
  const found = new Set<string>()
  const replay = new Replay({
    ruleFiles: [],
    baselines: false,
    home: ['10.0.0.0/8'],
    onRow: ({ kind, community_id }) => void (kind === 'flow' && found.add(community_id ?? '')),
  })
  await replay.read(openFile(file))
  replay.end()
  return found
}

describe.skipIf(!folder)('the baselines of Community ID', () => {
  test.each([
    ['baseline_deflt.json', 0],
    ['baseline_seed1.json', 1],
  ] as const)('each row of %s', (name, seed) => {
    const rows = baseline(name)
    expect(rows.length).toBeGreaterThan(20)
    for (const { proto, saddr, daddr, sport, dport, communityid } of rows) {
      const icmp = ICMP.has(proto)
      const ends = {
        protocol: proto,
        src: parseAddress(saddr) as Uint32Array,
        dest: parseAddress(daddr) as Uint32Array,
        srcPort: icmp ? 0 : sport,
        destPort: icmp ? 0 : dport,
        icmpType: icmp ? sport : 0,
        icmpCode: icmp ? dport : 0,
      }
      expect(communityId(ends, seed), JSON.stringify([proto, saddr, daddr])).toBe(communityid)
    }
  })

  test('the flow records of its captures carry these and no others', async () => {
    const wanted = new Set(baseline('baseline_deflt.json').map(({ communityid }) => communityid))
    const pcaps = join(folder as string, 'pcaps')
    expect(await flowIds(join(pcaps, 'combined.pcap.gz'))).toEqual(wanted)
    const single = globSync(join(pcaps, '*.pcap')).sort()
    const all = await Promise.all(single.map(flowIds))
    expect(new Set(all.flatMap((ids) => [...ids]))).toEqual(wanted)
  })
})
