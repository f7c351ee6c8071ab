/** Whether what a flow speaks is what a rule is about. */
import type { AppProto } from '../../decode/records.ts'
import type { Signature } from './rule.ts'

export function isSpoken(signature: Signature, known: AppProto): boolean {
  const { appProto, notProtos } = signature
  if (!speaksOther(signature, known)) return false
  return appProto === undefined ? notProtos.length > 0 : known === appProto
}

/** Whether it is known that the flow speaks none of the protocols the rule is not about. */
export function speaksOther({ notProtos }: Signature, known: AppProto): boolean {
  return notProtos.length === 0 || (known !== 'unknown' && !notProtos.includes(known))
}

/** It may yet turn out to be one of those. */
export function mayBeOther({ notProtos }: Signature, known: AppProto): boolean {
  return notProtos.length > 0 && known === 'unknown'
}
