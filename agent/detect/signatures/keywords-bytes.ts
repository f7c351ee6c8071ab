/** byte_test, byte_jump, byte_extract and pcre. */
import { PCRE_BUFFERS } from './buffers.ts'
import { type ByteRead, type ByteTest, type Capture, type Condition, follow } from './condition.ts'
import type { Draft } from './draft.ts'
import { type KeywordTable, parts, valued, whole } from './keyword.ts'
import { CAPTURES_MAX, FLAG_BITS, Regex } from './regex.ts'
import { quoted, Refused } from './rule-text.ts'

const BINARY_BYTES_MAX = 8
const DIGITS_MAX = 23

export const BYTE_KEYWORDS: KeywordTable = {
  byte_test: valued((draft, value, name) => {
    const [count = '', how = '', number = '', offset = '', ...words] = parts(value)
    const [, not, sign] = /^(!?)\s*(<=|>=|<|>|=|&|\^)?$/.exec(how) ?? []
    if (not === undefined || (sign === undefined && not === ''))
      throw new Refused(name, `"${how}" is not a comparison`)
    const read = readOf(draft, name, { count, offset, words })
    refuseRest(name, words)
    const hex = /^0x[0-9a-f]{1,8}$/i.test(number) ? String(Number(number)) : number
    add(draft, {
      type: 'byte_test',
      read,
      how: (sign ?? '=') as ByteTest['how'],
      negated: not === '!',
      value: draft.operand(name, hex),
    })
  }),
  byte_jump: valued((draft, value, name) => {
    const [count = '', offset = '', ...words] = parts(value)
    const read = readOf(draft, name, { count, offset, words })
    const from = take(words, 'from_beginning')
      ? 'beginning'
      : take(words, 'from_end')
        ? 'end'
        : 'here'
    const align = take(words, 'align')
    const multiplier = whole(name, argument(words, 'multiplier') ?? '1', 65_535)
    const post = argument(words, 'post_offset') ?? '0'
    if (!/^-?\d{1,5}$/.test(post)) throw new Refused(name, `post_offset ${post} is not a number`)
    refuseRest(name, words)
    add(draft, { type: 'byte_jump', read, from, align, multiplier, postOffset: Number(post) })
  }),
  byte_extract: valued((draft, value, name) => {
    const [count = '', offset = '', variable = '', ...words] = parts(value)
    if (!/^[a-z]\w*$/i.test(variable)) throw new Refused(name, `"${variable}" is not a name`)
    const read = readOf(draft, name, { count, offset, words })
    const align = Number(argument(words, 'align') ?? '0')
    if (align !== 0 && align !== 2 && align !== 4) throw new Refused(name, 'align is 2 or 4')
    const multiplier = whole(name, argument(words, 'multiplier') ?? '1', 65_535)
    refuseRest(name, words)
    add(draft, { type: 'byte_extract', read, slot: draft.slot(variable), align, multiplier })
  }),
  byte_math: valued(byteMath),
  pcre: valued(addPcre),
}

const MATH = ['+', '-', '*', '/', '<<', '>>'] as const

function byteMath(draft: Draft, value: string, name: string): void {
  const words = parts(value)
  const bytes = argument(words, 'bytes') ?? ''
  const offset = argument(words, 'offset') ?? ''
  const sign = argument(words, 'oper')
  const rvalue = argument(words, 'rvalue') ?? ''
  const result = argument(words, 'result') ?? ''
  const endian = argument(words, 'endian')
  const string = argument(words, 'string')
  const mask = argument(words, 'bitmask')
  const relative = take(words, 'relative')
  const extra = [
    ...(endian === 'little' ? ['little'] : []),
    ...(take(words, 'dce') || endian === 'dce' ? ['dce'] : []),
    ...(string ? ['string', string] : []),
    ...(mask ? [`bitmask ${mask}`] : []),
    ...(relative ? ['relative'] : []),
  ]
  const how = MATH.find((each) => each === sign)
  if (how === undefined) throw new Refused(name, `"${sign}" is not an operation`)
  refuseRest(name, words)
  if (!/^[a-z]\w*$/i.test(result)) throw new Refused(name, `"${result}" is not a name`)
  const read = readOf(draft, name, { count: bytes, offset, words: extra })
  const operand = draft.operand(name, rvalue)
  if (how === '/' && operand.slot < 0 && operand.value === 0)
    throw new Refused(name, 'it divides by 0')
  add(draft, { type: 'byte_math', read, how, rvalue: operand, slot: draft.slot(result) })
}

function add(draft: Draft, condition: Extract<Condition, { read: ByteRead }>): void {
  const list = draft.list(condition.read.relative)
  list.conditions.push(condition)
  if (condition.read.relative) follow(list.conditions, condition)
}

function take(words: string[], word: string): boolean {
  const at = words.indexOf(word)
  if (at >= 0) words.splice(at, 1)
  return at >= 0
}

/** The word after `key`, both taken out. */
function argument(words: string[], key: string): string | undefined {
  const at = words.findIndex((word) => word.startsWith(`${key} `))
  return at < 0 ? undefined : words.splice(at, 1)[0]?.slice(key.length).trim()
}

function refuseRest(name: string, words: readonly string[]): void {
  if (words[0] !== undefined) throw new Refused(name, `it does not know "${words[0]}"`)
}

function readOf(
  draft: Draft,
  name: string,
  { count, offset, words }: { count: string; offset: string; words: string[] },
): ByteRead {
  const string = take(words, 'string')
  const base = take(words, 'hex') ? 16 : take(words, 'oct') ? 8 : take(words, 'dec') ? 10 : 10
  const little = take(words, 'little')
  take(words, 'big')
  const dce = take(words, 'dce')
  if (dce) draft.useProto(name, 'dcerpc', 'smb')
  const mask = argument(words, 'bitmask')
  const bytesMax = string ? DIGITS_MAX : BINARY_BYTES_MAX
  const bytes = draft.operand(name, count)
  if (bytes.slot < 0 && (bytes.value > bytesMax || (bytes.value === 0 && !string)))
    throw new Refused(name, `it cannot read ${count} bytes`)
  return {
    // A text without a length is read as far as it has digits.
    count: bytes.slot < 0 && bytes.value === 0 ? { value: DIGITS_MAX, slot: -1 } : bytes,
    countMax: bytesMax,
    open: bytes.slot < 0 && bytes.value === 0,
    offset: draft.operand(name, offset, true),
    relative: take(words, 'relative'),
    little,
    dce,
    base: string ? base : 0,
    mask: mask === undefined ? undefined : whole(name, mask.startsWith('0x') ? mask : `0x${mask}`),
  }
}

function addPcre(draft: Draft, value: string, name: string): void {
  const { negated, text } = /^!?\s*\//.test(value)
    ? { negated: value.startsWith('!'), text: value.replace(/^!\s*/, '') }
    : quoted(name, value)
  const end = text.lastIndexOf('/')
  if (!text.startsWith('/') || end < 1)
    throw new Refused(name, 'the expression must stand between slashes')
  const flags = text.slice(end + 1).replace(/,.*$/, '')
  let options = 0
  let relative = false
  let buffer: string | undefined
  for (const flag of flags) {
    if (flag === 'R') relative = true
    else if (flag === 'B' || flag === 'O') continue
    else if (FLAG_BITS[flag] !== undefined) options |= FLAG_BITS[flag]
    else if (PCRE_BUFFERS[flag] !== undefined) buffer = PCRE_BUFFERS[flag]
    else throw new Refused(name, `it does not know the flag ${flag}`)
  }
  if (buffer !== undefined && draft.sticky && draft.sticky.name !== buffer)
    throw new Refused(name, 'a flag names another buffer than the sticky one')
  if (buffer !== undefined) draft.useProto(name, 'http')
  const list = buffer === undefined || draft.sticky ? draft.list(relative) : draft.listOf(buffer)
  const regex = new Regex(text.slice(1, end), options >>> 0)
  const captures = capturesOf(text.slice(1, end), text.slice(end + 1), { regex, name })
  const pcre: Condition = {
    type: 'pcre',
    regex,
    captures,
    negated,
    relative,
    followed: false,
    goesOn: false,
  }
  list.conditions.push(pcre)
  if (relative) follow(list.conditions, pcre)
}

const SCOPES = ['alert', 'pkt', 'flow'] as const

/** `(?P<flow_name>…)` by name, or `…/flags, flow:name, alert:other` by place. */
function capturesOf(
  pattern: string,
  after: string,
  { regex, name }: { regex: Regex; name: string },
): Capture[] {
  const captures: Capture[] = []
  for (const [, scope, word = ''] of pattern.matchAll(/\(\?P?<(alert|pkt|flow)_(\w+)>/g)) {
    const group = regex.groupOf(`${scope}_${word}`)
    if (group > 0) captures.push({ group, scope: scope as Capture['scope'], name: word })
  }
  const places = parts(after).slice(1)
  if (places.length > CAPTURES_MAX)
    throw new Refused(name, `it keeps ${CAPTURES_MAX} groups at most`)
  for (const [i, place] of places.entries()) {
    const [word = '', variable = ''] = place.split(':')
    const scope = SCOPES.find((each) => each === word)
    if (!scope || !/^\w+$/.test(variable))
      throw new Refused(name, `"${place}" is not alert, pkt or flow and a name`)
    captures.push({ group: i + 1, scope, name: variable })
  }
  return captures
}
