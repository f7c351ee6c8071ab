/** content and what stands with it. */
import { type Condition, type Content, follow, parseNumberTest } from './condition.ts'
import type { Draft, DraftList } from './draft.ts'
import { bare, type KeywordTable, parts, valued, whole } from './keyword.ts'
import { parseLiteral } from './literal.ts'
import { FILE_PROTOS } from './proto-file.ts'
import { quoted, Refused } from './rule-text.ts'
import { folded, skipTable } from './search.ts'

export const CONTENT_KEYWORDS: KeywordTable = {
  content: valued(addContent),
  uricontent: valued((draft, value, name) => {
    addContent(draft, value, name)
    draft.moveLast(name, 'http.uri')
    draft.useProto(name, 'http')
  }),
  nocase: bare((draft, name) => {
    const { content } = draft.last(name)
    content.nocase = true
    content.bytes = folded(content.bytes)
    content.skip = skipTable(content.bytes, true)
  }),
  // Our payload is always as sent.
  rawbytes: bare((draft, name) => void draft.last(name)),
  offset: valued((draft, value, name) => {
    const { content } = absolute(draft, name)
    content.offset = draft.operand(name, value)
  }),
  depth: valued((draft, value, name) => {
    const { content } = absolute(draft, name)
    content.depth = draft.operand(name, value)
    if (content.depth.slot < 0 && content.depth.value < content.bytes.length)
      throw new Refused(name, 'it is shorter than the content')
  }),
  startswith: bare((draft, name) => {
    const { content } = absolute(draft, name)
    if (content.offset !== undefined || content.depth !== undefined)
      throw new Refused(name, 'it cannot stand with offset or depth')
    content.startsWith = true
  }),
  endswith: bare((draft, name) => {
    draft.last(name).content.endsWith = true
  }),
  distance: valued((draft, value, name) => {
    const { content, list } = relative(draft, name)
    content.distance = draft.operand(name, value, true)
    follow(list.conditions, content)
  }),
  within: valued((draft, value, name) => {
    const { content, list } = relative(draft, name)
    content.within = draft.operand(name, value, true)
    if (content.within.slot < 0 && content.within.value < content.bytes.length)
      throw new Refused(name, 'it is shorter than the content')
    follow(list.conditions, content)
  }),
  fast_pattern: setFastPattern,
  isdataat: valued((draft, value, name) => {
    const negated = value.startsWith('!')
    const [at = '', ...words] = parts(negated ? value.slice(1) : value)
    const relativeTest = words.includes('relative')
    if (words.some((word) => word !== 'relative' && word !== 'rawbytes'))
      throw new Refused(name, `"${value}" has a word it does not know`)
    const list = draft.list(relativeTest)
    const last = list.conditions.at(-1)
    // Nothing behind a content is its end, and goes along when a modifier moves it (as in Suricata).
    if (negated && relativeTest && at === '1' && last?.type === 'content') {
      last.endsWith = true
      return
    }
    const test: Condition = {
      type: 'isdataat',
      at: draft.operand(name, at),
      negated,
      relative: relativeTest,
    }
    list.conditions.push(test)
    if (relativeTest) follow(list.conditions, test)
  }),
  base64_decode: (draft, value, name) => {
    const words = value === undefined ? [] : parts(value)
    let [offset, bytesMax, relativeTo] = [0, 65_535, false]
    for (const word of words) {
      const [key, number = ''] = word.split(/\s+/)
      if (key === 'relative') relativeTo = true
      else if (key === 'offset') offset = whole(name, number, 65_535)
      else if (key === 'bytes') bytesMax = whole(name, number, 65_535)
      else throw new Refused(name, `it does not know "${word}"`)
    }
    const list = draft.list(relativeTo)
    const found: Condition = {
      type: 'base64',
      offset,
      bytesMax,
      relative: relativeTo,
      conditions: [],
    }
    list.conditions.push(found)
    if (relativeTo) follow(list.conditions, found)
  },
  base64_data: bare((draft, name) => draft.stickBase64(name)),
  entropy: valued((draft, value, name) => {
    const found = /^(?:bytes\s+(\d+)\s*,\s*)?(?:offset\s+(\d+)\s*,\s*)?value\s*(.+)$/.exec(value)
    const test = found && decimalTest(found[3] as string)
    if (!found || !test) throw new Refused(name, `"${value}" is not a value it can compare`)
    const list = draft.list()
    list.conditions.push({
      type: 'entropy',
      name: list.name?.replaceAll('.', '_') ?? 'content',
      bytesMax: Number(found[1] ?? Number.MAX_SAFE_INTEGER),
      offset: Number(found[2] ?? 0),
      test,
    })
  }),
  dataset: valued((draft, value, name) => {
    const list = draft.sticky
    if (!list) throw new Refused(name, 'there is no sticky buffer before it')
    list.conditions.push(datasetTest(draft, value, name))
  }),
  filename: valued((draft, value, name) => fileNameHolds(draft, value, name, false)),
  fileext: valued((draft, value, name) => fileNameHolds(draft, value, name, true)),
  bsize: valued((draft, value, name) => {
    if (!draft.sticky) throw new Refused(name, 'there is no sticky buffer before it')
    draft.sticky.conditions.unshift(size(name, value))
  }),
  urilen: valued((draft, value, name) => {
    const [test = '', form = 'norm', more] = parts(value)
    if ((form !== 'norm' && form !== 'raw') || more !== undefined)
      throw new Refused(name, `"${value}" is not a length and norm or raw`)
    draft.useProto(name, 'http')
    draft.listOf(form === 'raw' ? 'http.uri.raw' : 'http.uri').conditions.unshift(size(name, test))
  }),
}

/** Both are compared without case; an extension is what stands after the last dot. */
function fileNameHolds(draft: Draft, value: string, name: string, extension: boolean): void {
  const { negated, text } = quoted(name, value)
  const bytes = folded(parseLiteral(name, extension ? `.${text}` : text))
  draft.useProto(name, ...FILE_PROTOS)
  draft.listOf('file.name').conditions.push({
    ...plainContent(bytes, negated),
    nocase: true,
    skip: skipTable(bytes, true),
    endsWith: extension,
  })
}

const DATASET_VERBS = ['isset', 'isnotset', 'set', 'unset'] as const
const DATASET_TYPES = ['string', 'md5', 'sha256'] as const

/** `set,name, type string` */
function datasetTest(draft: Draft, value: string, name: string): Condition {
  const [word = '', label = '', ...options] = parts(value)
  const verb = DATASET_VERBS.find((each) => each === word)
  const said = new Map(
    options.map((option) => option.split(/\s+/, 2) as [string, string | undefined]),
  )
  const type = DATASET_TYPES.find((each) => each === (said.get('type') ?? 'string'))
  if (!verb || !type || !/^[\w.-]{1,64}$/.test(label))
    throw new Refused(name, `"${value}" is not a verb, a name and a type it knows`)
  for (const key of said.keys())
    if (!['type', 'memcap', 'hashsize'].includes(key))
      throw new Refused(name, `${key} is not honoured: sets are filled by rules alone`)
  const set = draft.datasets.named(label, type)
  if (set.type !== type) throw new Refused(name, `the set ${label} is of ${set.type}`)
  return { type: 'dataset', verb, set }
}

/** As a number test, of numbers with a fraction. */
function decimalTest(text: string): ((value: number) => boolean) | undefined {
  const range = /^(!?)\s*([\d.]+)\s*-\s*([\d.]+)$/.exec(text)
  if (range) {
    const [low, high, not] = [Number(range[2]), Number(range[3]), range[1] === '!']
    return (value) => (value > low && value < high) !== not
  }
  const one = /^(<=|>=|!=|<|>|=|!)?\s*(\d+(?:\.\d+)?)$/.exec(text)
  if (!one) return undefined
  const bound = Number(one[2])
  switch (one[1] ?? '=') {
    case '<':
      return (value) => value < bound
    case '>':
      return (value) => value > bound
    case '<=':
      return (value) => value <= bound
    case '>=':
      return (value) => value >= bound
    case '=':
      return (value) => value === bound
    default:
      return (value) => value !== bound
  }
}

function size(name: string, value: string): Condition {
  const test = parseNumberTest(value.replace(/\s+/g, ''))
  if (!test) throw new Refused(name, `"${value}" is not a length`)
  return { type: 'size', test }
}

function addContent(draft: Draft, value: string, name: string): void {
  const { negated, text } = quoted(name, value)
  const bytes = parseLiteral(name, text)
  draft.addContent(plainContent(bytes, negated))
}

function plainContent(bytes: Uint8Array, negated: boolean): Content {
  return {
    type: 'content',
    bytes,
    nocase: false,
    negated,
    skip: skipTable(bytes, false),
    offset: undefined,
    depth: undefined,
    distance: undefined,
    within: undefined,
    startsWith: false,
    endsWith: false,
    followed: false,
    decides: false,
  }
}

function absolute(draft: Draft, name: string): { content: Content } {
  const last = draft.last(name)
  if (last.content.distance !== undefined || last.content.within !== undefined)
    throw new Refused(name, 'it cannot stand with distance or within')
  if (last.content.startsWith) throw new Refused(name, 'it cannot stand with startswith')
  return last
}

function relative(draft: Draft, name: string): { content: Content; list: DraftList } {
  const last = draft.last(name)
  const { offset, depth, startsWith } = last.content
  if (offset !== undefined || depth !== undefined || startsWith)
    throw new Refused(name, 'it cannot stand with offset, depth or startswith')
  return last
}

function setFastPattern(draft: Draft, value: string | undefined, name: string): void {
  const { content, list } = draft.last(name)
  let [from, to] = [0, content.bytes.length]
  if (value !== undefined && value !== 'only') {
    const [offset = '', length = '', more] = parts(value)
    from = whole(name, offset)
    to = from + whole(name, length)
    if (more !== undefined || to > content.bytes.length || from === to)
      throw new Refused(name, `"${value}" is not an offset and a length within the content`)
  }
  if (content.negated || draft.inBase64) return
  if (draft.lists.some((each) => each.fast)) throw new Refused(name, 'a rule has one fast_pattern')
  list.fast = { content, from, to }
}
