import { usFromIso } from '../../../agent/base/clock.ts'
import { type Asked, rangeWords } from '../../base/filter.ts'
import type { AuditPage } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural } from '../../base/words.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, filters, note, pager } from '../parts.ts'

const OUTCOMES = { intent: 'begun', done: '', failed: 'failed', refused: 'refused' } as const

export function auditPage(view: View, asked: Asked, page: AuditPage, next?: string): Html {
  const { items, numbered, intact } = page
  return layout(view, {
    tab: 'audit',
    title: 'Audit',
    sentence: intact
      ? `${items.length === 0 ? 'Nobody did anything' : `${plural(items.length, 'act')}${next ? ' on this page' : ''}`}${asked.q ? ` about “${asked.q}”` : ''}, ${rangeWords(asked)}; the chain is whole.`
      : 'The audit chain does not verify: a line was changed, removed or exchanged.',
    basis: intact
      ? html`Each line is on disk before its act · chained by hash, signed by checkpoints${numbered && items[0] ? html` · newest line ${count(items[0].seq)}` : NOTHING}`
      : 'Ask on the box which line is the first that differs: picket audit verify',
    search: { path: '/audit', label: 'Person, verb or subject', q: asked.q },
    keys: [['j k', 'move']],
    body: card(
      'Who did what',
      'newest first',
      html`${intact ? NOTHING : note('error', 'Do not trust the lines below before you know which were changed.', html`Run <code>picket audit verify</code> on the box.`)}${filters(asked)}${
        items.length > 0
          ? html`<ol class="said">${items.map(
              (each) =>
                html`<li class="row" data-id="${each.hash.slice(0, 12)}">${when(view.zone, usFromIso(each.at), 'exact')}<p>${sentence(each)}${OUTCOMES[each.outcome] ? html` <small class="tag">${OUTCOMES[each.outcome]}</small>` : NOTHING}<br><small>${numbered ? html`line ${count(each.seq)} · ` : NOTHING}<span class="mono">${each.verb}</span> · <span class="mono">${each.hash.slice(0, 12)}</span></small></p></li>`,
            )}</ol>`
          : note('empty', 'No line fits.', html`<a href="/audit?range=all">Ask all time</a>.`)
      }${pager(view, asked, next, items.length)}`,
    ),
  })
}

/** The act in words; an action's id, which nobody reads, becomes a way to the action. */
function sentence({ sentence: words, verb, subject }: AuditPage['items'][number]): Piece {
  const at = words.indexOf(subject)
  if (!verb.startsWith('action.') || subject === '' || at < 0) return words
  const link = html`<a class="mono" href="/actions?range=all&amp;q=${encodeURIComponent(subject)}" title="${subject}">…${subject.slice(-6)}</a>`
  return html`${words.slice(0, at)}${link}${words.slice(at + subject.length)}`
}
