/** How a keyword is declared. */
import type { Draft } from './draft.ts'
import { Refused } from './rule-text.ts'

/** Reads one option into the draft; throws Refused where it cannot be honoured. */
export type Keyword = (draft: Draft, value: string, name: string) => void
export type OptionalKeyword = (draft: Draft, value: string | undefined, name: string) => void

export type KeywordTable = Readonly<Record<string, OptionalKeyword>>

/** A keyword that must have a value. */
export function valued(read: Keyword): OptionalKeyword {
  return (draft, value, name) => {
    if (value === undefined || value === '') throw new Refused(name, 'a value is due')
    read(draft, value, name)
  }
}

/** A keyword that must have none. */
export function bare(read: (draft: Draft, name: string) => void): OptionalKeyword {
  return (draft, value, name) => {
    if (value !== undefined && value !== '') throw new Refused(name, 'it takes no value')
    read(draft, name)
  }
}

/** A non-negative whole number up to `max`. */
export function whole(name: string, text: string, max = 0xffff_ffff): number {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value) || value > max)
    throw new Refused(name, `"${text}" is not a whole number up to ${max}`)
  return value
}

/** Parts between commas, trimmed. */
export function parts(value: string): string[] {
  return value.split(',').map((part) => part.trim())
}
