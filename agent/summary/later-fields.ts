/**
 * What a later release adds to a summary, where this one reads over it: few fields, small and plain, or the whole summary is
 * refused as before. They stay in the signed body that is kept, so a receiver that is updated reads them then.
 */
import * as v from 'valibot'
import { visible } from '../base/text.ts'

export const LATER_FIELDS_MAX = 16
export const LATER_BYTES_MAX = 2048
const ITEMS_MAX = 16

const Name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,31}$/))
const Plain = v.union([
  v.null(),
  v.boolean(),
  v.pipe(v.number(), v.finite()),
  v.pipe(
    v.string(),
    v.maxLength(200),
    v.check((text) => visible(text) === text),
  ),
])
const List = v.pipe(v.array(Plain), v.maxLength(ITEMS_MAX))
const Group = v.pipe(
  v.record(Name, v.union([Plain, List])),
  v.check((group) => Object.keys(group).length <= ITEMS_MAX),
)
const Later = v.record(Name, v.union([Plain, List, Group]))

/** These fields exactly, and some that nobody knows yet, which are left out of what comes of it. */
export function withLater<E extends v.ObjectEntries>(entries: E) {
  const unknown = (said: object) =>
    Object.fromEntries(Object.entries(said).filter(([name]) => !Object.hasOwn(entries, name)))
  return v.pipe(
    v.looseObject(entries),
    v.check((said) => isSmall(unknown(said)), 'holds more that is not known than a later release would'), // biome-ignore format: one line
    v.transform((said) => known(said, entries) as v.InferOutput<v.StrictObjectSchema<E, undefined>>), // biome-ignore format: one line
  )
}

function isSmall(later: object): boolean {
  return (
    Object.keys(later).length <= LATER_FIELDS_MAX &&
    JSON.stringify(later).length <= LATER_BYTES_MAX &&
    v.is(Later, later)
  )
}

function known(said: object, entries: object): object {
  return Object.fromEntries(Object.entries(said).filter(([name]) => Object.hasOwn(entries, name)))
}
