import type { EventRow } from '../../../agent/base/event.ts'
import { type Asked, rangeWords, withQuery } from '../../base/filter.ts'
import type { Rows } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { bytesText, count, plural } from '../../base/words.ts'
import { flowRows } from '../flow-rows.ts'
import { type Html, html } from '../html.ts'
import { layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, filters, gapNote, note, pager } from '../parts.ts'

export function flowsPage(view: View, asked: Asked, found: Rows<EventRow>, next?: string): Html {
  const { rows } = found
  const [newest] = rows
  const total = rows.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
  const about = asked.q ? ` of “${asked.q}”` : ''
  const live = view.status ? html` · ${count(view.status.flows.live)} live now` : ''
  return layout(view, {
    tab: 'flows',
    title: 'Flows',
    sentence:
      rows.length === 0
        ? `No flow${about} ended, ${rangeWords(asked)}.`
        : `${plural(rows.length, 'flow')}${about}${next ? ' on this page' : ''}, ${bytesText(total)} between them.`,
    basis: html`${rangeWords(asked)}${newest ? html` · newest ended ${when(view.zone, newest.event_time, 'exact')}` : ''}${live} · a flow is listed when it has ended`,
    search: { path: '/flows', label: 'Address, host or words', q: asked.q },
    keys: [['j k', 'move']],
    body: card(
      'Flows',
      'newest first · both directions together',
      html`${filters(asked)}<div data-live="flows">${gapNote(found.gaps)}${
        rows.length > 0
          ? flowRows(rows, view, view.session.tenants.length > 1)
          : note(
              'empty',
              'No flow fits.',
              html`<a href="${withQuery(view.here, { range: 'all', from: undefined, to: undefined, after: undefined })}">Ask all time</a>, or look at <a href="/assets">the devices that were seen</a>.`,
            )
      }</div>${pager(view, asked, next, rows.length)}`,
    ),
  })
}
