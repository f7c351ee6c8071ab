/**
 * Operations of real industrial captures against those a small parser of single packets counted. It puts no stream
 * together and reads a continued fragment as if it began one, so its counts are a lower bound, and of DNP3 some are noise.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { IcsProto } from '../../agent/decode/records.ts'
import { AppPath } from '../traffic/app-path.ts'
import { corpus } from '../traffic/corpus.ts'

const SHARE_MIN = 0.97
const root = corpus('ics')

interface Capture {
  file: string
  protocol: string
  operations: Record<string, number>
}

const { files }: { files: Capture[] } = root
  ? JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8'))
  : { files: [] }

/** Our word for what the manifest counts; undefined: it is not an operation. */
type Naming = (counted: string) => string | undefined

const DNP3_NAMES: Record<string, string> = {
  unsolicited: 'unsolicited_response',
  enable_unsol: 'enable_unsolicited',
  disable_unsol: 'disable_unsolicited',
  stop_app: 'stop_appl',
  start_app: 'start_appl',
  auth_req: 'auth_request',
  auth_resp: 'auth_response',
  fc10: 'freeze_clear_nr',
  fc12: 'freeze_at_time_nr',
  fc23: 'delay_measure',
  record_time: 'record_current_time',
}

const NAMING: Record<IcsProto, Naming> = {
  dnp3: (counted) => {
    const name = counted.replace('dnp3:', '')
    return DNP3_NAMES[name] ?? name.replace(/^fc/, 'function_')
  },
}

/** Captures whose every frame is there this many times: a TCP stream tells the copies once. */
const COPIES: Record<string, number> = { 'dnp3/98e898ce-dnp3.pcap': 3 }

/** Counted, and no messages: segments that continue a DNP3 fragment, whose second byte was taken for a function. */
const CONTINUED: Record<string, Record<string, number>> = {
  'dnp3/1f71b67c-dnp3_link_only.pcap': { read: 4, confirm: 10 },
  'dnp3/4787acb6-dnp3_udp_read.pcap': { read: 4, confirm: 10 },
  'dnp3/6e699234-opendnp3-conf-8.6.6.2.3.pcap': { fc12: 1, fc41: 1, confirm: 3 },
  'dnp3/7373cc6e-full_exchange.pcap': { confirm: 1 },
  'dnp3/88cfd1cb-opendnp3-conf-8.6.6.2.2.pcap': {
    fc76: 1,
    confirm: 2,
    freeze_clear: 1,
    operate: 1,
  },
  'dnp3/a6129637-dnp3-flowbuffer-overflow-assert.pcap': { confirm: 3 },
  'dnp3/dfea4055-file_list_directory.pcap': {
    start_app: 1,
    fc117: 1,
    confirm: 1,
    fc50: 1,
    fc112: 1,
  },
}

/** How often the operation is in the capture, as far as the manifest can tell. */
function messages(file: string, counted: string, count: number): number {
  const noise = CONTINUED[file]?.[counted.replace(/^\w+:/, '')] ?? 0
  return (count - noise) / (COPIES[file] ?? 1)
}

/** Operations of one capture, by our words. */
async function operationsOf(file: string, proto: IcsProto): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const { spoken } = await AppPath.run(join(root as string, file))
  for (const { tx } of spoken)
    if (tx.proto === proto && 'ics' in tx)
      counts.set(tx.ics.operation, (counts.get(tx.ics.operation) ?? 0) + 1)
  return counts
}

describe.skipIf(!root)('operations of industrial captures', () => {
  test.each(Object.keys(NAMING) as IcsProto[])('%s', async (proto) => {
    let [expected, found, more] = [0, 0, 0]
    const missing: string[] = []
    const captures = files.filter(({ protocol }) => protocol === proto)
    for (const { file, operations } of captures) {
      const counts = await operationsOf(file, proto)
      for (const [counted, all] of Object.entries(operations)) {
        const name = NAMING[proto](counted)
        if (name === undefined) continue
        const count = messages(file, counted, all)
        const ours = counts.get(name) ?? 0
        expected += count
        found += Math.min(ours, count)
        more += Math.max(0, ours - count)
        if (ours < count) missing.push(`${file}: ${counted} ${ours} of ${count}`)
      }
    }
    const share = found / expected
    process.stdout.write(
      `${proto}: ${found} of ${expected} operations in ${captures.length} captures (${(share * 100).toFixed(1)} %), ${more} more than counted\n${missing.map((line) => `  ${line}\n`).join('')}`,
    )
    expect(captures.length).toBeGreaterThan(0)
    expect(share).toBeGreaterThanOrEqual(SHARE_MIN)
  })
})
