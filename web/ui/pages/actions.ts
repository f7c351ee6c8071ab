import { type Asked, rangeWords } from '../../base/filter.ts'
import type { ActionView, NeverBlock } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { plural } from '../../base/words.ts'
import { actionList, toast } from '../action-row.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { layout } from '../layout.ts'
import { card, filters, note, pager } from '../parts.ts'

export interface ActionsFound {
  proposed: ActionView[]
  active: ActionView[]
  /** One page of those that are over. */
  over: ActionView[]
  /** Every action of the scope: the toast may be about one that the filter hides. */
  all: ActionView[]
  neverBlock: NeverBlock[] | string
}

const STATES = ['proposed', 'active', 'rejected', 'refused', 'lapsed', 'expired', 'undone'] as const

export function actionsPage(view: View, asked: Asked, found: ActionsFound, next?: string): Html {
  const { proposed, active, over } = found
  const may = view.session.atoms.includes('decide')
  return layout(view, {
    tab: 'actions',
    title: 'Actions',
    sentence: sentenceOf(proposed.length, active.length, may),
    basis: `From the guard’s own ledger and the kernel’s table · each ends by itself · ${may ? 'you may decide' : 'you may look, not decide'}`,
    search: { path: '/actions', label: 'Address, reason or rule', q: asked.q },
    keys: may
      ? [
          ['j k', 'move'],
          ['x', 'tick'],
          ['a', 'approve'],
          ['r', 'reject'],
          ['u', 'undo'],
        ]
      : [['j k', 'move']],
    body: html`<div class="split"><div class="stack">
${card(may ? 'Waiting for you' : 'Waiting for a decision', plural(proposed.length, 'proposal'), html`${proposed.length > 0 ? actionList(proposed, view, { ticks: may, primary: may }) : note('empty', 'Nothing waits.', 'A proposal comes with the finding that asks for it, and lapses by itself.')}${!may && proposed.length > 0 ? note('denied', 'You may look, not decide.', 'An operator or administrator of this box can approve them.') : NOTHING}`, { live: 'proposed' })}
${card('In force', plural(active.length, 'block'), html`${active.length > 0 ? actionList(active, view, {}) : note('empty', 'Nothing is blocked.', 'What you approve appears here, with its end and what it stopped.')}`, { live: 'active' })}
${card('Over', `newest first · ${rangeWords(asked)}`, html`${filters(asked, [{ name: 'state', label: 'State', value: asked.state, options: [['', 'any'], ...STATES.map((each) => [each, each] as const)] }])}<div data-live="over">${over.length > 0 ? actionList(over, view, {}) : note('empty', 'No action that is over fits.', html`<a href="/actions?range=all">Ask all time</a>.`)}</div>${pager(view, asked, next, over.length)}`)}
</div><div class="stack">${neverCard(found.neverBlock)}</div></div>
${toast(found.all, view)}`,
  })
}

function sentenceOf(waiting: number, active: number, may: boolean): string {
  const whom = may ? 'for you' : 'for a decision'
  const blocks =
    active === 0
      ? 'nothing is blocked'
      : active === 1
        ? '1 block is in force'
        : `${active} blocks are in force`
  if (waiting === 0)
    return active === 0
      ? 'No action waits, and nothing is blocked.'
      : `No action waits ${whom}; ${blocks}.`
  return `${plural(waiting, 'action')} ${waiting === 1 ? 'waits' : 'wait'} ${whom}; ${blocks}.`
}

function neverCard(never: NeverBlock[] | string): Html {
  if (typeof never === 'string')
    return card(
      'Never blocked',
      'not known now',
      note('error', never, html`<a href="/actions">Try again</a>.`),
    )
  return card(
    'Never blocked',
    `${plural(never.length, 'address', 'addresses')} · judged by the guard itself`,
    never.length === 0
      ? note(
          'empty',
          'Only this box itself is protected.',
          html`The list stands under <code>contain.neverBlock</code> in <code>config.json</code>.`,
        )
      : html`<ul class="never">${[...byReason(never)].map(([because, prefixes]) => html`<li><p>It ${because}:</p><p class="mono">${prefixes.join(', ')}</p></li>`)}</ul>`,
  )
}

/** One line a reason: a box has many addresses of its own. */
function byReason(never: readonly NeverBlock[]): Map<string, string[]> {
  const reasons = new Map<string, string[]>()
  for (const { prefix, because } of never)
    reasons.set(because, [...(reasons.get(because) ?? []), prefix])
  return reasons
}
