import type { FleetSite } from '../base/ports.ts'
import type { Zone } from '../base/zone.ts'
import { changeOf, TREND_HEIGHT, TREND_WIDTH, trendPath } from '../fleet/trend.ts'
import { type Html, html, type Piece } from './html.ts'

/** 30 days of one site's score. `floor` is where the scale of all lines of the page begins. */
export function trend(site: FleetSite, floor: number, zone: Zone): Html {
  const { days } = site.compliance
  const path = trendPath(days, floor, zone.nowUs)
  if (path === '') return html`<small>no day yet</small>`
  return html`<svg class="trend" viewBox="0 0 ${TREND_WIDTH} ${TREND_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${trendSays(site)}"><path class="line" d="${path}"/></svg>`
}

export function trendSays({ site, compliance: { days } }: FleetSite): string {
  const scores = days.map(({ score }) => score)
  const [least, most] = [Math.min(...scores), Math.max(...scores)]
  return least === most
    ? `${site}, ${days.length} days: ${least} on each`
    : `${site}, ${days.length} days: between ${least} and ${most}, ${scores.at(-1)} last`
}

/** The line with its scale at its side and its table behind it. */
export function scaledTrend(site: FleetSite, floor: number, zone: Zone): Html {
  if (site.compliance.days.length === 0) return html`<small>no day is known yet</small>`
  return html`<div class="scaled">${trend(site, floor, zone)}<p class="y"><span>100</span><span>${floor}</span></p></div><details><summary>30 days, as a table</summary>${trendBehind(site, zone)}</details>`
}

/** The table behind the line: the days on which it changed. */
export function trendBehind({ compliance: { days } }: FleetSite, zone: Zone): Html {
  const turns = days.filter(({ score }, n) => n === 0 || score !== days[n - 1]?.score)
  return html`<table class="data keep behind"><thead><tr><th>Since</th><th class="num">Score of 100</th></tr></thead><tbody>${turns.map(({ at, score }) => html`<tr><td>${zone.date(at)}</td><td class="num">${score}</td></tr>`)}</tbody></table>`
}

/** `−6 since yesterday`, in words that need no colour. */
export function changeWords(site: FleetSite): Piece {
  const change = changeOf(site)
  if (change === null) return 'no day before to compare'
  if (change === 0) return 'as yesterday'
  return html`<b>${change > 0 ? '+' : '−'}${Math.abs(change)}</b> since yesterday`
}

/** Sign and figure for a column. */
export function changeFigure(site: FleetSite): Piece {
  const change = changeOf(site)
  if (change === null) return '–'
  return change === 0 ? '0' : html`<b>${change > 0 ? '+' : '−'}${Math.abs(change)}</b>`
}

export function scoreWords(site: FleetSite): Piece {
  const { score } = site.compliance
  return score === null ? html`<small>not known</small>` : html`<b>${score}</b>`
}
