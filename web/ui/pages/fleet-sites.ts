import { withQuery } from '../../base/filter.ts'
import type { FleetSite } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, large, plural, sentenceCase, span } from '../../base/words.ts'
import type { FleetAsked } from '../../fleet/asked.ts'
import { countStates, type Leaf, STATES } from '../../fleet/order.ts'
import type { Sight } from '../../fleet/sight.ts'
import { fleetLayout, keeping, leafPager, saysOf } from '../fleet-frame.ts'
import { siteMark, stateWord } from '../fleet-marks.ts'
import { fleetStrip, smallStrip, stateLegend, stripBehind, stripLegend } from '../fleet-strip.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { countsText, when } from '../marks.ts'
import { card, note, table } from '../parts.ts'
import { beside } from './fleet-beside.ts'

/** A card that says more is set smaller, so that all cards of a row stay one size. */
const SAYS_CHARS = 120

export interface SitesFound {
  asked: FleetAsked
  /** This page of the sites, whole. */
  leaf: Leaf<FleetSite>
  /** One card a site; a dense table where there are too many for cards. */
  cards: boolean
}

export function fleetSitesPage(view: View, sight: Sight, found: SitesFound): Html {
  const { asked, leaf, cards } = found
  const { fleet } = sight
  const filtered = asked.q !== '' || asked.state !== ''
  return fleetLayout(view, sight, {
    path: '/fleet',
    title: 'Sites',
    sentence: fleet.sentence,
    basis: sentenceCase(fleet.basis.join(' · ')),
    search: { path: '/fleet', label: 'Site or words', q: asked.q },
    keys: [
      ['j k', 'move over sites'],
      ['Enter', 'open'],
    ],
    body: html`${cards && !filtered ? NOTHING : states(view, sight, asked)}
<div data-live="sites" class="stack">${
      fleet.sites.length === 0
        ? card(
            'Sites',
            'none yet',
            note('empty', 'No site has joined that you may see.', nextStep(view)),
          )
        : leaf.rows.length === 0
          ? card(
              'Sites',
              `none of ${count(fleet.sites.length)}`,
              note(
                'empty',
                'No site fits.',
                html`<a href="${keeping(sight, '/fleet')}">See all ${count(fleet.sites.length)}</a>.`,
              ),
            )
          : cards
            ? html`<section class="thirds sites" aria-label="Sites, worst first">${leaf.rows.map((site) => siteCard(site, view, sight))}</section>`
            : dense(view, sight, leaf)
    }${cards && leaf.rows.length > 0 ? beside(view, sight, leaf.rows) : NOTHING}</div>
${leaf.rows.length === 0 ? NOTHING : html`<div class="legends">${stripLegend()}${stateLegend()}</div>`}`,
  })
}

function nextStep(view: View): Html {
  return view.session.atoms.includes('settings')
    ? html`Make a claim code under <a href="/fleet/joins">Joins</a>, and type it at the site.`
    : html`An administrator of this box makes a claim code; the site joins with it.`
}

/** How many sites are in which state, each a filter. Those nobody is in are left out. */
function states(view: View, { fleet }: Sight, asked: FleetAsked): Html {
  const counts = countStates(fleet.sites)
  const link = (state: string, words: Piece) =>
    html`<a class="button${state === asked.state ? ' here' : ''}" href="${withQuery(view.here, { state, page: undefined })}"${state === asked.state ? html` aria-current="true"` : NOTHING}>${words}</a>`
  return html`<nav class="states" aria-label="Sites by state">${link('', `All ${count(fleet.sites.length)}`)}${STATES.filter((state) => counts[state] > 0 || state === asked.state).map((state) => link(state, html`${stateWord(state)} ${count(counts[state])}`))}</nav>`
}

export function siteCard(site: FleetSite, view: View, sight: Sight): Html {
  const { zone } = view
  return html`<article class="card site row" data-id="${site.tenant_id}">
<div class="name"><b>${site.site} <small>${site.primary ? 'primary' : site.tenant_id}</small></b>${siteMark(site)}</div>
<h2${site.says.length > SAYS_CHARS ? html` class="long"` : NOTHING}><a href="${keeping(sight, `/fleet/sites/${site.tenant_id}`)}">${saysOf(site.says)}</a></h2>
<div>${fleetStrip(site, zone)}${site.strip.length > 0 ? html`<details><summary>As a table</summary>${stripBehind(site, zone)}</details>` : NOTHING}</div>
<dl class="facts">${facts(site, view)}</dl>
<p class="basis">${heardWords(site, view)}</p>
</article>`
}

/** Four facts, each with its window; unknown is said, never zero. */
function facts(site: FleetSite, { zone }: View): Html {
  const told = site.summaryTo !== null
  const fact = (name: string, value: ReturnType<typeof html> | string) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`
  const unknown = html`<span class="faint">not told</span>`
  return html`${fact('Frames, 24\u00a0h', told ? large(site.frames24h) : unknown)}${fact('Dropped, 24\u00a0h', told ? large(site.dropped24h) : unknown)}${fact('Rules age', site.rulesAgeSeconds === null ? unknown : span(site.rulesAgeSeconds * 1000))}${fact('Lake full', site.diskFullAt === null ? (told ? html`<span class="faint">too early</span>` : unknown) : zone.date(site.diskFullAt))}`
}

/** When it was heard, and whether anything is missing. */
export function heardWords(site: FleetSite, { zone }: View): Html {
  if (site.summaryTo === null)
    return html`Joined ${when(zone, site.joinedAt)}, ${span((zone.nowUs - site.joinedAt) / 1000)} ago; no summary yet`
  const missing = site.gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  return html`Told up to ${when(zone, site.summaryTo)}, ${span((zone.nowUs - site.summaryTo) / 1000)} ago · ${missing === 0 ? 'no summary missing' : html`<b>${plural(missing, 'summary', 'summaries')} missing</b>${site.gaps.every(({ held }) => held) ? ', still held at the site' : ''}`}`
}

function dense(view: View, sight: Sight, leaf: Leaf<FleetSite>): Html {
  const head = html`<th>Site</th><th>State</th><th>What it says</th><th>Last 24&nbsp;h</th><th>Findings, 24&nbsp;h</th><th class="num">Frames, 24&nbsp;h</th><th class="num">Dropped</th><th class="num">Told up to</th>`
  return card(
    'Sites',
    'worst first',
    html`${table(
      head,
      leaf.rows.map((site) => denseRow(site, view, sight)),
      'dense',
    )}${leafPager(view, leaf, 'site')}`,
  )
}

function denseRow(site: FleetSite, view: View, sight: Sight): Html {
  const told = site.summaryTo !== null
  return html`<tr class="row" data-id="${site.tenant_id}"><td class="tight"><b>${site.site}</b></td><td>${siteMark(site)}</td><td class="wide"><a class="plain" href="${keeping(sight, `/fleet/sites/${site.tenant_id}`)}">${saysOf(site.says)}</a></td><td class="day">${smallStrip(site, view.zone)}</td><td class="after tight" data-l="findings">${countsText(site.findings24h) || 'none'}</td><td class="num after" data-l="frames">${told ? large(site.frames24h) : '–'}</td><td class="num after" data-l="dropped">${told ? large(site.dropped24h) : '–'}</td><td class="num">${site.summaryTo === null ? 'never' : when(view.zone, site.summaryTo)}</td></tr>`
}
