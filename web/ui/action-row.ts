/** One containment action: what, on what, for how long, what it rests on, when the offer lapses. */
import type { ActionView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { plural, span } from '../base/words.ts'
import { withoutEnds } from './finding-rows.ts'
import { type Html, html, NOTHING, type Piece } from './html.ts'
import { csrf } from './layout.ts'
import { when } from './marks.ts'

export type Verb = 'approve' | 'reject' | 'undo'

/** `Block 10.40.7.23 from 10.40.2.11, tcp/502, for 4 h`. */
export function actionWords(action: ActionView): Piece {
  const service = action.port
    ? `${action.proto ?? 'tcp'}/${action.port}`
    : action.proto
      ? `all ${action.proto}`
      : ''
  const rest = [action.dest ? ` from ${action.dest}` : '', service ? `, ${service}` : '']
  return html`<b>${HEADS[action.state]} ${action.target}</b>${rest.join('')} for ${span(action.durationMs)}`
}

/** Never shown as blocked when it is not, nor as if it had been. */
const HEADS: Readonly<Record<ActionView['state'], string>> = {
  proposed: 'Block',
  active: 'Blocked',
  expired: 'Was blocked:',
  undone: 'Was blocked:',
  rejected: 'Not blocked:',
  refused: 'Not blocked:',
  lapsed: 'Not blocked:',
}

/** What it rests on, and what happened to it, in one small line. */
export function actionFacts(action: ActionView, view: View, options: ListOptions): Html {
  const parts: Piece[] = options.why === false ? [] : [why(action)]
  if (action.state === 'proposed') {
    parts.push(
      html`lapses ${when(view.zone, action.lapsesAt)}, in ${span((action.lapsesAt - view.zone.nowUs) / 1000)}`,
    )
    if (action.evidence === 'spoofable') parts.push('its source could be forged')
  }
  if (action.state === 'active') parts.push(...inForce(action, view))
  if (action.decidedBy && action.decidedAt)
    parts.push(
      html`${decided(action)} by ${byWhom(action, view)} ${when(view.zone, action.decidedAt)}`,
    )
  const said = action.state === 'undone' || action.state === 'rejected'
  if (action.endedAt && action.state !== 'active' && !(said && action.decidedBy))
    parts.push(html`${action.state} ${when(view.zone, action.endedAt)}`)
  if (action.because && worthSaying(action, options.told)) parts.push(action.because)
  return html`${parts.map((part, i) => html`${i > 0 ? ' · ' : ''}${part}`)}`
}

/** The policy's reason is of interest once, and not any more after a person decided; a refusal's always. */
function worthSaying({ state, because = '', decidedBy }: ActionView, told?: Set<string>): boolean {
  if (state === 'refused') return true
  if (decidedBy !== undefined && decidedBy !== 'policy') return false
  const fresh = !told?.has(because)
  told?.add(because)
  return fresh
}

function why(action: ActionView): Html {
  return html`<a class="why" href="/findings/${action.finding_id}">${firstSentence(withoutEnds(action.reason))}</a>`
}

/** The rest is on the finding's page. */
function firstSentence(text: string): string {
  return text.split(/\.(?= |$)/, 1)[0] ?? text
}

function inForce(action: ActionView, view: View): Piece[] {
  const parts: Piece[] = ['in force']
  if (action.endsAt)
    parts.push(
      html`ends ${when(view.zone, action.endsAt)}, in ${span((action.endsAt - view.zone.nowUs) / 1000)}`,
    )
  parts.push(
    action.packets ? `${plural(action.packets, 'packet')} stopped` : 'no packet stopped yet',
  )
  if (action.decideToDropMs !== undefined)
    parts.push(`in the kernel ${span(action.decideToDropMs)} after the decision`)
  return parts
}

function decided(action: ActionView): string {
  return action.state === 'rejected'
    ? 'rejected'
    : action.state === 'undone'
      ? 'undone'
      : 'approved'
}

function byWhom(action: ActionView, view: View): string {
  if (action.decidedBy === view.session.name) return 'you'
  return action.decidedBy === 'policy' ? 'your policy' : (action.decidedBy ?? '')
}

/** What a person may do with it now, if this one may decide at all. */
export function verbsFor(action: ActionView, view: View): Verb[] {
  if (!view.session.atoms.includes('decide')) return []
  if (action.state === 'proposed') return ['reject', 'approve']
  return action.state === 'active' ? ['undo'] : []
}

/** The keys of the footer that decide: for those who may. */
export function decisionKeys(view: View): (readonly [string, string])[] {
  if (!view.session.atoms.includes('decide')) return []
  return [
    ['a', 'approve'],
    ['u', 'undo'],
  ]
}

const WORDS: Readonly<Record<Verb, string>> = { approve: 'Approve', reject: 'Reject', undo: 'Undo' }

export function verbButton(verb: Verb, action: ActionView, kind = ''): Html {
  const style = verb === 'reject' ? 'quietly' : kind
  return html`<button class="button ${style}" formaction="/actions/${verb}" name="only" value="${pick(action)}" data-verb="${verb}" aria-label="${WORDS[verb]}: block ${action.target}${action.dest ? ` from ${action.dest}` : ''}">${WORDS[verb]}</button>`
}

/** The id of the action and the hash of its plan: what the person saw is what is decided. */
export function pick(action: ActionView): string {
  return `${action.action_id}.${action.hash}`
}

export interface ListOptions {
  ticks?: boolean
  /** One filled button a page: the newest proposal beside its evidence. */
  primary?: boolean
  why?: boolean
  /** Reasons that a row of this list has given already. */
  told?: Set<string>
}

/** Rows in one plain form: it works without script, and ticks let one press decide many. */
export function actionList(
  actions: readonly ActionView[],
  view: View,
  options: ListOptions = {},
): Html {
  const told = new Set<string>()
  const ticks = options.ticks && actions.some((each) => verbsFor(each, view).length > 0)
  return html`<form class="actions${ticks ? ' ticked' : ''}" method="post" action="/actions/approve">${csrf(view)}<input type="hidden" name="back" value="${view.here}">${actions.map((action, at) => actionRow(action, view, { ...options, told, ticks: ticks === true, primary: options.primary === true && at === 0 }))}${ticks ? tickedBar(actions, view) : NOTHING}</form>`
}

function actionRow(action: ActionView, view: View, options: ListOptions): Html {
  const verbs = verbsFor(action, view)
  const words = html`<p>${actionWords(action)}</p>`
  const tick =
    options.ticks && verbs.length > 0
      ? html`<input type="checkbox" name="pick" value="${pick(action)}" aria-label="Tick: block ${action.target}">`
      : options.ticks
        ? html`<span></span>`
        : NOTHING
  return html`<div class="action row ${action.state}" data-id="${action.action_id}">${tick}${words}<small>${actionFacts(action, view, options)}</small>${
    verbs.length > 0
      ? html`<div class="do">${verbs.map((verb) => verbButton(verb, action, options.primary && verb === 'approve' ? 'primary' : ''))}</div>`
      : NOTHING
  }</div>`
}

function tickedBar(actions: readonly ActionView[], view: View): Html {
  const possible = new Set(actions.flatMap((each) => verbsFor(each, view)))
  const button = (verb: Verb) =>
    possible.has(verb)
      ? html`<button class="button ${verb === 'reject' ? 'quietly' : ''}" formaction="/actions/${verb}">${WORDS[verb]} ticked</button>`
      : NOTHING
  return html`<div class="bulk"><small>Tick with <kbd>x</kbd>, then:</small>${button('approve')}${button('reject')}${button('undo')}</div>`
}

/** What just happened, from the action's present state, with the way back. */
export function toast(actions: readonly ActionView[], view: View): Html {
  const said = actions.filter((each) => view.said.includes(each.action_id))
  if (said.length === 0) return NOTHING
  const undoable = said.filter((each) => verbsFor(each, view).includes('undo'))
  return html`<div class="toast" id="toast" role="status"><form method="post" action="/actions/undo">${csrf(view)}<input type="hidden" name="back" value="${view.here}">${undoable.map((each) => html`<input type="hidden" name="pick" value="${pick(each)}">`)}<span>${saidWords(said, view)}</span>${undoable.length > 0 ? html`<button class="button">Undo</button>` : NOTHING}</form></div>`
}

function saidWords(said: readonly ActionView[], view: View): Html {
  const [one] = said
  if (!one) return NOTHING
  if (said.length > 1) return html`${plural(said.length, 'action')} decided.`
  switch (one.state) {
    case 'active':
      return html`Blocked ${one.target}${one.endsAt ? html` until ${when(view.zone, one.endsAt)}` : NOTHING}.`
    case 'undone':
      return html`Undone: ${one.target} passes again.`
    case 'rejected':
      return html`Rejected: ${one.target} is not blocked.`
    case 'refused':
      return html`Not blocked. ${one.because ?? 'The guard refused it.'}`
    case 'proposed':
      return html`${one.target} still waits for a decision.`
    case 'lapsed':
    case 'expired':
      return html`${one.target}: the offer ended.`
  }
}
