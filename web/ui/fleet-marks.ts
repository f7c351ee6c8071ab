/** A site's one mark: what cannot be trusted or seen by its shape, else the worst that was found. */
import type { FleetSite, FleetState } from '../base/ports.ts'
import { type Html, html } from './html.ts'
import { mark, WORST_FIRST } from './marks.ts'

const MARKS = {
  equivocating: ['forked', 'Contradicts itself'],
  blind: ['blind', 'Blind'],
  'cut-off': ['cutoff', 'Cut off'],
  stale: ['stale', 'Stale'],
  unheard: ['unheard', 'Not heard yet'],
  quiet: ['quiet', 'Quiet'],
} as const

function shapeOf(state: keyof typeof MARKS): Html {
  const [name, word] = MARKS[state]
  return mark(name, word)
}

/** The state alone: a site with findings has a severity for its mark. */
export function stateWord(state: FleetState): Html {
  return state === 'findings' ? html`Findings` : shapeOf(state)
}

export function siteMark({ state, findings24h }: FleetSite): Html {
  if (state !== 'findings') return shapeOf(state)
  const worst = WORST_FIRST.find((each) => findings24h[each] > 0) ?? 'low'
  return html`<span class="sev ${worst}">${findings24h[worst]} ${worst}</span>`
}
