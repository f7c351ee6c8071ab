/** flowint, xbits, hostbits, stream_size: what rules remember of flows and hosts. */
import { addressText } from '../../base/address.ts'
import { parseNumberTest, passes } from './condition.ts'
import { type KeywordTable, parts, valued, whole } from './keyword.ts'
import type { StatePlace } from './rule.ts'
import { Refused } from './rule-text.ts'

const EXPIRE_SECONDS = 300
const VERBS = ['set', 'unset', 'toggle', 'isset', 'isnotset'] as const
type Verb = (typeof VERBS)[number]

export const STATE_KEYWORDS: KeywordTable = {
  flowint: valued((draft, value, name) => {
    const [variable = '', how = '', operand] = parts(value)
    draft.needsFlow = true
    if (operand === undefined) {
      if (!['isset', 'isnotset', 'notset'].includes(how))
        throw new Refused(name, `"${value}" is not a name and what to do`)
      const set = how === 'isset'
      draft.stateTests.push(
        (state, { flow }) => (state.number(flow, variable) !== undefined) === set,
      )
      return
    }
    const fixed = /^\d{1,10}$/.test(operand) ? Number(operand) : undefined
    if (how === '+' || how === '-' || how === '=') {
      draft.stateChanges.push((state, { flow }) => {
        const by = fixed ?? state.number(flow, operand) ?? 0
        const before = state.number(flow, variable) ?? 0
        const next = how === '=' ? by : how === '+' ? before + by : Math.max(0, before - by)
        state.setNumber(flow, variable, next)
      })
      return
    }
    const test = parseNumberTest(`${how.replace('==', '=').replace('!=', '!')}${fixed ?? 0}`)
    if (!test) throw new Refused(name, `"${how}" is not a comparison`)
    draft.stateTests.push((state, { flow }) => {
      const now = state.number(flow, variable)
      const bound = fixed ?? state.number(flow, operand)
      if (now === undefined || bound === undefined) return false
      return passes(fixed === undefined ? { ...test, first: bound } : test, now)
    })
  }),
  xbits: valued((draft, value, name) => {
    const [verb = '', bit = '', ...words] = parts(value)
    const said = new Map(words.map((word) => word.split(/\s+/, 2) as [string, string]))
    const track = said.get('track') ?? ''
    if (!['ip_src', 'ip_dst', 'ip_pair'].includes(track))
      throw new Refused(name, `it cannot track ${track}`)
    const seconds = said.has('expire') ? whole(name, said.get('expire') ?? '') : EXPIRE_SECONDS
    addBit(draft, { verb: verbOf(name, verb), bit: `x ${bit}`, track, seconds })
  }),
  hostbits: valued((draft, value, name) => {
    const [verb = '', bit = '', side = 'src'] = parts(value)
    if (side !== 'src' && side !== 'dst') throw new Refused(name, `it cannot track ${side}`)
    const track = side === 'src' ? 'ip_src' : 'ip_dst'
    addBit(draft, { verb: verbOf(name, verb), bit: `h ${bit}`, track, seconds: EXPIRE_SECONDS })
  }),
  stream_size: valued((draft, value, name) => {
    const [side = '', how = '', size = ''] = parts(value)
    const test = parseNumberTest(`${how === '!=' ? '!' : how}${size}`)
    if (!test || !['client', 'server', 'both', 'either'].includes(side))
      throw new Refused(name, `"${value}" is not a side, a comparison and a size`)
    draft.needsFlow = true
    draft.stateTests.push((state, { flow }) => {
      const client = passes(test, state.streamed(flow, true))
      const server = passes(test, state.streamed(flow, false))
      if (side === 'client') return client
      if (side === 'server') return server
      return side === 'both' ? client && server : client || server
    })
  }),
}

function verbOf(name: string, text: string): Verb {
  const verb = VERBS.find((each) => each === text)
  if (!verb) throw new Refused(name, `"${text}" is not a verb it knows`)
  return verb
}

interface Bit {
  verb: Verb
  bit: string
  track: string
  seconds: number
}

function addBit(draft: Parameters<KeywordTable[string]>[0], { verb, bit, track, seconds }: Bit) {
  const keyOf = (place: StatePlace) => {
    const src = addressText(place.src, place.srcAt)
    const dest = addressText(place.dest, place.destAt)
    if (track === 'ip_src') return `${bit} ${src}`
    if (track === 'ip_dst') return `${bit} ${dest}`
    return src < dest ? `${bit} ${src} ${dest}` : `${bit} ${dest} ${src}`
  }
  if (verb === 'isset' || verb === 'isnotset')
    draft.stateTests.push(
      (state, place) => state.bit(keyOf(place), place.timeUs) === (verb === 'isset'),
    )
  else {
    draft.hostBitChanges++
    draft.stateChanges.push((state, place) => {
      const key = keyOf(place)
      const stands = verb === 'unset' || (verb === 'toggle' && state.bit(key, place.timeUs))
      if (stands) state.unsetBit(key)
      else state.setBit(key, place.timeUs + seconds * 1e6)
    })
  }
}
