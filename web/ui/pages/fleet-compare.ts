import { withQuery } from '../../base/filter.ts'
import type { FleetSite } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, large, plural, span } from '../../base/words.ts'
import type { FleetAsked } from '../../fleet/asked.ts'
import { COLUMNS, type Column, droppedShare, worstOf } from '../../fleet/columns.ts'
import type { Leaf } from '../../fleet/order.ts'
import type { Sight } from '../../fleet/sight.ts'
import { fleetLayout, keeping, leafPager } from '../fleet-frame.ts'
import { siteMark } from '../fleet-marks.ts'
import { changeFigure } from '../fleet-trend.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { card, note } from '../parts.ts'

export interface Compared {
  asked: FleetAsked
  leaf: Leaf<FleetSite>
  /** Every site that fits, not only this page: what the worst value is measured against. */
  all: readonly FleetSite[]
}

export function fleetComparePage(view: View, sight: Sight, { asked, leaf, all }: Compared): Html {
  const worst = new Map(COLUMNS.map((column) => [column.name, worstOf(all, column)]))
  return fleetLayout(view, sight, {
    path: '/fleet/compare',
    title: 'Compare',
    sentence: sentenceOf(all, sight, asked),
    basis:
      'Findings, frames, drops and blind time of the last 24\u00a0h; the rest as last told · bold is the worst of a column, where sites differ · a dash was never told',
    search: { path: '/fleet/compare', label: 'Site or words', q: asked.q },
    keys: [
      ['j k', 'move over sites'],
      ['Enter', 'open'],
    ],
    body: card(
      'Sites side by side',
      html`sorted by ${titleOf(asked.sort)} · <a href="${keeping(sight, '/fleet/compare')}">by name</a>`,
      html`${asked.sort !== 'site' ? html`<input type="hidden" form="search" name="sort" value="${asked.sort}">` : NOTHING}<div data-live="compare">${
        leaf.rows.length > 0
          ? html`${sortLinks(view, asked)}<div class="sideways"><table class="data compare"><thead><tr>${COLUMNS.map((column, n) => html`${heading(column, view, asked)}${n === 0 ? html`<th>State</th>` : NOTHING}`)}</tr></thead><tbody>${leaf.rows.map((site) => row(site, view, sight, worst))}</tbody></table></div>`
          : note(
              'empty',
              'No site fits.',
              html`<a href="${keeping(sight, '/fleet/compare')}">Compare all</a>.`,
            )
      }${leafPager(view, leaf, 'site')}</div>`,
    ),
  })
}

function titleOf(sort: string): string {
  const name = sort.replace(/^-/, '')
  const title = COLUMNS.find((each) => each.name === name)?.title.toLowerCase() ?? 'name'
  if (name === 'site') return sort.startsWith('-') ? 'name, last first' : 'name'
  return `${title}, ${sort.startsWith('-') ? 'best' : 'worst'} first`
}

/** One press: worst first; again: best first. */
function nextSort({ name }: Column, { sort }: FleetAsked): string {
  return sort === name ? `-${name}` : name
}

function heading(column: Column, view: View, asked: FleetAsked): Html {
  const on = asked.sort.replace(/^-/, '') === column.name
  const way = asked.sort.startsWith('-') === (column.worse === 1) ? 'ascending' : 'descending'
  const kind = column.name === 'site' || column.name === 'version' ? '' : 'num'
  return html`<th class="${kind}"${on ? html` aria-sort="${way}"` : NOTHING}><a class="sort" href="${withQuery(view.here, { sort: nextSort(column, asked), page: undefined })}">${column.title}</a></th>`
}

/** On a phone the heads of the table are folded away: the same links as a choice. */
function sortLinks(view: View, asked: FleetAsked): Html {
  return html`<details class="sorts"><summary>Sort by</summary><p>${COLUMNS.map((column) => html`<a class="button" href="${withQuery(view.here, { sort: nextSort(column, asked), page: undefined })}">${column.title}</a>`)}</p></details>`
}

function row(
  site: FleetSite,
  view: View,
  sight: Sight,
  worst: ReadonlyMap<string, number | null>,
): Html {
  return html`<tr class="row" data-id="${site.tenant_id}"><td class="wide"><a class="plain" href="${keeping(sight, `/fleet/sites/${site.tenant_id}`)}"><b>${site.site}</b></a></td><td class="mark">${siteMark(site)}</td>${COLUMNS.slice(1).map((column) => cell(site, column, view, worst))}</tr>`
}

function cell(
  site: FleetSite,
  column: Column,
  view: View,
  worst: ReadonlyMap<string, number | null>,
): Html {
  const value = column.value(site)
  const words = shown(site, column.name, view)
  const marked = value !== null && value === worst.get(column.name)
  return html`<td class="${column.name === 'version' ? 'tight' : 'num'} after" data-l="${column.title.toLowerCase()}">${value === null ? '–' : marked ? html`<b>${words}</b>` : words}</td>`
}

function shown(site: FleetSite, name: string, { zone }: View): Piece {
  switch (name) {
    case 'frames':
      return large(site.frames24h)
    case 'dropped':
      return dropped(site)
    case 'blind':
      return site.blindSeconds24h === 0 ? '0' : span(site.blindSeconds24h * 1000)
    case 'rules':
      return site.rulesAgeSeconds === null ? '–' : span(site.rulesAgeSeconds * 1000)
    case 'compliance':
      return html`${site.compliance.score} <small>${changeFigure(site)}</small>`
    case 'disk':
      return site.diskFullAt === null ? '–' : zone.date(site.diskFullAt)
    case 'clock':
      return site.clockOffsetMs === null ? '–' : offset(site.clockOffsetMs)
    case 'version':
      return site.version ?? '–'
    default:
      return count(site.findings24h[name as keyof FleetSite['findings24h']])
  }
}

/** With its share of what was offered, where there was any. */
function dropped(site: FleetSite): Piece {
  const share = droppedShare(site) ?? 0
  if (site.dropped24h === 0) return '0'
  const percent = share * 100
  return html`${large(site.dropped24h)} <small>${percent < 0.01 ? '<0.01' : Number(percent.toPrecision(2))}&nbsp;%</small>`
}

function offset(ms: number): string {
  const size = Math.abs(ms)
  const words = size >= 1000 ? span(size) : `${Number(size.toPrecision(2))}\u00a0ms`
  return `${ms < 0 ? '−' : ms > 0 ? '+' : ''}${words}`
}

/** Who stands out, in words: the first two that differ. */
function sentenceOf(sites: readonly FleetSite[], { fleet }: Sight, asked: FleetAsked): string {
  if (sites.length === 0) return 'No site fits.'
  if (sites.length === 1) return `One site alone: ${sites[0]?.site}.`
  const parts: string[] = []
  const lead = (name: string, words: (site: FleetSite) => string) => {
    const column = COLUMNS.find((each) => each.name === name)
    const value = column && worstOf(sites, column)
    if (!column || value === null) return
    const those = sites.filter((site) => column.value(site) === value)
    if (those.length === 1 && those[0]) parts.push(words(those[0]))
  }
  lead('critical', (site) => `${site.site} has the most critical findings`)
  lead(
    'compliance',
    (site) => `${site.site} is the least compliant, ${site.compliance.score} of 100`,
  )
  lead('dropped', (site) => `${site.site} drops the most`)
  lead('blind', (site) => `${site.site} was blind longest`)
  const of = asked.q
    ? `${plural(sites.length, 'site')} of ${count(fleet.sites.length)}`
    : plural(sites.length, 'site')
  return parts.length > 0 ? `${parts.slice(0, 2).join('; ')}.` : `${of}, all alike in what matters.`
}
