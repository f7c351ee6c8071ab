import type { EventRow } from '../../agent/base/event.ts'
import type { View } from '../base/view.ts'
import { tied } from '../base/words.ts'
import { type Html, html, NOTHING } from './html.ts'
import { severityMark, when } from './marks.ts'
import { table } from './parts.ts'
import { serviceOf } from './tell.ts'

/** Findings as rows: severity, what was seen, between whom, when. */
export function findingRows(rows: readonly EventRow[], view: View, tenants = false): Html {
  const head = html`${tenants ? html`<th>Tenant</th>` : NOTHING}<th>Severity</th><th>What was seen</th><th>From</th><th>To</th><th class="num">At</th>`
  return table(
    head,
    rows.map(
      (row) =>
        html`<tr class="row" data-id="${row.event_id}">${tenants ? html`<td class="tight">${row.tenant_id}</td>` : NOTHING}<td>${severityMark(row.severity)}</td><td class="wide"><a class="plain" href="/findings/${row.event_id}">${findingTitle(row)}</a></td><td class="mono tight after">${row.src_ip ?? ''}</td><td class="mono tight after"${row.dest_ip ? html` data-l="→"` : NOTHING}>${row.dest_ip ?? ''}${row.dest_port ? html` <span class="faint">${serviceOf(row)}</span>` : NOTHING}</td><td class="num">${when(view.zone, row.event_time)}</td></tr>`,
    ),
  )
}

/** The finding's own sentence; its rule where it has none. */
export function findingTitle(row: EventRow): string {
  return tied(row.message || row.rule_id || 'A finding without a message')
}
