/** Lists of rows as picket-keys would give them: scope first, then the filter, newest first. */

import type { EventRow } from '../../../agent/base/event.ts'
import { Failure } from '../../../agent/base/failure.ts'
import type { ListFilter, Ports, Rows } from '../../../web/base/ports.ts'
import { after, before } from './around.ts'
import { findings, strangerFinding } from './findings.ts'
import { flows } from './flows.ts'
import { idOf } from './scene.ts'
import { day } from './sight.ts'

function matches(each: EventRow, { address, words, from, to, after }: ListFilter): boolean {
  if (from !== undefined && each.event_time < from) return false
  if (to !== undefined && each.event_time > to) return false
  if (
    after &&
    (each.event_time > after.at || (each.event_time === after.at && each.event_id >= after.id))
  )
    return false
  if (address) return [each.src_ip, each.dest_ip, each.host].includes(address)
  const wanted = words?.toLowerCase() ?? ''
  return [each.host, each.message, each.rule_id, each.src_ip, each.dest_ip, each.app_proto].some(
    (text) => text?.toLowerCase().includes(wanted),
  )
}

function listOf(
  all: readonly EventRow[],
  scope: readonly string[],
  filter: ListFilter,
  extra: (each: EventRow) => boolean = () => true,
): Rows<EventRow> {
  const fit = all
    .filter((each) => scope.includes(each.tenant_id) && matches(each, filter) && extra(each))
    .sort((a, b) => b.event_time - a.event_time || (a.event_id < b.event_id ? 1 : -1))
  const rows = fit.slice(0, filter.limit)
  const last = rows.at(-1)
  return fit.length > filter.limit && last
    ? { rows, next: { at: last.event_time, id: last.event_id } }
    : { rows }
}
export function rowPorts(): Pick<Ports, 'findings' | 'flows' | 'days'> {
  const everything = [...findings, strangerFinding]
  return {
    findings: {
      list: async ({ scope }, filter) =>
        listOf(
          everything,
          scope,
          filter,
          (each) => !filter.severity || each.severity === filter.severity,
        ),
      get: async ({ scope }, id) =>
        everything.find((each) => each.event_id === id && scope.includes(each.tenant_id)),
      around: async (_, finding) =>
        finding.event_id === idOf(1)
          ? [...before, finding, ...after].sort((a, b) => a.event_time - b.event_time)
          : [finding],
      packets: async (_, id) => {
        // The ring goes back to the first finding and no further.
        if (id !== idOf(1)) throw new Failure('not-found', 'The packet ring begins at 2026-11-23T11:00:00.000000Z: it no longer holds that time.') // biome-ignore format: one line
        return { pcapng: Buffer.from('0a0d0d0a', 'hex'), frames: 12 }
      },
    },
    flows: { list: async ({ scope }, filter) => listOf(flows, scope, filter) },
    days: { last24h: async () => day() },
  }
}
