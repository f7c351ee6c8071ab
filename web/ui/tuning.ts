/** "Not useful here": what a finding's page offers, and what of it is in force on the page of rules. */
import type { EventRow } from '../../agent/base/event.ts'
import type { OverrideView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { plural } from '../base/words.ts'
import { type Html, html, NOTHING } from './html.ts'
import { csrf } from './layout.ts'
import { when } from './marks.ts'
import { card, note } from './parts.ts'

export const DAYS = [7, 30, 90, 0] as const
const COMMENT = 'Not useful here'
const COMMENT_MAX = 500

export function tuneCard(view: View, finding: EventRow, overrides: readonly OverrideView[]): Html {
  const { rule_id, src_ip, dest_ip } = finding
  if (rule_id === undefined) return NOTHING
  const inForce = overrides.filter((each) => each.rule_id === rule_id)
  const choices = [
    ...(src_ip ? [[`src ${src_ip}`, `Do not show it from ${src_ip}`]] : []),
    ...(dest_ip ? [[`dest ${dest_ip}`, `Do not show it to ${dest_ip}`]] : []),
    ['hourly', 'Show it once an hour for each source'],
    ['disable', 'Do not show it at all'],
    ['comment', 'Show it, and keep these words beside it'],
  ] as [string, string][]
  const form = html`<form class="pad" method="post" action="/rules/tune">${csrf(view)}<input type="hidden" name="rule_id" value="${rule_id}"><input type="hidden" name="back" value="${view.here}"><p><label><span>From now on</span> <select name="what">${choices.map(([value, words]) => html`<option value="${value}">${words}</option>`)}</select></label></p><p><label><span>Until</span> <select name="days">${DAYS.map((days) => html`<option value="${days}"${days === 30 ? html` selected` : NOTHING}>${days === 0 ? 'somebody takes it back' : `${days} days from now`}</option>`)}</select></label></p><p><label><span>Why</span> <input name="comment" required maxlength="${COMMENT_MAX}" value="${COMMENT}"></label></p><p><button class="button">Not useful here</button></p><p class="basis">Holds through updates of the rules. What is held back is counted on <a href="/rules#tuned">Rules</a>; nothing is proposed for it either.</p></form>`
  return card(
    'Not useful here?',
    inForce.length > 0 ? plural(inForce.length, 'override') : 'by its stable id',
    html`${inForce.length > 0 ? overrideRows(view, inForce) : NOTHING}${view.session.atoms.includes('rules') ? form : note('denied', 'You may not tune rules.', 'An operator or administrator of this box can.')}`,
  )
}

export function tunedCard(view: View, overrides: readonly OverrideView[]): Html {
  return card(
    'Tuned here',
    plural(overrides.length, 'override'),
    html`<div id="tuned">${overrides.length === 0 ? note('empty', 'Every rule is heard as it was written.', 'A finding’s page has “Not useful here”.') : overrideRows(view, overrides)}</div>`,
  )
}

function overrideRows(view: View, overrides: readonly OverrideView[]): Html {
  const may = view.session.atoms.includes('rules')
  return html`<ul class="refused">${overrides.map(
    (each) =>
      html`<li><b class="mono">${each.rule_id}</b> ${overrideWords(each)}. “${each.comment}”<br><small>${each.by}, ${when(view.zone, each.at)}${each.expires === undefined ? NOTHING : html`; until ${when(view.zone, each.expires, 'exact')}`}; held back ${plural(each.held, 'finding')}</small>${may ? html`<form method="post" action="/rules/untune">${csrf(view)}<input type="hidden" name="override_id" value="${each.override_id}"><input type="hidden" name="back" value="${view.here}"><button class="button" aria-label="Take back the override of ${each.rule_id}">Take back</button></form>` : NOTHING}</li>`,
  )}</ul>`
}

/** The rest of a sentence that begins with the rule. */
export function overrideWords({ act, where, threshold }: OverrideView): string {
  if (act === 'comment') return 'is shown'
  if (act === 'disable') return 'is not shown at all'
  if (threshold)
    return `is shown ${threshold.kind === 'limit' ? 'at most' : 'after'} ${plural(threshold.count, 'time')} in ${plural(threshold.seconds, 'second')} ${threshold.track.replace('_', ' ')}`
  if (!where) return 'is not shown'
  const side = { src: 'from', dest: 'to', either: 'from or to' }[where.side]
  return `is not shown ${side} ${where.address}`
}
