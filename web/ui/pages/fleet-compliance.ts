import type { FleetSite } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural } from '../../base/words.ts'
import type { FleetAsked } from '../../fleet/asked.ts'
import type { Leaf } from '../../fleet/order.ts'
import type { Sight } from '../../fleet/sight.ts'
import { changeOf, scaleOf } from '../../fleet/trend.ts'
import { fleetLayout, keeping, leafPager } from '../fleet-frame.ts'
import { changeWords, scaledTrend } from '../fleet-trend.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'

const FAILING_MAX = 12 // on this page; the site's own page has them all

export interface ComplianceFound {
  asked: FleetAsked
  leaf: Leaf<FleetSite>
  all: readonly FleetSite[]
}

export function fleetCompliancePage(view: View, sight: Sight, found: ComplianceFound): Html {
  const { asked, leaf, all } = found
  const floor = scaleOf(leaf.rows)
  return fleetLayout(view, sight, {
    path: '/fleet/compliance',
    title: 'Compliance',
    sentence: complianceSentence(all),
    basis: `Score of 100 = 100 less the weights of failing controls, not below 0 · what could not be read counts as failing and is marked · change is since a day ago · lines run from ${floor} to 100 over 30\u00a0days`,
    search: { path: '/fleet/compliance', label: 'Site or words', q: asked.q },
    keys: [
      ['j k', 'move over sites'],
      ['Enter', 'open'],
    ],
    body: html`<div data-live="compliance" class="stack">${
      leaf.rows.length > 0
        ? leaf.rows.map((site) => siteCompliance(site, view, sight, floor))
        : card(
            'Compliance',
            'none',
            note(
              'empty',
              'No site fits.',
              html`<a href="${keeping(sight, '/fleet/compliance')}">See all sites</a>.`,
            ),
          )
    }</div>${leaf.pages > 1 ? html`<section class="card">${leafPager(view, leaf, 'site')}</section>` : NOTHING}`,
  })
}

export function complianceSentence(sites: readonly FleetSite[]): string {
  const known = sites.filter(({ compliance }) => compliance.score !== null)
  if (known.length === 0) return 'No site has told its compliance yet.'
  const fell = known
    .filter((site) => (changeOf(site) ?? 0) < 0)
    .sort((a, b) => (changeOf(a) ?? 0) - (changeOf(b) ?? 0))
  const silent = sites.length - known.length
  const rest = silent > 0 ? ` ${plural(silent, 'site')} told none.` : ''
  const [most] = fell
  if (most)
    return `${most.site} fell from ${most.compliance.before} to ${most.compliance.score}${fell.length > 1 ? `; ${plural(fell.length - 1, 'other site')} fell too` : ''}.${rest}`
  const least = known.reduce((low, each) =>
    (each.compliance.score ?? 0) < (low.compliance.score ?? 0) ? each : low,
  )
  if (known.every(({ compliance }) => compliance.score === 100))
    return `All ${plural(known.length, 'site')} hold every control.${rest}`
  return `Nothing fell since yesterday; ${least.site} is lowest with ${least.compliance.score}.${rest}`
}

function siteCompliance(site: FleetSite, view: View, sight: Sight, floor: number): Html {
  const { score, controls, failing } = site.compliance
  const told =
    site.summaryTo === null ? html`never told` : html`as told ${when(view.zone, site.summaryTo)}`
  return html`<section class="card row" data-id="${site.tenant_id}"><header><h2><a class="plain" href="${keeping(sight, `/fleet/sites/${site.tenant_id}`)}">${site.site}</a></h2><small>${told}</small></header>
<div class="score"><p class="value">${score === null ? html`<span class="faint">–</span>` : score}<small> of 100</small></p><p>${score === null ? 'not known yet' : changeWords(site)}<br><small>${controls === 0 ? 'no control has been looked at' : `${count(failing.length)} of ${plural(controls, 'control')} fail`}</small></p><div class="over">${scaledTrend(site, floor, view.zone)}</div></div>
${failing.length > 0 ? controlRows(failing.slice(0, FAILING_MAX), controls) : NOTHING}${
  failing.length > FAILING_MAX
    ? html`<p class="pad basis"><a href="${keeping(sight, `/fleet/sites/${site.tenant_id}`)}">${count(failing.length - FAILING_MAX)} more failing controls</a></p>`
    : NOTHING
}</section>`
}

/** Heaviest first, as they came; unknown is marked as unknown, not as broken. */
export function controlRows(failing: FleetSite['compliance']['failing'], controls: number): Html {
  if (failing.length === 0)
    return controls === 0
      ? note('loading', 'No control has been looked at.', 'The first look comes with a summary.')
      : note(
          'empty',
          `All ${plural(controls, 'control')} hold.`,
          'Each is asked of the site’s own lake.',
        )
  const rows = [...failing].sort((a, b) => b.weight - a.weight)
  return html`<table class="data controls"><thead><tr><th>Control</th><th>What does not hold</th><th>Evidence</th><th class="num">Weight</th></tr></thead><tbody>${rows.map(
    (each) =>
      html`<tr><td class="mono tight">${each.id}</td><td class="wide">${each.unknown ? html`<span class="tag">not known</span> ` : NOTHING}${each.sentence}</td><td class="after evidence-words">${each.evidence}</td><td class="num" data-l="weight">−${each.weight}</td></tr>`,
  )}</tbody></table>`
}
