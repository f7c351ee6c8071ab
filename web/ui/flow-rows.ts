import type { EventRow } from '../../agent/base/event.ts'
import type { View } from '../base/view.ts'
import { bytesText, count, span } from '../base/words.ts'
import { type Html, html, NOTHING } from './html.ts'
import { when } from './marks.ts'
import { table } from './parts.ts'
import { record, serviceOf } from './tell.ts'

/** Flows as rows; both directions together. */
export function flowRows(rows: readonly EventRow[], view: View, tenants = false): Html {
  const link = (address: string | undefined) =>
    address
      ? html`<a class="plain" href="/flows?q=${encodeURIComponent(address)}">${address}</a>`
      : ''
  return table(
    html`${tenants ? html`<th>Tenant</th>` : NOTHING}<th>From</th><th>To</th><th>Service</th><th>Speaks</th><th class="num">Lasted</th><th class="num">Packets</th><th class="num">Bytes</th><th class="num">Ended</th>`,
    rows.map(
      (row) =>
        html`<tr class="row" data-id="${row.event_id}">${tenants ? html`<td class="tight">${row.tenant_id}</td>` : NOTHING}<td class="mono tight first">${link(row.src_ip)}</td><td class="mono tight first" data-l="→">${link(row.dest_ip)}</td><td class="mono tight after">${serviceOf(row)}</td><td class="after">${row.app_proto ?? ''}</td><td class="num after">${lasted(row)}</td><td class="num after" data-l="packets">${row.packets === undefined ? '' : count(row.packets)}</td><td class="num after">${row.bytes === undefined ? '' : bytesText(row.bytes)}</td><td class="num">${when(view.zone, row.event_time)}</td></tr>`,
    ),
    'flows',
  )
}

/** EVE: `flow: {start, end, age}`, the age in seconds. */
function lasted(row: EventRow): string {
  const flow = record(row).flow
  if (typeof flow !== 'object' || flow === null) return ''
  const { start, end, age } = flow as Record<string, unknown>
  if (typeof start === 'string' && typeof end === 'string') {
    const ms = Date.parse(end) - Date.parse(start)
    if (Number.isFinite(ms) && ms >= 0) return span(ms)
  }
  return typeof age === 'number' ? span(age * 1000) : ''
}
