/** Whether a plan waits for a person or may act at once. Evaluated in the guard, by its own configuration. */
import type { Plan } from './action.ts'

export type Policy = 'propose' | 'automatic'

export interface Verdict {
  act: 'propose' | 'automatic' | 'none'
  because: string
}

/**
 * D34: only what a sender cannot have forged may act without a person, and only where somebody chose so.
 * `enforces` is the placement's word: nothing is proposed that could not be carried out.
 */
export function decide(
  plan: Pick<Plan, 'evidence' | 'severity'>,
  policy: Policy,
  placement: { enforces: boolean; sentence: string },
): Verdict {
  if (!placement.enforces) return { act: 'none', because: placement.sentence }
  if (policy !== 'automatic')
    return { act: 'propose', because: 'The policy of this site leaves every block to a person.' }
  if (plan.evidence !== 'proven')
    return {
      act: 'propose',
      because: 'Its source address can be forged, so a person decides.',
    }
  if (plan.severity !== 'high' && plan.severity !== 'critical')
    return { act: 'propose', because: 'Only severity high and critical may act alone.' }
  return {
    act: 'automatic',
    because: `The policy lets proven findings of severity ${plan.severity} act alone.`,
  }
}
