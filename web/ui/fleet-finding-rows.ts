import type { View } from '../base/view.ts'
import { count, tied } from '../base/words.ts'
import type { SiteFinding } from '../fleet/findings.ts'
import type { Sight } from '../fleet/sight.ts'
import { keeping } from './fleet-frame.ts'
import { type Html, html, NOTHING } from './html.ts'
import { severityMark, when } from './marks.ts'
import { table } from './parts.ts'

const STATE = { open: '', proposed: 'action waits at the site', active: 'block in force' } as const

/** Digests as rows, the site first. On the page of one site the column is not needed. */
export function fleetFindingRows(
  rows: readonly SiteFinding[],
  view: View,
  sight: Sight,
  one = false,
): Html {
  return table(
    html`${one ? NOTHING : html`<th>Site</th>`}<th>Severity</th><th>What was seen</th><th>ATT&amp;CK</th><th class="num">Times</th><th class="num">Last</th>`,
    rows.map(
      (each) =>
        html`<tr class="row" data-id="${each.tenant_id}.${each.id}">${one ? NOTHING : html`<td class="tight">${each.site}</td>`}<td>${severityMark(each.severity)}</td><td class="wide">${one ? tied(each.title) : html`<a class="plain" href="${keeping(sight, `/fleet/sites/${each.tenant_id}`)}">${tied(each.title)}</a>`}${each.host || each.state !== 'open' ? html` <small>${[each.host ?? '', STATE[each.state]].filter((text) => text !== '').join(' · ')}</small>` : NOTHING}</td><td class="mono after tight">${each.attack_ids.join(', ')}</td><td class="num after" data-l="times">${count(each.count)}</td><td class="num">${when(view.zone, each.last)}</td></tr>`,
    ),
  )
}
