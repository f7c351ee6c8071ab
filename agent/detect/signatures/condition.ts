/** What a rule asks of one buffer, in the order it asks. Made at load; read-only afterwards. */
import type { Dataset } from './datasets.ts'
import type { Regex } from './regex.ts'

/** A number in the rule, or the name of one that byte_extract puts in slot `slot`. */
export type Operand = { value: number; slot: -1 } | { value: 0; slot: number }

export interface Content {
  type: 'content'
  /** Lower case when `nocase`. */
  bytes: Uint8Array
  nocase: boolean
  negated: boolean
  /** Horspool: how far to move on when the byte under the last place is this one. */
  skip: Uint8Array
  offset: Operand | undefined
  depth: Operand | undefined
  /** Both count from the end of the match before; either makes the pattern relative. */
  distance: Operand | undefined
  within: Operand | undefined
  startsWith: boolean
  endsWith: boolean
  /** Whether a later condition counts from this one, so that other places are worth trying. */
  followed: boolean
  /** Where it is not found, no other place of what stands before it can help: set when the list is whole. */
  decides: boolean
}

/** Whose variable a group becomes: the alert's, the packet's or the flow's. */
export interface Capture {
  group: number
  scope: 'alert' | 'pkt' | 'flow'
  name: string
}

export interface Pcre {
  type: 'pcre'
  captures: readonly Capture[]
  regex: Regex
  negated: boolean
  relative: boolean
  followed: boolean
  /** As the first condition: where nothing is found it looks on from where it left off. */
  goesOn: boolean
}

export interface IsDataAt {
  type: 'isdataat'
  at: Operand
  negated: boolean
  relative: boolean
}

export type Comparison = '=' | '<' | '>' | '<=' | '>='

/** A number against one bound or a range (both ends left out). */
export interface NumberTest {
  how: Comparison | '!=' | '<>'
  first: number
  last: number
}

export interface Size {
  type: 'size'
  test: NumberTest
}

/** How byte_test, byte_jump and byte_extract read their number. */
export interface ByteRead {
  /** Bytes to read; digits where `base` is not 0. */
  count: Operand
  countMax: number
  /** Fewer bytes than `count` may be there. */
  open: boolean
  offset: Operand
  relative: boolean
  little: boolean
  /** As the DCE/RPC message says of its numbers. */
  dce: boolean
  /** 0: binary. */
  base: 0 | 8 | 10 | 16
  mask: number | undefined
}

export interface ByteTest {
  type: 'byte_test'
  read: ByteRead
  how: Comparison | '&' | '^'
  negated: boolean
  value: Operand
}

export interface ByteJump {
  type: 'byte_jump'
  read: ByteRead
  from: 'here' | 'beginning' | 'end'
  align: boolean
  multiplier: number
  postOffset: number
}

export interface ByteExtract {
  type: 'byte_extract'
  read: ByteRead
  slot: number
  align: 0 | 2 | 4
  multiplier: number
}

export interface ByteMath {
  type: 'byte_math'
  read: ByteRead
  how: '+' | '-' | '*' | '/' | '<<' | '>>'
  rvalue: Operand
  slot: number
}

/** What follows `base64_data` is asked of the bytes that are decoded here. */
export interface Base64 {
  type: 'base64'
  offset: number
  bytesMax: number
  relative: boolean
  conditions: Condition[]
}

export interface Entropy {
  type: 'entropy'
  /** Of the buffer, as records have it. */
  name: string
  offset: number
  bytesMax: number
  test: (value: number) => boolean
}

/** The whole buffer is a value of a set, or becomes one. */
export interface DatasetTest {
  type: 'dataset'
  verb: 'isset' | 'isnotset' | 'set' | 'unset'
  set: Dataset
}

/** The buffer is not there at all; with `orElse`, or what else is asked holds. */
export interface Absent {
  type: 'absent'
  orElse: boolean
}

export type Condition =
  | Content
  | Pcre
  | IsDataAt
  | Size
  | ByteTest
  | ByteJump
  | ByteExtract
  | ByteMath
  | Base64
  | Entropy
  | DatasetTest
  | Absent

export const SLOTS_MAX = 16

/** What moves the place that relative conditions count from. */
function moves(condition: Condition): boolean {
  switch (condition.type) {
    case 'content':
    case 'pcre':
      return !condition.negated
    case 'byte_jump':
    case 'byte_extract':
    case 'byte_math':
      return true
    default:
      return false
  }
}

/** Marks what `condition` counts from, so that its other places are tried. */
export function follow(conditions: readonly Condition[], condition: Condition): void {
  for (let i = conditions.indexOf(condition) - 1; i >= 0; i--) {
    const before = conditions[i]
    if (before === undefined || !moves(before)) continue
    if (before.type === 'content' || before.type === 'pcre') before.followed = true
    return
  }
}

/** What is the same wherever it is asked from, or depends on nothing but the place: no variables, no jumps. */
const PLAIN = new Set<Condition['type']>(['content', 'isdataat', 'size', 'byte_test', 'absent'])
const written = (operand: Operand | undefined) => operand === undefined || operand.slot < 0

/**
 * Marks contents whose absence is final. One that stands alone is where it is whatever was found before it. One that may
 * lie anywhere behind the match before it, and is not there, is not behind a later match either; matches of a list of
 * plain conditions are tried from front to back, and what was tried behind an earlier place fails there again.
 */
export function decide(conditions: readonly Condition[]): void {
  const plain = conditions.every(({ type }) => PLAIN.has(type))
  for (const condition of conditions) {
    if (condition.type !== 'content' || condition.negated) continue
    const { offset, depth, distance, within, endsWith } = condition
    const alone = distance === undefined && within === undefined
    if (alone) condition.decides = written(offset) && written(depth)
    else
      condition.decides =
        plain && !endsWith && within === undefined && depth === undefined && offset === undefined
  }
}

/** Suricata's words for numbers: `5`, `>5`, `<5`, `>=5`, `<=5`, `!5`, `5<>9`, `5-9`. */
export function parseNumberTest(text: string): NumberTest | undefined {
  const range = /^(\d+)\s*(<>|-)\s*(\d+)$/.exec(text)
  if (range) {
    const [first, last] = [Number(range[1]), Number(range[3])]
    return first < last ? { how: '<>', first, last } : undefined
  }
  const match = /^(<=|>=|<|>|!|=)?\s*(\d+|0x[0-9a-f]+)$/i.exec(text)
  if (!match) return undefined
  const how = match[1] === '!' ? '!=' : ((match[1] ?? '=') as Comparison)
  const first = Number(match[2])
  return Number.isSafeInteger(first) ? { how, first, last: first } : undefined
}

export function passes(test: NumberTest, value: number): boolean {
  switch (test.how) {
    case '=':
      return value === test.first
    case '!=':
      return value !== test.first
    case '<':
      return value < test.first
    case '>':
      return value > test.first
    case '<=':
      return value <= test.first
    case '>=':
      return value >= test.first
    case '<>':
      return value > test.first && value < test.last
  }
}
