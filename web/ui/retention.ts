/** What is kept how long, and a change of it in two steps: what it would delete, then the deed. */
import { EVENT_KINDS } from '../../agent/base/event.ts'
import { daysOfDeletion } from '../../agent/control/lake-client.ts'
import type { Deletion, LakeView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { bytesText, plural } from '../base/words.ts'
import { type Html, html, NOTHING } from './html.ts'
import { csrf } from './layout.ts'
import { card, note } from './parts.ts'

export interface RetentionChoice {
  tenant_id: string
  kind: string
  /** `null` lets a kind follow the rule for all again. */
  days: number | null
}

export interface RetentionParts {
  tenants: LakeView['tenants']
  /** Why the lake did not say. */
  fault?: string
  /** What was asked for, and what it would delete, or has. */
  choice?: RetentionChoice & { deletes: Deletion | null; done: boolean }
  /** What was wrong with what was asked for. */
  wrong?: string
}

export function retentionCard(view: View, parts: RetentionParts): Html {
  const { tenants, fault, choice, wrong } = parts
  if (fault) return card('Retention', '', note('error', fault, 'What is kept goes on being kept.'))
  const rows = tenants.flatMap(({ tenant_id, retention }) =>
    Object.entries(retention).map(
      ([kind, days]) =>
        html`<tr><td>${tenants.length > 1 ? html`${tenant_id} ` : NOTHING}${kind === 'all' ? 'every other kind' : kind}</td><td class="num">${plural(days, 'day')}</td></tr>`,
    ),
  )
  return card(
    'Retention',
    'days by kind',
    html`<div id="retention"><table class="data keep"><thead><tr><th>Rows of</th><th class="num">Kept</th></tr></thead><tbody>${rows}</tbody></table>${wrong ? note('error', wrong, 'Nothing was changed.') : NOTHING}${choice ? choiceNote(view, choice) : NOTHING}${
      view.session.atoms.includes('settings')
        ? form(tenants, choice)
        : note('denied', 'You may see it, not change it.', 'An administrator of this box can.')
    }</div>`,
  )
}

function form(tenants: LakeView['tenants'], choice: RetentionChoice | undefined): Html {
  const [only] = tenants
  return html`<form class="pad" method="get" action="/settings">${
    tenants.length === 1
      ? html`<input type="hidden" name="tenant" value="${only?.tenant_id ?? ''}">`
      : html`<p><label>Site <select name="tenant">${tenants.map(({ tenant_id }) => html`<option${tenant_id === choice?.tenant_id ? html` selected` : NOTHING}>${tenant_id}</option>`)}</select></label></p>`
  }<p><label>Rows of <select name="kind">${['all', ...EVENT_KINDS].map((kind) => html`<option value="${kind}"${kind === choice?.kind ? html` selected` : NOTHING}>${kind === 'all' ? 'every other kind' : kind}</option>`)}</select></label></p><p><label>for days <input name="days" type="number" min="1" max="36500" value="${choice?.days ?? ''}"></label></p><p><button class="button">What would that delete?</button></p><p class="basis">Without a number of days a kind follows the rule for every other kind. Nothing changes before you have seen what it deletes.</p></form>`
}

function choiceNote(view: View, choice: NonNullable<RetentionParts['choice']>): Html {
  const { tenant_id, kind, days, deletes, done } = choice
  const what = deletes
    ? `${plural(daysOfDeletion(deletes), 'day')}, ${bytesText(deletes.bytes)} (${plural(deletes.rows, 'row')})`
    : undefined
  if (done) return html`<div class="pad" role="status"><p><b>${what ? `Deleted ${what}.` : 'Changed. Nothing was old enough to be deleted.'}</b></p></div>` // biome-ignore format: one line
  return html`<form class="pad" method="post" action="/settings/retention">${csrf(view)}<input type="hidden" name="tenant" value="${tenant_id}"><input type="hidden" name="kind" value="${kind}"><input type="hidden" name="days" value="${days ?? ''}"><p role="status"><b>${what ? `This would delete ${what}.` : 'This would delete nothing now.'}</b> ${kind === 'all' ? 'Every other kind' : kind} of ${tenant_id}: ${days === null ? 'as all others' : plural(days, 'day')}.</p><p><button class="button">${what ? 'Change it and delete' : 'Change it'}</button></p><p class="basis">What is deleted does not come back. The audit trail keeps who asked and how much it was.</p></form>`
}
