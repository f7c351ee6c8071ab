/**
 * Operations of real industrial captures against those a small parser of single packets counted. It puts no stream
 * together and reads a continued fragment as if it began one, so its counts are a lower bound, and of DNP3 some are noise.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { IcsMessage, IcsProto, ModbusMessage } from '../../agent/decode/records.ts'
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

/** What the manifest calls a message of ours; undefined: it does not count such. */
type Naming = (message: IcsMessage) => string | undefined

const DNP3_NAMES: Record<string, string> = {
  unsolicited_response: 'unsolicited',
  enable_unsolicited: 'enable_unsol',
  disable_unsolicited: 'disable_unsol',
  stop_appl: 'stop_app',
  start_appl: 'start_app',
  auth_request: 'auth_req',
  auth_response: 'auth_resp',
  freeze_clear_nr: 'fc10',
  freeze_at_time_nr: 'fc12',
  delay_measure: 'fc23',
  record_current_time: 'record_time',
}
const PROGRAM_INVOCATIONS = /^(pi_service|plc_start|.*_block|compress_memory|copy_ram_to_rom)$/

const NAMING: Record<IcsProto, Naming> = {
  dnp3: ({ operation }) => `dnp3:${DNP3_NAMES[operation] ?? operation.replace(/^function_/, 'fc')}`,
  s7: ({ operation, request, fields: { layer, rosctr, function: code } }) => {
    if (layer === 'cotp') return 'cotp:cr/cc'
    if (rosctr === 's7plus') return 's7plus'
    if (rosctr === 'userdata') return 's7:userdata'
    if (!request) return undefined
    if (code === 0x28 && PROGRAM_INVOCATIONS.test(operation)) return 's7:pi_service(start/insert)'
    return `s7:${operation}`
  },
  iec104: ({ toServer, fields: { apci, code, type_id, cause } }) => {
    if (apci === 'S') return 'iec104:S'
    if (apci === 'U') return `iec104:U${Number(code).toString(16).padStart(2, '0')}`
    return `iec104:type${type_id}/cot${cause}${toServer && cause === 6 ? '>' : ''}`
  },
  enip: () => 'enip',
  bacnet: () => 'bacnet',
}

const MODBUS_NAMES: Record<number, string> = {
  1: 'read_coils',
  2: 'read_discrete',
  3: 'read_holding',
  4: 'read_input',
  5: 'write_single_coil',
  6: 'write_single_register',
  8: 'diagnostics',
  15: 'write_multiple_coils',
  16: 'write_multiple_registers',
  17: 'report_slave_id',
  20: 'read_file',
  21: 'write_file',
  22: 'mask_write',
  23: 'read_write_multiple',
  43: 'read_device_id',
  90: 'unity_umas',
}

/** Of Modbus, questions and refusals are counted. */
function modbusName({ toServer, exception, function: code }: ModbusMessage): string | undefined {
  if (exception !== undefined) return `modbus:exception${exception}`
  return toServer ? `modbus:${MODBUS_NAMES[code] ?? `fc${code}`}` : undefined
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

/** Messages of one capture, by the words of the manifest. */
async function countsOf(file: string, proto: IcsProto | 'modbus'): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const { spoken } = await AppPath.run(join(root as string, file))
  for (const { tx } of spoken) {
    if (tx.proto !== proto) continue
    const name =
      'ics' in tx
        ? NAMING[tx.proto](tx.ics)
        : tx.proto === 'modbus'
          ? modbusName(tx.modbus)
          : undefined
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

describe.skipIf(!root)('operations of industrial captures', () => {
  test.each([...(Object.keys(NAMING) as IcsProto[]), 'modbus' as const])('%s', async (proto) => {
    let [expected, found, more] = [0, 0, 0]
    const missing: string[] = []
    const captures = files.filter(({ protocol }) => protocol === proto)
    for (const { file, operations } of captures) {
      const counts = await countsOf(file, proto)
      for (const [counted, all] of Object.entries(operations)) {
        const count = messages(file, counted, all)
        const ours = counts.get(counted) ?? 0
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
