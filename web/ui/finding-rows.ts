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
        html`<tr class="row" data-id="${row.event_id}">${tenants ? html`<td class="tight">${row.tenant_id}</td>` : NOTHING}<td>${severityMark(row.severity)}</td><td class="wide"><a class="plain" href="/findings/${row.event_id}">${rowTitle(row)}</a></td><td class="mono tight after">${row.src_ip ?? ''}</td><td class="mono tight after"${row.dest_ip ? html` data-l="→"` : NOTHING}>${row.dest_ip ?? ''}${row.dest_port ? html` <span class="faint">${serviceOf(row)}</span>` : NOTHING}</td><td class="num">${when(view.zone, row.event_time)}</td></tr>`,
    ),
  )
}

/** In a row the two ends stand in their own columns: a signature's sentence need not repeat them. */
function rowTitle(row: EventRow): string {
  return findingTitle({ ...row, message: withoutEnds(row.message ?? '') })
}

/** `SQL injection in the URI: 203.0.113.9 to 10.0.0.1 port 80` → `SQL injection in the URI`. */
export function withoutEnds(text: string): string {
  return text.replace(/: (?=\S*[.:])[\da-f.:]+ to (?=\S*[.:])[\da-f.:]+( port \d+)?$/, '')
}

/** The finding's own sentence; its rule where it has none. */
export function findingTitle(row: EventRow): string {
  return tied(row.message || row.rule_id || 'A finding without a message')
}
