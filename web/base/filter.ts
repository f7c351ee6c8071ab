/** What a list is asked, from the query of its URL: shareable, and the same after a reload. */
import * as v from 'valibot'
import { addressText, parseAddress } from '../../agent/base/address.ts'
import { usFromIso } from '../../agent/base/clock.ts'
import { SEVERITIES } from '../../agent/base/event.ts'
import { Failure } from '../../agent/base/failure.ts'
import type { ListFilter } from './ports.ts'

const TEXT_CHARS_MAX = 128
const LIMIT_MAX = 500
const HOUR_US = 3600e6

export const RANGES = {
  '1h': { words: 'last hour', us: HOUR_US },
  '24h': { words: 'last 24\u00a0h', us: 24 * HOUR_US },
  '7d': { words: 'last 7\u00a0days', us: 168 * HOUR_US },
  '30d': { words: 'last 30\u00a0days', us: 720 * HOUR_US },
  all: { words: 'all time', us: undefined },
} as const
export type Range = keyof typeof RANGES

const Text = v.pipe(v.string(), v.trim(), v.maxLength(TEXT_CHARS_MAX))
const ListQuery = v.object({
  q: v.optional(Text, ''),
  range: v.optional(v.picklist(Object.keys(RANGES) as Range[])),
  from: v.optional(v.pipe(v.string(), v.maxLength(40)), ''),
  to: v.optional(v.pipe(v.string(), v.maxLength(40)), ''),
  severity: v.optional(v.picklist([...SEVERITIES, ''] as const), ''),
  state: v.optional(v.pipe(v.string(), v.maxLength(16), v.regex(/^[a-z]*$/)), ''),
  limit: v.optional(
    v.pipe(v.string(), v.digits(), v.toNumber(), v.minValue(1), v.maxValue(LIMIT_MAX)),
  ),
  after: v.optional(v.pipe(v.string(), v.maxLength(200))),
})
type ListQuery = v.InferOutput<typeof ListQuery>

/** What was asked, as given (to show it again) and as a filter (to ask it). */
export interface Asked {
  q: string
  range: Range
  /** ISO text of the form's own fields, where they were used. */
  from: string
  to: string
  severity: ListQuery['severity']
  state: string
  filter: ListFilter
  /** The signed cursor, still to be opened. */
  after: string | undefined
}

/** Throws `invalid` with the field's name: an unknown value is told, never guessed at. */
export function parseAsked(
  query: Readonly<Record<string, string>>,
  nowUs: number,
  usual: { range: Range; limit: number },
): Asked {
  const parsed = v.safeParse(ListQuery, query)
  if (!parsed.success) {
    const [issue] = parsed.issues
    const field = v.getDotPath(issue) ?? 'The query'
    throw new Failure(
      'invalid',
      `“${field}” in the address of this page cannot be used: ${issue.message}.`,
    )
  }
  const { q, severity, state, after } = parsed.output
  const range = parsed.output.range ?? usual.range
  const from = parseTime(parsed.output.from, 'from')
  const to = parseTime(parsed.output.to, 'to')
  if (from !== undefined && to !== undefined && from > to)
    throw new Failure('invalid', '“from” is later than “to”: exchange the two times.')
  const width = from === undefined && to === undefined ? RANGES[range].us : undefined
  const since = from ?? (width === undefined ? undefined : nowUs - width)
  return {
    q,
    range,
    from: parsed.output.from,
    to: parsed.output.to,
    severity,
    state,
    after,
    filter: {
      ...search(q),
      ...(since === undefined ? {} : { from: since }),
      ...(to === undefined ? {} : { to }),
      limit: parsed.output.limit ?? usual.limit,
    },
  }
}

/** One search box: an address is an address, anything else is words. */
function search(q: string): Pick<ListFilter, 'address' | 'words'> {
  if (q === '') return {}
  const address = parseAddress(q)
  return address ? { address: addressText(address) } : { words: q }
}

/** A time without a zone is UTC, as the field's label says. */
function parseTime(text: string, field: string): number | undefined {
  if (text === '') return undefined
  const full = /^\d{4}-\d\d-\d\d$/.test(text)
    ? `${text}T00:00:00`
    : text.replace(/(T\d\d:\d\d)(?=$|Z|[+-])/, '$1:00')
  const us = usFromIso(full)
  if (Number.isFinite(us)) return us
  throw new Failure('invalid', `“${field}” must be a time such as 2026-11-23T11:42, in UTC.`)
}

/** The times that were asked, in words: `last 24 h`. */
export function rangeWords(asked: Asked): string {
  const { from, to } = asked
  if (from && to) return `${from} to ${to} UTC`
  if (from) return `since ${from} UTC`
  if (to) return `until ${to} UTC`
  return RANGES[asked.range].words
}

/** The same list by another query: `undefined` takes a field out. */
export function withQuery(
  here: string,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const url = new URL(here, 'http://picket')
  for (const [name, value] of Object.entries(changes))
    if (value === undefined || value === '') url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  return `${url.pathname}${url.search}`
}
