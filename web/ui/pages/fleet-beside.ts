/** Under the cards of a small fleet: what waits, what was found, compliance, and what was heard. */
import type { FleetSite } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { bytesText, count, plural, span, tied } from '../../base/words.ts'
import { acrossSites, type SiteFinding } from '../../fleet/findings.ts'
import type { Sight } from '../../fleet/sight.ts'
import { scaleOf } from '../../fleet/trend.ts'
import { fleetFindingRows } from '../fleet-finding-rows.ts'
import { keeping } from '../fleet-frame.ts'
import { changeFigure, scoreWords, trend } from '../fleet-trend.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { card, note } from '../parts.ts'

const FINDINGS_MAX = 8

export function beside(view: View, sight: Sight, sites: readonly FleetSite[]): Html {
  return html`<div class="split"><div class="stack">${waiting(sites)}${findings(view, sight, sites)}</div><div class="stack">${compliance(view, sight, sites)}${heard(view, sight, sites)}</div></div>`
}

/** Shown, not decided: approval stays at the site that acts. */
export function waiting(sites: readonly FleetSite[]): Html {
  const having = sites.filter(({ waitingActions }) => waitingActions > 0)
  const total = having.reduce((sum, each) => sum + each.waitingActions, 0)
  const active = sites.reduce((sum, each) => sum + each.activeActions, 0)
  if (total + active === 0) return NOTHING
  return card(
    sites.length === 1 ? 'Actions' : 'Actions at the sites',
    `${count(total)} waiting, ${count(active)} in force`,
    html`${having.map((site) => waitingRows(site, sites.length > 1))}${having.length === 0 ? note('empty', 'No action waits.', `${plural(active, 'block')} in force; each ends by itself.`) : NOTHING}`,
  )
}

function waitingRows(site: FleetSite, named: boolean): Html {
  const told = site.digests.filter(({ state }) => state === 'proposed')
  const where = site.primary
    ? html`<a class="button" href="/actions">Decide on this box</a>`
    : html`<small>approve at the site</small>`
  const rows = told.length > 0 ? told : [undefined]
  return html`${rows.map(
    (digest, n) =>
      html`<div class="action"><p>${named ? html`<b>${site.site}</b> · ` : NOTHING}${digest ? tied(digest.title) : `${plural(site.waitingActions, 'action')} waiting`}</p><small>${n === 0 ? `${plural(site.waitingActions, 'action')} of this site ${site.waitingActions === 1 ? 'waits' : 'wait'}${site.primary ? '' : ' on its own page, Actions'}` : ''}${n === 0 && digest?.host ? ' · ' : ''}${digest?.host ? `about ${digest.host}` : ''}</small><div class="do">${where}</div></div>`,
  )}`
}

function findings(view: View, sight: Sight, sites: readonly FleetSite[]): Html {
  const all: SiteFinding[] = acrossSites(sites)
  const leftOut = sites.reduce((sum, each) => sum + each.digestsLeftOut, 0)
  const shown = all.slice(0, FINDINGS_MAX)
  return card(
    html`<a class="plain" href="${keeping(sight, '/fleet/findings')}">Findings across sites</a>`,
    `${shown.length} of ${count(all.length + leftOut)} · last 24\u00a0h · worst first`,
    shown.length > 0
      ? fleetFindingRows(shown, view, sight)
      : note(
          'empty',
          'Nothing was found in 24\u00a0h.',
          'Whether every site could see is said above.',
        ),
  )
}

function compliance(view: View, sight: Sight, sites: readonly FleetSite[]): Html {
  const floor = scaleOf(sites)
  const known = sites.filter(
    ({ compliance }) => compliance.score !== null || compliance.days.length > 0,
  )
  if (known.length === 0) return NOTHING
  const rows = [...known].sort((a, b) => (a.compliance.score ?? 101) - (b.compliance.score ?? 101))
  const failing = rows.reduce((sum, { compliance }) => sum + compliance.failing.length, 0)
  const controls = rows.reduce((sum, { compliance }) => sum + compliance.controls, 0)
  return card(
    html`<a class="plain" href="${keeping(sight, '/fleet/compliance')}">Compliance</a>`,
    'score of 100 · 30\u00a0days',
    html`<table class="data keep trends"><thead class="sr"><tr><th>Site</th><th>30&nbsp;days</th><th class="num">Now</th><th class="num">Since yesterday</th></tr></thead><tbody>${rows.map((site) => html`<tr><td class="tight">${site.site}</td><td>${trend(site, floor, view.zone)}</td><td class="num">${scoreWords(site)}</td><td class="num">${changeFigure(site)}</td></tr>`)}</tbody></table><p class="pad basis">${count(failing)} of ${plural(controls, 'control')} fail, site by site; last column since yesterday. Lines run from ${floor} to 100.</p>`,
  )
}

const SOON_US = 21 * 86_400e6

/** What the words above stand on: messages taken in, refused, missing, and certificates. */
function heard(view: View, { fleet }: Sight, sites: readonly FleetSite[]): Html {
  const sum = (of: (site: FleetSite) => number) =>
    sites.reduce((total, each) => total + of(each), 0)
  const refused = sum(({ rejected }) => Object.values(rejected).reduce((a, b) => a + b, 0))
  const nameless = Object.values(fleet.rejected).reduce((a, b) => a + b, 0)
  const missing = sum(({ gaps }) =>
    gaps.reduce((all, { first, last }) => all + last - first + 1, 0),
  )
  const ending = sites.filter(
    ({ certificate: { notAfter } }) => notAfter !== null && notAfter - view.zone.nowUs < SOON_US,
  )
  const line = (name: string, value: Piece) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`
  return card(
    'What was heard',
    'last 24\u00a0h',
    html`<dl class="pairs">${line('Summaries', html`${count(sum((site) => site.summaries24h))}, each signed and verified`)}${line(
      'Over the uplinks',
      `${bytesText(sum((site) => site.uplinkBytes24h))}, sealed`,
    )}${line('Missing', missing === 0 ? 'none' : html`<b>${plural(missing, 'summary', 'summaries')}</b>`)}${line('Refused', refused + nameless === 0 ? 'none' : html`<b>${plural(refused + nameless, 'message')}</b>${nameless > 0 ? `, ${count(nameless)} of nobody we know` : ''}`)}${line('Certificates', ending.length === 0 ? 'all last 3 weeks or more' : html`${ending.map((site, n) => html`${n > 0 ? ', ' : ''}<b>${site.site}</b> ends in ${span(Math.max(0, (site.certificate.notAfter ?? 0) - view.zone.nowUs) / 1000)}`)}`)}</dl>`,
  )
}
