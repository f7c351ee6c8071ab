import type { SettingsView, SiteStatus } from '../../base/ports.ts'
import { THEMES, type View } from '../../base/view.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { csrf, layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'
import { type RetentionParts, retentionCard } from '../retention.ts'

export interface SettingsParts {
  settings: SettingsView
  status: SiteStatus | undefined
  /** What the self-test that was just asked for said. */
  tested?: string
  retention?: RetentionParts
}

export function settingsPage(
  view: View,
  { settings, status, tested, retention }: SettingsParts,
): Html {
  return layout(view, {
    tab: 'settings',
    title: 'Settings',
    sentence: status
      ? `${status.site} captures on ${status.capture.interfaces.map(({ name }) => name).join(', ') || 'no port'}.`
      : 'These are the settings of this box.',
    basis: html`From <span class="mono">${settings.file}</span>, checked against its schema; what it leaves out has the default shown here`,
    body: html`<div class="split"><div class="stack">${settings.groups.map((group) =>
      card(
        group.title,
        '',
        html`<table class="data settings"><thead><tr><th>Setting</th><th>Value</th><th>What it does</th></tr></thead><tbody>${group.settings.map(({ name, value, meaning }) => html`<tr><td class="mono tight">${name}</td><td class="mono">${value}</td><td class="wide">${meaning}</td></tr>`)}</tbody></table>`,
      ),
    )}</div><div class="stack">${retention ? retentionCard(view, retention) : NOTHING}${themeCard(view)}${passwordCard(view)}${selfTestCard(view, status, tested)}${card('Changing a setting', 'on the box', html`<div class="pad prose"><p>Edit <span class="mono">config.json</span> on the box, then <code>picket check-config</code>: it names what is wrong before anything starts again.</p></div>`)}</div></div>`,
  })
}

function themeCard(view: View): Html {
  return card(
    'How it looks',
    'for this browser',
    html`<form class="pad" id="theme" method="get" action="/settings"><fieldset><legend>Theme</legend>${THEMES.map((each) => html`<label class="choice"><input type="radio" name="theme" value="${each}"${each === view.theme ? html` checked` : NOTHING}> ${each === 'auto' ? 'as the system' : each}</label>`)}</fieldset><p><button class="button">Keep</button></p></form>`,
  )
}

function passwordCard(view: View): Html {
  return card(
    'Your password',
    view.session.name,
    html`<div class="pad"><p>Changing it ends your other sessions.</p><p><a class="button" href="/password">Change it</a></p></div>`,
  )
}

function selfTestCard(
  view: View,
  status: SiteStatus | undefined,
  tested: string | undefined,
): Html {
  const last = status?.selfTest
  return card(
    'Self-test',
    'a harmless attack through the real path',
    html`<form class="pad" id="selftest" method="post" action="/settings/selftest">${csrf(view)}${tested ? html`<p role="status"><b>${tested}</b></p>` : NOTHING}<p>${last?.lastAt ? html`${last.sentence} <small>${when(view.zone, last.lastAt)}</small>` : 'It has not run yet.'}</p>${
      view.session.atoms.includes('rules')
        ? html`<p><button class="button">Run it now</button></p>`
        : note('denied', 'You may see it, not start it.', 'An operator or administrator can.')
    }</form>`,
  )
}
