/** Severity and state: a shape, its word, then a colour; each time with all three. */
import type { Severity } from '../../agent/base/event.ts'
import type { SiteStatus } from '../base/ports.ts'
import { plural, sentenceCase } from '../base/words.ts'
import type { Zone } from '../base/zone.ts'
import { type Html, html, NOTHING } from './html.ts'

export const WORST_FIRST = ['critical', 'high', 'medium', 'low'] as const satisfies Severity[]

export function severityMark(severity: Severity | undefined): Html {
  if (!severity) return html`<span class="sev">unrated</span>`
  return html`<span class="sev ${severity}">${sentenceCase(severity)}</span>`
}

/** One mark for the bar: what is impaired before what was found, as the sentence says it. */
export function stateMark(status: SiteStatus): Html {
  switch (status.state) {
    case 'blind':
      return mark('blind', 'Blind')
    case 'stale':
      return mark('stale', 'Stale')
    case 'cut-off':
      return mark('cutoff', 'Cut off')
    case 'findings': {
      const worst = WORST_FIRST.find((each) => status.openFindings[each] > 0)
      return worst
        ? html`<span class="sev ${worst}">${status.openFindings[worst]} ${worst} in 24 h</span>`
        : NOTHING
    }
    case 'quiet':
      return mark('quiet', 'Quiet')
  }
}

type Mark = 'quiet' | 'blind' | 'stale' | 'cutoff' | 'forked' | 'unheard'

export function mark(name: Mark, word: string): Html {
  return html`<span class="state ${name}">${word}</span>`
}

/** A moment: short words in the reader's zone, UTC on hover, ISO for machines. */
export function when(zone: Zone, us: number, how: 'short' | 'exact' | 'clock' = 'short'): Html {
  return html`<time datetime="${new Date(us / 1000).toISOString()}" title="${zone.utc(us)}">${zone[how](us)}</time>`
}

/** `2 critical, 1 high`, worst first; only what there is. */
export function countsText(counts: Partial<Record<Severity, number>>): string {
  return WORST_FIRST.filter((each) => (counts[each] ?? 0) > 0)
    .map((each) => plural(counts[each] ?? 0, each, each))
    .join(', ')
}
