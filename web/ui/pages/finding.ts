/** One finding: what happened, why it fired, what can be done about it, and the evidence. */
import { usFromIso } from '../../../agent/base/clock.ts'
import type { EventRow } from '../../../agent/base/event.ts'
import type { RuleView } from '../../../agent/control/agent-client.ts'
import type { ActionView, OverrideView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { count, plural, span } from '../../base/words.ts'
import { actionList, decisionKeys, toast, verbsFor } from '../action-row.ts'
import { payloadOf, recordText } from '../evidence.ts'
import { findingTitle } from '../finding-rows.ts'
import { flowRows } from '../flow-rows.ts'
import { type Html, html, lines, NOTHING, type Piece } from '../html.ts'
import { csrf, layout } from '../layout.ts'
import { severityMark, when } from '../marks.ts'
import { card, note } from '../parts.ts'
import { ruleText } from '../rule-text.ts'
import { matrixOf, techniqueName } from '../technique.ts'
import { ends, foldedWords, record, timeline } from '../tell.ts'
import { tuneCard } from '../tuning.ts'

const LINES_MAX = 24
const FLOWS_MAX = 8

export interface FindingParts {
  finding: EventRow
  around: EventRow[]
  /** Why the events around it are missing, if they are. */
  aroundFault?: string
  actions: ActionView[]
  rule?: RuleView
  tuned: OverrideView[]
}

export function findingPage(view: View, parts: FindingParts): Html {
  const { finding } = parts
  const flows = nearestFlows(parts)
  return layout(view, {
    tab: 'findings',
    title: 'Finding',
    above: html`${severityMark(finding.severity)} · ${finding.tenant_id} · <a class="plain" href="/findings">Findings</a> · seen ${when(view.zone, finding.event_time, 'exact')}`,
    sentence: findingTitle(finding),
    basis: html`${ends(finding)}${finding.rule_id ? ` · ${finding.rule_id}` : ''}${finding.host ? ` · host ${finding.host}` : ''}`,
    keys: [['j k', 'move'], ...decisionKeys(view)],
    body: html`<div class="split now"><div class="stack">
${happened(view, parts)}
${whyCard(view, parts)}
${evidenceCard(finding)}
${flows.length > 0 ? card('Related flows', `${flows.length} nearest in time`, flowRows(flows, view)) : NOTHING}
</div><div class="stack">
${containment(view, parts)}
${attackCard(finding)}
${tuneCard(view, finding, parts.tuned)}
${aboutCard(finding, view)}
${packetsCard(finding, view)}
</div></div>
${toast(parts.actions, view)}`,
  })
}

/** Those that ended nearest to the finding, newest first as everywhere. */
function nearestFlows({ around, finding }: FindingParts): EventRow[] {
  const distance = (row: EventRow) => Math.abs(row.event_time - finding.event_time)
  return around
    .filter(({ kind }) => kind === 'flow')
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, FLOWS_MAX)
    .sort((a, b) => b.event_time - a.event_time)
}

function happened(view: View, parts: FindingParts): Html {
  const told = timeline(
    parts.around.some(({ event_id }) => event_id === parts.finding.event_id)
      ? parts.around
      : [...parts.around, parts.finding].sort((a, b) => a.event_time - b.event_time),
    parts.finding,
    LINES_MAX,
  )
  const items = told.map(
    (line) =>
      html`<li${line.turn ? html` class="turn"` : NOTHING}>${when(view.zone, line.at, 'clock')}<i></i><p>${line.turn ? html`<b>This finding: ${line.text}</b>` : line.row.kind === 'finding' ? html`${severityMark(line.row.severity)} <a class="plain" href="/findings/${line.row.event_id}">${line.text}</a>` : line.text}${line.count > 1 ? html` <small class="nowrap">${foldedWords(line)}</small>` : NOTHING}</p></li>`,
  )
  return card(
    'What happened',
    'ten minutes before and after, between these two',
    html`<ol class="timeline">${items}</ol>${parts.aroundFault ? note('error', parts.aroundFault, 'Only the finding itself is shown. Reload the page to ask again.') : NOTHING}`,
    { live: 'timeline', kind: 'lead' },
  )
}

function containment(view: View, { actions, finding }: FindingParts): Html {
  const waiting = actions.filter(({ state }) => state === 'proposed').length
  const active = actions.filter(({ state }) => state === 'active').length
  const may = view.session.atoms.includes('decide')
  const body =
    actions.length === 0
      ? note(
          'empty',
          'Nothing is proposed for this finding.',
          finding.src_ip
            ? html`Look at <a href="/flows?q=${encodeURIComponent(finding.src_ip)}">what ${finding.src_ip} did</a>.`
            : NOTHING,
        )
      : html`${actionList(actions, view, { primary: actions[0] !== undefined && verbsFor(actions[0], view).includes('approve'), why: false })}${
          may
            ? NOTHING
            : note(
                'denied',
                'You may look, not decide.',
                'An operator or administrator of this box can approve it.',
              )
        }<p class="pad basis">It ends by itself and can be undone at any time. The gateway, the resolver and your never-block list are never blocked.</p>`
  return card('Proposed containment', `${waiting} proposed, ${active} in force`, body, {
    kind: 'urgent',
    live: 'actions',
  })
}

function whyCard(view: View, { finding, rule }: FindingParts): Html {
  const id = finding.rule_id ?? 'no rule'
  if (!rule)
    return card(
      'Why it fired',
      id,
      id.startsWith('base:')
        ? html`<div class="pad prose"><p>A baseline of this site, not a signature: what was usual here was left.</p></div>${countedRows(finding, view)}`
        : html`<div class="pad prose"><p>The rule that found it is not loaded now.</p></div>`,
    )
  return card(
    'Why it fired',
    html`<a class="plain" href="/rules?q=${encodeURIComponent(rule.rule_id)}"><span class="mono">${rule.rule_id}</span> revision ${rule.rev}</a> · ${rule.file}`,
    html`<div class="pad"><p>${rule.msg}</p>${ruleText(rule.text)}<p class="basis">It has fired ${plural(rule.hits, 'time')} since this run began.</p></div>`,
  )
}

/** What a baseline counted, from when to when, and whether the source can have been forged. */
function countedRows(finding: EventRow, view: View): Html {
  const counted = record(finding).baseline
  if (typeof counted !== 'object' || counted === null) return NOTHING
  const { count: times, first, last, evidence } = counted as Record<string, unknown>
  const [from, to] = [first, last].map((each) => usFromIso(typeof each === 'string' ? each : ''))
  const rows: [string, Piece][] = []
  if (typeof times === 'number') rows.push(['Counted', count(times)])
  if (from !== undefined && to !== undefined && to >= from)
    // both are times: NaN compares as false
    rows.push([
      'Between',
      html`${when(view.zone, from, 'exact')} and ${when(view.zone, to, 'exact')}, ${span((to - from) / 1000)}`,
    ])
  if (evidence === 'proven') rows.push(['Source', 'answered a handshake, so it is not forged'])
  if (evidence === 'spoofable')
    rows.push(['Source', 'could be forged, so nothing acts on it alone'])
  return html`<dl class="pairs over">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function attackCard(finding: EventRow): Html {
  const ids = finding.attack_ids ?? []
  if (ids.length === 0) return NOTHING
  return card(
    'ATT&CK',
    [...new Set(ids.map(matrixOf))].join(', '),
    html`<ul class="techniques">${ids.map((id) => html`<li><b class="mono">${id}</b> ${techniqueName(id) ?? 'a technique this box has no name for'}</li>`)}</ul>`,
  )
}

function aboutCard(finding: EventRow, view: View): Html {
  const address = (value: string | undefined, port?: number) =>
    value
      ? html`<a class="mono" href="/flows?q=${encodeURIComponent(value)}">${value}</a>${port ? html` <small>port ${port}</small>` : NOTHING}`
      : undefined
  const rows: [string, Html | string | undefined][] = [
    ['From', address(finding.src_ip, finding.src_port)],
    ['To', address(finding.dest_ip, finding.dest_port)],
    [
      'Protocol',
      [finding.proto?.toLowerCase(), finding.app_proto].filter((each) => each).join(', ') ||
        undefined,
    ],
    ['Seen', when(view.zone, finding.event_time, 'exact')],
    ['Written', when(view.zone, finding.ingest_time, 'exact')],
    [
      'Community id',
      finding.community_id ? html`<span class="mono">${finding.community_id}</span>` : undefined,
    ],
    ['Event', html`<span class="mono">${finding.event_id}</span>`],
  ]
  return card(
    'Who and when',
    finding.tenant_id,
    html`<dl class="pairs">${rows.map(([name, value]) => (value ? html`<div><dt>${name}</dt><dd>${value}</dd></div>` : NOTHING))}</dl>`,
  )
}

function packetsCard({ event_id }: EventRow, view: View): Html {
  const body = view.session.atoms.includes('export')
    ? html`<form class="pad" method="post" action="/findings/${event_id}/packets">${csrf(view)}<p>Of its flow, from a minute before to a minute after, as far as the packet ring still holds them; a file that Wireshark and tcpdump read.</p><p><button class="button">Download the frames</button></p><p class="basis">The audit trail says who took them. The file is not encrypted.</p></form>`
    : note('denied', 'You may see the finding, not take its frames.', 'An operator or administrator of this box can.') // biome-ignore format: one line
  return card('Packets', 'raw, as captured', body)
}

function evidenceCard(finding: EventRow): Html {
  const payload = payloadOf(finding)
  return card(
    'Evidence',
    'as recorded, EVE field names',
    html`${payload ? html`<pre class="bytes dump" tabindex="0" aria-label="First bytes of the payload">${lines(payload)}</pre>` : NOTHING}<pre class="bytes" tabindex="0" aria-label="The record as JSON">${lines(recordText(finding))}</pre>`,
  )
}
