import type { FleetSite, StripStep } from '../base/ports.ts'
import { count, plural, span } from '../base/words.ts'
import type { Zone } from '../base/zone.ts'
import { dayPaths, daySum, HEIGHT, type Heard, sharesOf, telling, WIDTH } from '../fleet/day.ts'
import { type Html, html, NOTHING } from './html.ts'
import { countsText, mark, severityMark } from './marks.ts'

const STEP_US = 1800e6

/** The last 24 hours of one site, with the ends of its axis. */
export function fleetStrip(site: FleetSite, zone: Zone): Html {
  const steps = site.strip
  const [first] = steps
  if (!first) return html`<p class="strip none basis">No summary yet, so no day to draw.</p>`
  const middle = steps[Math.floor(steps.length / 2)] ?? first
  return html`<div><div class="strip fleet">${picture(site, zone)}</div><p class="axis"><span>${zone.weekday(first.at)}</span><span>${zone.minute(middle.at)}</span><span>${zone.weekday(zone.nowUs)}</span></p></div>`
}

/** The same without words, for a row of a table. */
export function smallStrip(site: FleetSite, zone: Zone): Html {
  if (site.strip.length === 0) return html`<small>none yet</small>`
  return html`<div class="strip small">${picture(site, zone, false)}</div>`
}

function picture(site: FleetSite, zone: Zone, ticks = true): Html {
  const { seen, blind, untold, bars, drops, tests, failed } = dayPaths(
    site.strip,
    heardOf(site, zone),
  )
  const line = (kind: string, d: string) =>
    d === '' ? NOTHING : html`<path class="${kind}" d="${d}"/>`
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${stripSays(site, zone)}">${line('seen', ticks ? seen + tests : seen)}${line('untold', untold)}${line('blindness', blind)}${line('drops', drops)}${line('blindness', ticks ? failed : '')}${bars.map(({ severity, path }) => line(severity, path))}</svg>`
}

function heardOf({ joinedAt }: FleetSite, { nowUs }: Zone): Heard {
  return { from: joinedAt, to: nowUs }
}

export function stripSays(site: FleetSite, zone: Zone): string {
  const heard = heardOf(site, zone)
  const { counts, blind, untold, dropped, selfTests, failed } = daySum(site.strip, heard)
  const young = site.strip.some((step) => sharesOf(step, heard).before > 0)
  const parts = [
    countsText(counts) || 'nothing found',
    blind > 0 ? `blind for ${span(blind * 1000)}` : untold > 0 ? '' : 'frames seen all the time',
    untold > 0 ? `not told for ${span(untold * 1000)}` : '',
    dropped > 0 ? `${plural(dropped, 'frame')} dropped` : '',
    selfTests > 0
      ? `${count(selfTests - failed)} of ${plural(selfTests, 'self-test')} found`
      : 'no self-test told',
  ].filter((each) => each !== '')
  if (young) parts.push(`joined ${zone.short(site.joinedAt)}`)
  return `${site.site}, 24 hours: ${parts.join('; ')}`
}

/** The table behind the picture: each half hour about which there is something to say, then the rest in one line. */
export function stripBehind(site: FleetSite, zone: Zone): Html {
  const heard = heardOf(site, zone)
  const rows = telling(site.strip, heard)
  const before = site.strip.filter((step) => sharesOf(step, heard).before === 1).length
  const rest = site.strip.length - rows.length - before
  return html`${
    rows.length > 0
      ? html`<table class="data keep behind"><thead><tr><th>Half hour from</th><th>Worst</th><th>Findings</th><th class="num">Dropped</th><th>Sight</th></tr></thead><tbody>${rows.map((step) => row(step, zone, heard))}</tbody></table>`
      : NOTHING
  }<p class="basis">${rest > 0 ? `${rows.length > 0 ? 'The other ' : ''}${plural(rest, 'half hour')}: nothing found, nothing dropped, frames seen.` : ''}${before > 0 ? ` Before it joined: ${plural(before, 'half hour')}.` : ''}</p>`
}

function row(step: StripStep, zone: Zone, heard: Heard): Html {
  const { untold } = sharesOf(step, heard)
  const sight = [
    step.blind > 0 ? `blind ${span(step.blind * 1000)}` : '',
    untold > 0 ? `not told ${span((untold * STEP_US) / 1000)}` : '',
    step.selfTestsFailed > 0 ? `${plural(step.selfTestsFailed, 'self-test')} not found` : '',
  ].filter((each) => each !== '')
  return html`<tr><td class="tight">${zone.short(step.at)}</td><td>${step.worst ? severityMark(step.worst) : 'none'}</td><td>${countsText(step.counts) || 'none'}</td><td class="num">${count(step.dropped)}</td><td>${sight.join(', ') || 'seen'}</td></tr>`
}

/** What each mark means: of the states only quiet is green. */
export function stateLegend(): Html {
  return html`<p class="legend">${mark('quiet', 'Quiet: all seen, nothing found')}${mark('blind', 'Blind: no frames')}${mark('stale', 'Stale: old rules or clock off')}${mark('cutoff', 'Cut off: no uplink')}${mark('forked', 'Contradicts itself: do not rely on it')}${mark('unheard', 'Not heard yet: joined, nothing sent')}</p>`
}

export function stripLegend(): Html {
  return html`<p class="legend"><span>Strip: a bar is the worst severity in half an hour; the line is frames seen, hatched where blind, dotted where nobody has told; a block under it is frames dropped; a tick is a self-test found, a cross one that was not.</span></p>`
}
