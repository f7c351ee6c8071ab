/** One site, as its own signed summaries tell it: what it says, its day, and whether anything is missing. */
import type { FleetSite } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { bytesText, count, large, plural, sentenceCase, span } from '../../base/words.ts'
import { acrossSites } from '../../fleet/findings.ts'
import type { Sight } from '../../fleet/sight.ts'
import { scaleOf } from '../../fleet/trend.ts'
import { fleetFindingRows } from '../fleet-finding-rows.ts'
import { fleetLayout, keeping, namedSays, saysOf } from '../fleet-frame.ts'
import { siteMark } from '../fleet-marks.ts'
import { fleetStrip, stripBehind, stripLegend } from '../fleet-strip.ts'
import { changeWords, scaledTrend, scoreWords } from '../fleet-trend.ts'
import { type Html, html, NOTHING, type Piece } from '../html.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'
import { waiting } from './fleet-beside.ts'
import { controlRows } from './fleet-compliance.ts'

const REFUSED_WORDS: Readonly<Record<string, string>> = {
  'too-big': 'larger than a summary may be',
  'not-sealed': 'not sealed for this receiver',
  forged: 'signed by no key that may speak for this site',
  malformed: 'signed, but no summary',
  revoked: 'sent after its key was revoked',
  foreign: 'said another tenant, appliance or fleet than its certificate',
  replayed: 'sent before, byte for byte',
  forked: 'the same number with other content',
  flooding: 'more at once than a site may send',
}

export function fleetSitePage(view: View, sight: Sight, site: FleetSite): Html {
  return fleetLayout(view, sight, {
    path: '/fleet',
    scoped: false,
    title: site.site,
    above: html`<a href="${keeping(sight, '/fleet')}">Sites</a> · ${siteMark(site)} · <span class="mono">${site.tenant_id}</span>${site.primary ? ' · primary, this box' : ''}`,
    sentence: namedSays(site),
    basis: sentenceCase(site.basis.join(' · ')),
    keys: [['j k', 'move over findings']],
    body: html`<div class="split" data-live="site"><div class="stack">${day(site, view)}${waiting([site])}${findings(site, view, sight)}${compliance(site, view)}</div><div class="stack">${trust(site, view)}${numbers(site, view)}${stripLegend()}</div></div>`,
  })
}

function day(site: FleetSite, view: View): Html {
  return card(
    'Last 24\u00a0h',
    `${large(site.frames24h)} frames seen, ${large(site.dropped24h)} dropped`,
    html`<div class="pad">${fleetStrip(site, view.zone)}${site.strip.length > 0 ? html`<details><summary>As a table</summary>${stripBehind(site, view.zone)}</details>` : NOTHING}</div>`,
  )
}

function findings(site: FleetSite, view: View, sight: Sight): Html {
  const rows = acrossSites([site])
  const left = site.digestsLeftOut
  return card(
    'Findings',
    `${plural(rows.length, 'digest')}${left > 0 ? `, ${count(left)} more left out` : ''} · last 24\u00a0h · worst first`,
    html`${rows.length > 0 ? fleetFindingRows(rows, view, sight, true) : note('empty', 'It told of no finding.', 'Whether it could see is said at the top of this page.')}${left > 0 ? note('error', `${plural(left, 'digest')} did not fit into its summary.`, 'They are at the site, in its own Findings.') : NOTHING}`,
  )
}

function compliance(site: FleetSite, view: View): Html {
  const { failing, controls } = site.compliance
  const floor = scaleOf([site])
  return card(
    'Compliance',
    site.compliance.score === null
      ? 'not known yet'
      : html`${scoreWords(site)} of 100 · ${changeWords(site)}`,
    html`${site.compliance.days.length > 0 ? html`<div class="pad">${scaledTrend(site, floor, view.zone)}</div>` : NOTHING}${controlRows(failing, controls)}`,
  )
}

const line = (name: string, value: Piece) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`

/** Why its word can be taken, or cannot. */
function trust(site: FleetSite, view: View): Html {
  const { zone } = view
  const rejected = Object.entries(site.rejected).filter(([, times]) => times > 0)
  const sum = rejected.reduce((all, [, times]) => all + times, 0)
  return card(
    'Why to believe it',
    site.epoch === 0 && site.sequence === 0
      ? 'nothing heard yet'
      : `summary ${count(site.sequence)} of epoch ${String(site.epoch)}`,
    html`${site.alarms.map(({ at, sentence }) => note('error', saysOf(sentence), html`Seen ${when(zone, at)}. What should only grow fell: a disk put back, or a copy of this site.`))}${site.forks > 0 ? note('error', `${plural(site.forks, 'fork')}: it signed two different summaries with one number.`, 'Its key may be in two places. Both are kept as evidence.') : NOTHING}<dl class="pairs">
${line('Told up to', site.summaryTo === null ? 'nothing yet' : html`${when(zone, site.summaryTo)}, every ${span(site.periodSeconds * 1000)}`)}
${line('Arrived', site.receivedAt === null ? 'nothing yet' : when(zone, site.receivedAt, 'exact'))}
${line('Whole up to', site.epoch === 0 && site.sequence === 0 ? 'nothing yet' : html`${count(site.wholeUpTo)} of ${count(site.sequence)}`)}
${line('Missing', gaps(site, view))}
${line('Refused', sum === 0 ? 'no message' : html`<b>${plural(sum, 'message')}</b>`)}
${rejected.map(([reason, times]) => line('', html`${count(times)} ${reason}: ${REFUSED_WORDS[reason] ?? reason}`))}
${line('Forks', site.forks === 0 ? 'none' : html`<b>${count(site.forks)}</b>`)}
${line('Anchors', site.alarms.length === 0 ? (site.summaryTo === null ? 'nothing yet' : 'never fell') : html`<b>fell</b> ${plural(site.alarms.length, 'time')}`)}
${line('Certificate', certificate(site, view))}
${line('Over the uplink', `${bytesText(site.uplinkBytes24h)} in ${plural(site.summaries24h, 'summary', 'summaries')}, 24\u00a0h`)}
</dl>`,
  )
}

function gaps({ gaps: all }: FleetSite, { zone }: View): Piece {
  if (all.length === 0) return 'none'
  return html`${all.map(({ first, last, since, held, epoch }) => html`<span class="gap"><b>${first === last ? `${count(first)}` : `${count(first)} to ${count(last)}`}</b> of epoch ${String(epoch)}, missed ${span((zone.nowUs - since) / 1000)} ago; ${held ? 'still held at the site, it comes' : 'no longer held: it will not come'}</span>`)}`
}

function certificate({ certificate: { notAfter, revoked } }: FleetSite, { zone }: View): Piece {
  if (revoked) return html`<b>revoked</b>: nothing it sends counts`
  if (notAfter === null) return 'not known'
  return notAfter < zone.nowUs
    ? html`<b>ended</b> ${zone.date(notAfter)}; it may still renew it`
    : html`until ${zone.date(notAfter)}, ${span((notAfter - zone.nowUs) / 1000)} left`
}

function numbers(site: FleetSite, { zone }: View): Html {
  const known = (value: Piece | null) =>
    value === null ? html`<span class="faint">not told</span>` : value
  const { rulesAgeSeconds, rulesLoaded, clockOffsetMs, diskFullAt, oldestRow, lakeRows } = site
  return card(
    'The box',
    site.version ? `Picket ${site.version}` : 'version not told',
    html`<dl class="pairs">
${line('Joined', when(zone, site.joinedAt))}
${line('Blind, 24\u00a0h', site.summaryTo === null ? known(null) : site.blindSeconds24h === 0 ? 'never' : span(site.blindSeconds24h * 1000))}
${line('Rules', known(rulesLoaded === null ? null : `${count(rulesLoaded)} loaded${rulesAgeSeconds === null ? '' : `, ${span(rulesAgeSeconds * 1000)} old`}`))}
${line('Clock', known(clockOffsetMs === null ? null : `${clockOffsetMs < 0 ? '−' : ''}${Number(Math.abs(clockOffsetMs).toPrecision(2))}\u00a0ms from the network’s`))}
${line('Lake', known(lakeRows === null ? null : html`${large(lakeRows)} rows${oldestRow === null ? '' : html`, the oldest from ${zone.date(oldestRow)}`}`))}
${line('Lake full', diskFullAt === null ? 'too early to say' : zone.date(diskFullAt))}
${line('Appliance', html`<span class="mono">${site.appliance_id}</span>`)}
</dl>`,
  )
}
