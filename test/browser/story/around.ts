/** What happened around the worst finding. */
import type { EventRow } from '../../../agent/base/event.ts'
import { findings } from './findings.ts'
import { flow } from './flows.ts'
import { LAPTOP, MIN, OPENED, PLC, row, S } from './scene.ts'

const WRITE = 'write multiple registers, 8 from 40101'

export const before: EventRow[] = [
  row(2001, OPENED - 11 * MIN, {
    kind: 'asset',
    host: 'ENG-LT-07',
    src_ip: LAPTOP,
    message: `A new device takes ${LAPTOP} by DHCP and calls itself ENG-LT-07`,
  }),
  findings[2] as EventRow,
  findings[1] as EventRow,
  ...Array.from({ length: 27 }, (_, i) =>
    flow(2100 + i, OPENED - 9 * MIN + i * 3 * S, {
      src_ip: LAPTOP,
      dest_ip: PLC,
      dest_port: 502,
      app_proto: 'modbus',
      bytes: 120,
      packets: 2,
    }),
  ),
  modbus(2200, OPENED - 6 * MIN - 42 * S, 'read device identification'),
  modbus(2201, OPENED - 34 * S, WRITE),
]

export const after: EventRow[] = Array.from({ length: 214 }, (_, i) =>
  modbus(2300 + i, OPENED + i * 1.7 * S, WRITE),
)

/** The laptop asks the controller for something. */
function modbus(n: number, at: number, what: string): EventRow {
  return row(n, at, {
    kind: 'ot',
    app_proto: 'modbus',
    src_ip: LAPTOP,
    dest_ip: PLC,
    dest_port: 502,
    proto: 'TCP',
    record: { modbus: { function: what } },
  })
}
