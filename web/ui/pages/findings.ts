import type { EventRow } from '../../../agent/base/event.ts'
import { type Asked, rangeWords, withQuery } from '../../base/filter.ts'
import type { Rows } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { plural, sentenceCase } from '../../base/words.ts'
import { findingRows } from '../finding-rows.ts'
import { type Html, html } from '../html.ts'
import { layout } from '../layout.ts'
import { countsText, WORST_FIRST, when } from '../marks.ts'
import { card, filters, gapNote, note, pager } from '../parts.ts'

export function findingsPage(view: View, asked: Asked, found: Rows<EventRow>, next?: string): Html {
  const { rows } = found
  const counts: Partial<Record<string, number>> = {}
  for (const { severity } of rows) if (severity) counts[severity] = (counts[severity] ?? 0) + 1
  const more = next !== undefined || asked.after !== undefined
  const about = [asked.q && `about “${asked.q}”`, asked.severity && `of severity ${asked.severity}`]
    .filter((each) => each)
    .join(' ')
  const sentence =
    rows.length === 0
      ? `Nothing was found${about ? ` ${about}` : ''}, ${rangeWords(asked)}.`
      : `${more ? `${plural(rows.length, 'finding')} on this page` : plural(rows.length, 'finding')}${about ? ` ${about}` : ''}, ${rangeWords(asked)}: ${countsText(counts)}.`
  return layout(view, {
    tab: 'findings',
    title: 'Findings',
    sentence,
    basis: html`${newest(rows, view)} · from the lake of ${view.asker.scope.join(', ')}`,
    search: { path: '/findings', label: 'Address, host or words', q: asked.q },
    keys: [
      ['j k', 'move'],
      ['Enter', 'open'],
    ],
    body: card(
      'Findings',
      'newest first',
      html`${filters(asked, [
        {
          name: 'severity',
          label: 'Severity',
          value: asked.severity,
          options: [['', 'any'], ...WORST_FIRST.map((each) => [each, sentenceCase(each)] as const)],
        },
      ])}<div data-live="findings">${gapNote(found.gaps)}${rows.length > 0 ? findingRows(rows, view, view.session.tenants.length > 1) : empty(view, asked)}</div>${pager(view, asked, next, rows.length)}`,
    ),
  })
}

function newest(rows: readonly EventRow[], view: View): Html {
  const [row] = rows
  return row
    ? html`Newest ${when(view.zone, row.event_time, 'exact')}`
    : html`Asked at ${view.zone.clock(view.zone.nowUs)}`
}

function empty(view: View, asked: Asked): Html {
  const wider = withQuery(view.here, {
    range: 'all',
    from: undefined,
    to: undefined,
    after: undefined,
  })
  if (asked.q || asked.severity)
    return note(
      'empty',
      'No finding fits.',
      html`<a href="${wider}">Ask all time</a>, or <a href="/findings">see every finding</a>.`,
    )
  return note(
    'empty',
    'Nothing was found in this time.',
    html`Whether we could see is said on <a href="/now">Now</a>. <a href="${wider}">Ask all time</a>.`,
  )
}
