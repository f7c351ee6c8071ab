/** Whose bytes, in which state of the flow, and how often before it is said. */

import type { Draft } from './draft.ts'
import { type KeywordTable, parts, valued, whole } from './keyword.ts'
import type { FlowBitVerb, ThresholdRule } from './rule.ts'
import { Refused } from './rule-text.ts'

export const FLOW_KEYWORDS: KeywordTable = {
  flow: valued((draft, value, name) => {
    draft.needsFlow = true
    draft.flowWords = true
    for (const part of parts(value.toLowerCase())) flowWord(draft, part, name)
  }),
  flowbits: valued((draft, value, name) => {
    const [verb = '', list, more] = parts(value)
    if (verb === 'noalert' && list === undefined) {
      draft.noalert = true
      return
    }
    if (!isVerb(verb) || list === undefined || more !== undefined)
      throw new Refused(name, `"${value}" is not a verb and a name`)
    const names = list.split('|').map((each) => each.trim())
    if (names.some((each) => !/^[^\s]{1,128}$/.test(each)))
      throw new Refused(name, 'a name is missing or has spaces')
    if (names.length > 1 && verb !== 'isset' && verb !== 'isnotset')
      throw new Refused(name, `${verb} takes one name`)
    draft.needsFlow = true
    draft.bits.push({ verb, names })
  }),
  threshold: valued((draft, value, name) => setThreshold(draft, value, name)),
  detection_filter: valued((draft, value, name) => setThreshold(draft, value, name)),
}

function flowWord(draft: Draft, word: string, name: string): void {
  switch (word) {
    case 'to_server':
    case 'from_client':
      setSide(draft, 1, name)
      return
    case 'to_client':
    case 'from_server':
      setSide(draft, 2, name)
      return
    case 'established':
      draft.established = 1
      return
    case 'not_established':
      draft.established = 2
      return
    case 'stateless':
      draft.needsFlow = false
      return
    case 'only_stream':
      draft.streamOnly = true
      return
    case 'no_stream':
      draft.packetOnly = true
      return
    default:
      throw new Refused(name, `"${word}" is not a word it knows`)
  }
}

function setSide(draft: Draft, side: 1 | 2, name: string): void {
  if (draft.side !== 0 && draft.side !== side) throw new Refused(name, 'it names both directions')
  draft.side = side
}

function isVerb(word: string): word is FlowBitVerb {
  return ['set', 'unset', 'toggle', 'isset', 'isnotset'].includes(word)
}

const TRACKS = ['by_src', 'by_dst', 'by_rule', 'by_both', 'by_flow'] as const

function setThreshold(draft: Draft, value: string, name: string): void {
  if (draft.threshold) throw new Refused(name, 'a rule has one threshold or detection_filter')
  const found = new Map(
    parts(value).map((part): [string, string] => {
      const [key = '', text = ''] = part.split(/\s+/, 2)
      return [key, text]
    }),
  )
  const track = TRACKS.find((each) => each === found.get('track'))
  const count = whole(name, found.get('count') ?? '')
  const backoff = found.get('type') === 'backoff'
  const seconds = backoff ? Number.POSITIVE_INFINITY : whole(name, found.get('seconds') ?? '')
  const kind = name === 'detection_filter' ? 'detection_filter' : kindOf(found.get('type'))
  if (track === undefined || kind === undefined || count === 0)
    throw new Refused(name, `"${value}" is not type, track, count and seconds it knows`)
  if (!backoff) {
    draft.threshold = { kind, track, count, seconds }
    return
  }
  const multiplier = whole(name, found.get('multiplier') ?? '')
  if (multiplier < 2) throw new Refused(name, 'a multiplier is 2 or more')
  draft.threshold = { kind, track, count, seconds, multiplier }
}

function kindOf(word: string | undefined): ThresholdRule['kind'] | undefined {
  const known = ['limit', 'threshold', 'both', 'backoff'] as const
  return known.find((each) => each === word)
}
