/** The site at this moment: its sentence, what that stands on, and what waits for a person. */
import type { EventRow } from '../../../agent/base/event.ts'
import type { ActionView, AssetView, Day, LakeView, SiteStatus } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural, sentenceCase, span, tied } from '../../base/words.ts'
import { actionList, decisionKeys, toast } from '../action-row.ts'
import { asset } from '../assets.ts'
import { findingRows } from '../finding-rows.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { layout } from '../layout.ts'
import { mark, when } from '../marks.ts'
import { card, note } from '../parts.ts'
import { strip, stripTable, stripWords } from '../strip.ts'
import { chartSeconds, trafficChart } from '../traffic.ts'
import { lakeSummary } from './lake.ts'

/** A part of the page that could not be had, with the sentence that says why. */
export type Part<T> = { value: T } | { fault: string }

export interface NowParts {
  status: Part<SiteStatus>
  findings: Part<EventRow[]>
  day: Part<Day>
  actions: Part<ActionView[]>
  assets: Part<AssetView[]>
  lake: Part<LakeView>
}

const DEVICES_MAX = 6
const ACTIONS_MAX = 8

export function nowPage(view: View, parts: NowParts): Html {
  const status = 'value' in parts.status ? parts.status.value : undefined
  const fault = 'fault' in parts.status ? parts.status.fault : ''
  return layout(view, {
    tab: 'now',
    title: 'Now',
    sentence: status
      ? tied(status.sentence)
      : `We do not know what ${view.asker.scope[0] ?? 'this site'} sees right now.`,
    basis: status ? basis(status) : fault,
    keys: [['j k', 'move'], ['Enter', 'open'], ...decisionKeys(view)],
    scripts: html`<link rel="stylesheet" href="${asset('uplot.css')}"><script defer src="${asset('uplot.js')}"></script>`,
    body: html`${status ? impairments(status, view) : noAgent(fault)}
<div class="split now"><div class="stack">
${status ? card('Traffic, and what was lost of it', `last ${chartSeconds(status, view.zone.nowUs) / 60} min · ${portsWords(status)}`, html`<div class="pad">${trafficChart(status, view.zone)}</div>`, { live: 'traffic' }) : NOTHING}
${part(parts.day, 'Last 24 hours', (day) => card('Last 24 hours', 'a bar is the worst of its half hour', html`<div class="pad" data-live="day">${strip(day, view.zone)}<p class="basis">${stripWords(day, view.zone)}</p><details><summary>As a table</summary>${stripTable(day, view.zone)}</details></div>`))}
${part(parts.findings, 'Findings', (rows) => findingsCard(rows, view))}
${part(parts.assets, 'Devices', (assets) => devicesCard(assets, view))}
</div><div class="stack">
${part(parts.actions, 'Actions', (actions) => actionsCard(actions, view))}
${status ? sightCard(status, view) : NOTHING}
${part(parts.lake, 'Lake', (lake) => card('Lake', html`<a class="plain" href="/lake">all of it</a>`, html`<div class="pad" data-live="lake">${lakeSummary(lake, view)}</div>`))}
</div></div>
${'value' in parts.actions ? toast(parts.actions.value, view) : NOTHING}`,
  })
}

function basis(status: SiteStatus): Html {
  return html`${status.basis.map((each, i) => html`${i > 0 ? ' · ' : ''}${each}`)}`
}

function portsWords(status: SiteStatus): string {
  return plural(status.capture.interfaces.length, 'capture port')
}

function part<T>(given: Part<T>, title: string, show: (value: T) => Html): Html {
  if ('value' in given) return show(given.value)
  return card(
    title,
    'not known now',
    note(
      'error',
      given.fault,
      html`<a href="/now">Try again</a>. If it stays, ask on the box: <code>picket doctor</code>.`,
    ),
  )
}

function noAgent(fault: string): Html {
  return html`<section class="card">${note('error', fault, html`Without the agent nothing is captured or detected. It is started again by itself; if it stays away, ask on the box: <code>picket doctor</code>.`)}</section>`
}

/** Blind, stale and cut off: each its own mark, clause and next step; never one for another. */
function impairments(status: SiteStatus, view: View): Html {
  const { blind, stale, cutOff } = status.states
  const rows = [
    blind && {
      shape: mark('blind', 'Blind'),
      state: blind,
      next: 'Is the cable in, and is the switch’s mirror on? Findings below are from before.',
    },
    stale && {
      shape: mark('stale', 'Stale'),
      state: stale,
      next: html`See <a href="/rules">Rules</a>: load newer ones, or a signed bundle from a stick.`,
    },
    cutOff && {
      shape: mark('cutoff', 'Cut off'),
      state: cutOff,
      next: 'Detection goes on. What is not sent yet waits on this box.',
    },
  ].filter((each) => each !== null)
  if (rows.length === 0) return html`<div data-live="sight"></div>`
  return html`<div data-live="sight"><section class="card sight" aria-label="What impairs this site">${rows.map(
    ({ shape, state, next }) =>
      html`<div class="impaired">${shape}<p><b>${sentenceCase(state.because)}.</b> ${state.since ? html`Since ${when(view.zone, state.since)}. ` : NOTHING}${next}</p></div>`,
  )}</section></div>`
}

function findingsCard(rows: readonly EventRow[], view: View): Html {
  const body =
    rows.length > 0
      ? findingRows(rows, view, view.session.tenants.length > 1)
      : note(
          'empty',
          'Nothing was found in the last 24 h.',
          html`The self-test beside shows whether we would have seen it. <a href="/findings?range=all">Look further back</a>.`,
        )
  return card(
    'Findings',
    html`last 24&nbsp;h · newest first · <a class="plain" href="/findings">all</a>`,
    html`<div data-live="findings">${body}</div>`,
  )
}

function devicesCard(assets: readonly AssetView[], view: View): Html {
  const day = view.zone.nowUs - 86_400e6
  const fresh = assets.filter(({ firstSeen }) => firstSeen >= day).length
  const rows = [...assets].sort((a, b) => b.firstSeen - a.firstSeen).slice(0, DEVICES_MAX)
  const body =
    rows.length === 0
      ? note(
          'empty',
          'No device was seen yet.',
          'Devices appear here as soon as they send a frame.',
        )
      : html`<table class="data"><thead><tr><th>Device</th><th>Address</th><th>What we know of it</th><th class="num">First seen</th></tr></thead><tbody>${rows.map(
          (each) =>
            html`<tr class="row"><td class="tight"><a class="plain" href="/flows?q=${encodeURIComponent(each.address)}">${each.names[0] ?? 'no name yet'}</a></td><td class="mono tight">${each.address}</td><td class="wide">${knownOf(each)}</td><td class="num">${when(view.zone, each.firstSeen)}</td></tr>`,
        )}</tbody></table>`
  return card(
    'Devices',
    html`${count(assets.length)} known · ${count(fresh)} new in 24&nbsp;h · <a class="plain" href="/assets">all</a>`,
    body,
    { live: 'devices' },
  )
}

/** Roles, maker, hardware address: what was seen, never a guess. */
export function knownOf(each: AssetView): string {
  const parts = [each.roles.join(', '), each.vendor ?? '', each.mac ?? '']
  return parts.filter((part) => part !== '').join(' · ') || 'seen, nothing more yet'
}

function actionsCard(actions: readonly ActionView[], view: View): Html {
  const open = actions.filter(({ state }) => state === 'proposed' || state === 'active')
  const waiting = open.filter(({ state }) => state === 'proposed').length
  const body =
    open.length > 0
      ? actionList(open.slice(0, ACTIONS_MAX), view, { primary: false })
      : note(
          'empty',
          'No action waits, and nothing is blocked.',
          'A proposal appears here with the finding that asks for it.',
        )
  return card(
    'Actions',
    html`${waiting} proposed, ${open.length - waiting} in force · <a class="plain" href="/actions">all</a>`,
    body,
    { live: 'actions', kind: 'urgent' },
  )
}

function sightCard(status: SiteStatus, view: View): Html {
  const { selfTest, rules, clock } = status
  const tested =
    selfTest.lastAt === undefined
      ? 'No self-test has run yet.'
      : selfTest.ok
        ? html`<b>Found</b>${selfTest.foundAfterMs === undefined ? NOTHING : html` in ${span(selfTest.foundAfterMs)}`}, at ${when(view.zone, selfTest.lastAt)}`
        : html`<b>Not found</b> at ${when(view.zone, selfTest.lastAt)}`
  const rows: [string, Html | string][] = [
    ['Self-test attack', tested],
    [
      'Rules',
      html`${count(rules.loaded)} loaded${rules.refused > 0 ? html`, <a href="/rules#refused">${count(rules.refused)} refused</a>` : NOTHING}, ${span(rules.ageSeconds * 1000)} old`,
    ],
    [
      'Clock',
      clock.offsetMs === undefined
        ? sentenceCase(clock.source)
        : `${clock.offsetMs >= 0 ? '+' : '−'}${span(Math.abs(clock.offsetMs))} of UTC (${clock.source})`,
    ],
    [
      'Blind',
      status.blindSeconds === 0
        ? 'never in this run'
        : `${span(status.blindSeconds * 1000)} in this run`,
    ],
    ['Flows now', count(status.flows.live)],
    ['Running since', when(view.zone, status.startedAt)],
  ]
  return card(
    'How we know',
    html`version ${status.version}`,
    html`<div data-live="sight-facts"><dl class="pairs">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>${
      selfTest.ok === false
        ? note(
            'error',
            selfTest.sentence,
            html`Run it again from <a href="/settings#selftest">Settings</a>.`,
          )
        : NOTHING
    }</div>`,
  )
}
