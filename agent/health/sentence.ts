/**
 * The sentence of a site: what a person would say aloud, each clause from a stored fact. A state of
 * impaired sight is said before anything that was found, and never hides it.
 */
import { SEVERITIES, type Severity } from '../base/event.ts'
import type { Impairment, SiteState } from './status.ts'

export interface SentenceFacts {
  site: string
  blind: Impairment | null
  stale: Impairment | null
  cutOff: Impairment | null
  /** What is wrong with keeping what is seen, as a clause. */
  recording?: string | undefined
  /** What is not heard or looked at by choice, as a clause. */
  unheard?: string | undefined
  /** Frames of this run. */
  frames: number
  dropped: number
  openFindings: Readonly<Record<Severity, number>>
  /** The worst and newest finding's own sentence. */
  headline?: string | undefined
  waitingActions: number
  activeActions: number
}

/** Blind outranks stale outranks cut off: what we cannot see matters more than how old our rules are. */
export function siteState(facts: SentenceFacts): SiteState {
  if (facts.blind) return 'blind'
  if (facts.stale) return 'stale'
  if (noticed(facts) > 0) return 'findings'
  if (facts.cutOff) return 'cut-off'
  return 'quiet'
}

export function siteSentence(facts: SentenceFacts): string {
  const clauses = [
    facts.blind && `blind: ${facts.blind.because}`,
    facts.stale && `stale: ${facts.stale.because}`,
    facts.recording,
    foundClause(facts),
    facts.unheard,
    actionsClause(facts),
    seenClause(facts),
    facts.cutOff && `cut off: ${facts.cutOff.because}`,
  ].filter((clause) => clause)
  return `${facts.site}: ${clauses.join('; ')}.`
}

/** Low findings are worth a row, not a sentence. */
function noticed({ openFindings }: SentenceFacts): number {
  return openFindings.medium + openFindings.high + openFindings.critical
}

function foundClause(facts: SentenceFacts): string | false {
  const count = noticed(facts)
  if (count === 0) return facts.blind ? false : 'nothing found'
  const worst = [...SEVERITIES].reverse().find((severity) => facts.openFindings[severity] > 0)
  const rest = count === 1 ? '1 finding' : `${count} findings`
  const headline = firstSentence(facts.headline ?? '')
  return headline
    ? `${headline}; ${rest} in 24 h, worst ${worst}`
    : `${rest} in 24 h, worst ${worst}`
}

/** Without its full stop; the rest stands on the finding's own page. */
export function firstSentence(title: string): string {
  return title.split(/\.(?= |$)/, 1)[0] ?? ''
}

function actionsClause({ waitingActions, activeActions }: SentenceFacts): string | false {
  const parts = [
    waitingActions > 0 &&
      `${plural(waitingActions, 'action')} ${waitingActions === 1 ? 'waits' : 'wait'} for you`,
    activeActions > 0 && `${plural(activeActions, 'block')} in force`,
  ].filter((part) => part)
  return parts.length > 0 && parts.join(', ')
}

function seenClause({ frames, dropped, blind }: SentenceFacts): string | false {
  if (blind) return false
  if (dropped === 0) return 'all traffic seen'
  return `${plural(dropped, 'frame')} of ${grouped(frames)} lost`
}

const NUMBERS = new Intl.NumberFormat('en')

/** `1,790,000`. Made once: toLocaleString makes its formatter anew each time, which a fleet of thousands feels. */
export function grouped(count: number): string {
  return NUMBERS.format(count)
}

export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `95 s`, `12 min`, `5 h`, `3 d`: one unit, rounded down. */
export function span(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
