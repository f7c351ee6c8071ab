import { type Asked, rangeWords } from '../../base/filter.ts'
import type { AssetView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { plural } from '../../base/words.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, filters, note, pager, table } from '../parts.ts'

const DAY_US = 86_400e6

export interface AssetsFound {
  rows: AssetView[]
  /** All that fit, beyond this page. */
  fit: number
  known: number
}

export function assetsPage(view: View, asked: Asked, found: AssetsFound, next?: string): Html {
  const { rows, fit, known } = found
  const fresh = rows.filter(({ firstSeen }) => firstSeen >= view.zone.nowUs - DAY_US).length
  const about = asked.q ? ` fit “${asked.q}”` : ''
  return layout(view, {
    tab: 'assets',
    title: 'Assets',
    sentence:
      known === 0
        ? 'No device has been seen yet.'
        : about
          ? `${fit} of ${plural(known, 'device')}${about}.`
          : `${plural(fit, 'device')} seen, ${rangeWords(asked)}${fresh > 0 ? `; ${fresh} of them new in 24\u00a0h` : ''}.`,
    basis: html`Known from their own traffic: ARP, DHCP, names and what they answer · ${plural(known, 'device')} in the inventory`,
    search: { path: '/assets', label: 'Address, name, maker or role', q: asked.q },
    keys: [['j k', 'move']],
    body: card(
      'Devices',
      'last seen first',
      html`${filters(asked)}<div data-live="assets">${rows.length > 0 ? assetRows(rows, view) : note('empty', known === 0 ? 'Nothing has sent a frame yet.' : 'No device fits.', known === 0 ? html`See on <a href="/now">Now</a> whether this site is blind.` : html`<a href="/assets?range=all">See all ${known}</a>.`)}</div>${pager(view, asked, next, rows.length)}`,
    ),
  })
}

function assetRows(rows: readonly AssetView[], view: View): Html {
  const fresh = (each: AssetView) => each.firstSeen >= view.zone.nowUs - DAY_US
  return table(
    html`<th>Device</th><th>Address</th><th>Role</th><th>Hardware address</th><th class="num">First seen</th><th class="num">Last seen</th>`,
    rows.map(
      (each) =>
        html`<tr class="row" data-id="${each.address}"><td class="tight"><a class="plain" href="/flows?range=all&amp;q=${encodeURIComponent(each.address)}">${each.names[0] ?? 'no name yet'}</a>${fresh(each) ? html` <small class="tag">new</small>` : NOTHING}</td><td class="mono tight">${each.address}</td><td class="wide">${each.roles.join(', ') || 'none seen yet'}${each.names.length > 1 ? html` <small>also ${each.names.slice(1, 4).join(', ')}</small>` : NOTHING}</td><td class="mono tight after">${each.mac ?? ''}${each.vendor ? html` <small>${each.vendor}</small>` : NOTHING}</td><td class="num after" data-l="first">${when(view.zone, each.firstSeen)}</td><td class="num" data-l="last">${when(view.zone, each.lastSeen)}</td></tr>`,
    ),
  )
}
