import type { Severity } from '../../../agent/base/event.ts'
import type { RuleView } from '../../../agent/control/agent-client.ts'
import type { Asked } from '../../base/filter.ts'
import type { OverrideView, RulesView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural, span } from '../../base/words.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { csrf, layout } from '../layout.ts'
import { severityMark, WORST_FIRST } from '../marks.ts'
import { card, filters, note, pager } from '../parts.ts'
import { ruleText } from '../rule-text.ts'
import { techniqueName } from '../technique.ts'
import { tunedCard } from '../tuning.ts'

export interface RulesFound {
  view: RulesView
  rows: RuleView[]
  fit: number
  tuned: OverrideView[]
}

export function rulesPage(view: View, asked: Asked, found: RulesFound, next?: string): Html {
  const { rules, refused, generation, ageSeconds } = found.view
  const fired = rules.filter(({ hits }) => hits > 0).length
  return layout(view, {
    tab: 'rules',
    title: 'Rules',
    sentence: asked.q
      ? `${count(found.fit)} of ${plural(rules.length, 'rule')} fit “${asked.q}”.`
      : `${plural(rules.length, 'rule')} watch${rules.length === 1 ? 'es' : ''}; ${fired === 0 ? 'none has' : fired === 1 ? '1 has' : `${fired} have`} fired${refused.length > 0 ? `; ${refused.length} ${refused.length === 1 ? 'was' : 'were'} refused` : ''}.`,
    basis: `Generation ${count(generation)}, loaded ${span(ageSeconds * 1000)} ago · fired: since this run began · baselines of this site watch beside them`,
    search: { path: '/rules', label: 'Rule id, message, file or technique', q: asked.q },
    keys: [
      ['j k', 'move'],
      ['Enter', 'open'],
    ],
    body: html`<div class="split"><div class="stack">
${card('Rules', 'those that fired first', html`${filters(asked, [{ name: 'severity', label: 'Severity', value: asked.severity, options: [['', 'any'], ...WORST_FIRST.map((each) => [each, each] as const)] }], false)}${found.rows.length > 0 ? ruleRows(found.rows) : note('empty', rules.length === 0 ? 'No rule is loaded.' : 'No rule fits.', rules.length === 0 ? html`Add some on the box: <code>picket rules add FILE</code>.` : html`<a href="/rules">See all ${rules.length}</a>.`)}${pager(view, asked, next, found.rows.length)}`)}
</div><div class="stack">${tunedCard(view, found.tuned)}${reloadCard(view)}${refusedCard(refused)}</div></div>`,
  })
}

function ruleRows(rows: readonly RuleView[]): Html {
  return html`<ul class="rules">${rows.map(
    (rule) =>
      html`<li class="row" data-id="${rule.rule_id}"><details><summary><span class="what">${rule.msg}</span>${severityMark(rule.severity as Severity)}<span class="mono faint">${rule.rule_id}</span><span class="hits">${rule.enabled ? (rule.hits === 0 ? 'silent' : html`<b>${plural(rule.hits, 'hit')}</b>`) : 'disabled'}</span></summary><div class="pad">${rule.attack_ids.length > 0 ? html`<p>${rule.attack_ids.map((id) => html`<span class="nowrap"><b class="mono">${id}</b> ${techniqueName(id) ?? ''}</span> `)}</p>` : NOTHING}${ruleText(rule.text)}<p class="basis">${rule.file} · revision ${rule.rev} · <a href="/findings?range=all&amp;q=${encodeURIComponent(rule.rule_id)}">its findings</a></p></div></details></li>`,
  )}</ul>`
}

function reloadCard(view: View): Html {
  const may = view.session.atoms.includes('rules')
  return card(
    'Load again',
    'without losing a packet',
    may
      ? html`<form class="pad" method="post" action="/rules/reload">${csrf(view)}<p>Reads the rule files of this box again. A bad file is refused whole, and the rules before stay.</p><p><button class="button">Load the rules again</button></p></form>`
      : note(
          'denied',
          'You may read the rules, not load them.',
          'An operator or administrator of this box can.',
        ),
  )
}

function refusedCard(refused: RulesView['refused']): Html {
  return card(
    'Refused',
    plural(refused.length, 'rule'),
    html`<div id="refused">${
      refused.length === 0
        ? note(
            'empty',
            'Every rule was understood.',
            'A rule with a keyword we do not know would be named here, never dropped in silence.',
          )
        : html`<ul class="refused">${refused.map((each) => html`<li><b class="mono">${each.file}:${each.line}</b>${each.sid ? html` sid ${each.sid}` : NOTHING}<br>${each.keyword ? html`<span class="mono">${each.keyword}</span>: ` : NOTHING}${each.reason}</li>`)}</ul>`
    }</div>`,
  )
}
