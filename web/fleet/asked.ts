/** What a page of the fleet is asked, from its URL. */
import * as v from 'valibot'
import { Failure } from '../../agent/base/failure.ts'
import { COLUMNS } from './columns.ts'
import { STATES } from './order.ts'

const SORTS = COLUMNS.flatMap(({ name }) => [name, `-${name}`])

const FleetQuery = v.object({
  q: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(128)), ''),
  state: v.optional(v.picklist([...STATES, '']), ''),
  sort: v.optional(v.picklist(SORTS), 'site'),
  page: v.optional(
    v.pipe(v.string(), v.digits(), v.toNumber(), v.minValue(1), v.maxValue(100_000)),
    '1',
  ),
})
export type FleetAsked = v.InferOutput<typeof FleetQuery>

export function parseFleetAsked(query: Readonly<Record<string, string>>): FleetAsked {
  const parsed = v.safeParse(FleetQuery, query)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new Failure(
    'invalid',
    `“${v.getDotPath(issue) ?? 'The query'}” in the address of this page cannot be used: ${issue.message}.`,
  )
}
