/** An hour of ordinary flows, and the laptop among them. */
import type { EventRow } from '../../../agent/base/event.ts'
import { LAPTOP, NOW_US, PLC, row, S, SCADA } from './scene.ts'

export function flow(n: number, at: number, more: Partial<EventRow>): EventRow {
  const lasted = ((n * 7919) % 90) + 0.4
  return row(n, at, {
    kind: 'flow',
    proto: 'TCP',
    record: {
      event_type: 'flow',
      flow: {
        start: new Date((at - lasted * S) / 1000).toISOString(),
        end: new Date(at / 1000).toISOString(),
      },
    },
    ...more,
  })
}

export const flows: EventRow[] = Array.from({ length: 240 }, (_, i) => {
  const at = NOW_US - 20 * S - i * 14 * S
  const kind = i % 4
  const bytes = 900 + ((i * 104_729) % 480_000)
  const sized = { bytes, packets: 6 + Math.round(bytes / 900) }
  if (kind === 0)
    return flow(1000 + i, at, {
      src_ip: SCADA,
      src_port: 49_000 + i,
      dest_ip: `10.40.2.${11 + (i % 9)}`,
      dest_port: 502,
      app_proto: 'modbus',
      ...sized,
    })
  if (kind === 1)
    return flow(1000 + i, at, {
      src_ip: `10.40.9.${10 + (i % 30)}`,
      src_port: 51_000 + i,
      dest_ip: '10.40.1.2',
      dest_port: 53,
      proto: 'UDP',
      app_proto: 'dns',
      bytes: 214,
      packets: 2,
    })
  if (kind === 2)
    return flow(1000 + i, at, {
      src_ip: `10.40.9.${10 + (i % 30)}`,
      src_port: 52_000 + i,
      dest_ip: `203.0.113.${20 + (i % 60)}`,
      dest_port: 443,
      app_proto: 'tls',
      ...sized,
    })
  return flow(1000 + i, at, {
    src_ip: i < 80 ? LAPTOP : `2001:db8:40::${(i % 20).toString(16)}`,
    src_port: 50_112,
    dest_ip: i < 80 ? PLC : '2001:db8:ffff::1',
    dest_port: i < 80 ? 502 : 22,
    app_proto: i < 80 ? 'modbus' : 'ssh',
    ...sized,
  })
})
