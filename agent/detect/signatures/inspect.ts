/**
 * Whether one buffer satisfies one rule's conditions, by Suricata's rules (detect-engine-content-inspection.c):
 * in order, relative ones from the end of the match before, other places of a match tried while the
 * rest fails. Steps are bounded; a bound that was met is told, since it hides what lies behind.
 */

import { decodeBase64, entropyOf } from './byte-codes.ts'
import { jumpTo, readNumber } from './byte-read.ts'
import {
  type Base64,
  type ByteMath,
  type ByteTest,
  type Capture,
  type Condition,
  type Content,
  type DatasetTest,
  type IsDataAt,
  type Operand,
  type Pcre,
  passes,
  SLOTS_MAX,
} from './condition.ts'
import { find } from './search.ts'

export interface Captured {
  scope: Capture['scope']
  name: string
  bytes: Uint8Array
}

/** Groups kept for one rule. */
const CAPTURED_MAX = 32
/** Searches for one rule in one buffer; Suricata's inspection-recursion-limit. */
const STEPS_MAX = 3000
/** Bytes searched for one rule in one buffer. */
const SEARCHED_MAX = 1 << 22
/** Bytes searched for all rules of one packet, and what it brings: some 5 ms. A step counts as so many. */
const WORK_MAX = 1 << 23
const STEP_WORK = 32
/** So many bytes behind, a stretch of a stream that has not come whole is asked as it is; Suricata's chunk of a stream. */
const AWAITED_MAX = 2560
/** Where a pattern may lie anywhere. */
const ANYWHERE = 0x7fff_ffff

/** Outcome of a chain: STOP means that no other place of an earlier match can help. */
const NO = 0
const YES = 1
const STOP = 2
type Outcome = typeof NO | typeof YES | typeof STOP

export class Inspector {
  /** Groups that expressions have caught, for the rule in hand; whoever judges a rule empties it. */
  readonly captured: Captured[] = []
  /** Told of each entropy that was computed. */
  onEntropy: ((name: string, value: number) => void) | undefined
  /** The bound that the last call met, if it met one: its "no" is then no answer. */
  limit: 'steps' | 'match-limit' | undefined

  /** The last condition that the last call came to. */
  reached = 0
  /** After a "no" to an expression that can go on: from where it must look once more follows, in the buffer. */
  rest = 0

  /** The buffer is of a stream that goes on: what must not be in a stretch of it is asked when that has come whole. */
  unfinished = false
  /** The last call came to such a stretch. */
  awaits = false

  /** How the DCE/RPC message in hand sends its numbers. */
  dceLittle = false

  #list: readonly Condition[] = []
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #base = 0
  #length = 0
  #steps = 0
  #searched = 0
  #work = 0
  #resume = 0
  readonly #slots = new Float64Array(SLOTS_MAX)

  /** Another rule is in hand. Setting the length of an array is slow, and mostly nothing was caught. */
  forgetCaptured(): void {
    if (this.captured.length > 0) this.captured.length = 0
  }

  /** A new packet is in hand: what searching it may cost begins anew. */
  refill(): void {
    this.#work = 0
  }

  /**
   * `bytes` [start, end) against `list`. `base`: how far into its stream the buffer begins; offset and
   * depth count from the beginning of the stream. `resume`: what the first condition asks for does not begin before it.
   */
  matches(
    list: readonly Condition[],
    bytes: Uint8Array,
    start: number,
    end: number,
    base = 0,
    resume = 0,
  ): boolean {
    this.#resume = resume
    this.reached = 0
    this.#list = list
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#length = end - start
    this.#base = base
    this.#steps = 0
    this.limit = undefined
    this.awaits = false
    this.#searched = 0
    if (this.#work > WORK_MAX) {
      this.limit = 'steps'
      return false
    }
    const before = this.captured.length
    const yes = this.#from(0, 0) === YES
    this.#work += this.#searched + this.#steps * STEP_WORK
    if (!yes && this.captured.length > before) this.captured.length = before
    return yes
  }

  /** `here`: where the match before ended, from the start of the buffer. */
  #from(index: number, here: number): Outcome {
    const condition = this.#list[index]
    if (index > this.reached) this.reached = index
    if (condition === undefined) return YES
    if (++this.#steps > STEPS_MAX || this.#searched > SEARCHED_MAX) {
      this.limit = 'steps'
      return STOP
    }
    switch (condition.type) {
      case 'content':
        return this.#content(condition, index, here)
      case 'pcre':
        return this.#pcre(condition, index, here)
      case 'isdataat':
        return this.#isDataAt(condition, here) ? this.#from(index + 1, here) : NO
      case 'size':
        return passes(condition.test, this.#length) ? this.#from(index + 1, here) : NO
      case 'byte_test':
        return this.#byteTest(condition, here) ? this.#from(index + 1, here) : NO
      case 'byte_jump': {
        const number = this.#read(condition.read, here)
        const to = jumpTo(condition, number, this.#readEnd, this.#length)
        return to < 0 || to > this.#length ? NO : this.#from(index + 1, to)
      }
      case 'byte_extract': {
        const number = this.#read(condition.read, here)
        if (Number.isNaN(number)) return NO
        const value = number * condition.multiplier
        const { align } = condition
        this.#slots[condition.slot] = align > 0 ? Math.ceil(value / align) * align : value
        return this.#from(index + 1, this.#readEnd)
      }
      case 'byte_math': {
        const number = this.#read(condition.read, here)
        const result = calculate(condition.how, number, this.#value(condition.rvalue))
        if (Number.isNaN(result)) return NO
        this.#slots[condition.slot] = result
        return this.#from(index + 1, this.#readEnd)
      }
      case 'base64':
        return this.#base64(condition, index, here)
      case 'entropy': {
        const from = Math.min(this.#end, this.#start + condition.offset)
        const to = Math.min(this.#end, from + condition.bytesMax)
        if (to <= from) return NO
        const value = entropyOf(this.#bytes, from, to)
        this.onEntropy?.(condition.name, value)
        return condition.test(value) ? this.#from(index + 1, here) : NO
      }
      case 'dataset':
        return this.#dataset(condition) ? this.#from(index + 1, here) : NO
      case 'absent':
        return condition.orElse ? this.#from(index + 1, here) : NO
    }
  }

  /** Rules that decode are few: a matcher of its own, made when one is met. */
  #base64(
    { offset, bytesMax, relative, conditions }: Base64,
    index: number,
    here: number,
  ): Outcome {
    const from = this.#start + offset + (relative ? here : 0)
    const decoded = decodeBase64(this.#bytes, from, Math.min(this.#end, from + bytesMax))
    if (decoded.length === 0) return NO
    this.#inner ??= new Inspector()
    this.#inner.refill()
    this.#searched += decoded.length
    const yes = this.#inner.matches(conditions, decoded, 0, decoded.length)
    if (this.#inner.limit !== undefined) this.limit = this.#inner.limit
    return yes ? this.#from(index + 1, here) : NO
  }

  #inner: Inspector | undefined

  #value(operand: Operand | undefined): number {
    if (operand === undefined) return 0
    return operand.slot < 0 ? operand.value : (this.#slots[operand.slot] as number)
  }

  #content(content: Content, index: number, here: number): Outcome {
    const { bytes: pattern, negated } = content
    const length = this.#length
    let from = this.#first(content, here)
    if (index === 0 && from < this.#resume) from = this.#resume
    const last = this.#last(content, here, from)
    const to = Math.min(length, last)
    for (;;) {
      const at = from + pattern.length <= to ? this.#find(content, from, to) : -1
      if (at < 0 && !negated) return content.decides ? STOP : NO
      if (at < 0) return this.#isOpen(content, here, last) ? NO : this.#from(index + 1, here)
      const end = at + pattern.length
      if (content.endsWith && end !== length) {
        from = at + 1
        continue
      }
      if (negated) return NO
      const rest = this.#from(index + 1, end)
      if (rest !== NO) return rest
      if (!content.followed) return STOP
      from = at + 1
      if (++this.#steps > STEPS_MAX) {
        this.limit = 'steps'
        return STOP
      }
    }
  }

  /** First place to look at. */
  #first(content: Content, here: number): number {
    const offset = content.offset === undefined ? 0 : this.#value(content.offset) - this.#base
    if (content.distance === undefined && content.within === undefined) return Math.max(0, offset)
    return Math.max(0, here + this.#value(content.distance), offset)
  }

  /** Whether nobody can say what lies where a pattern must not, up to `last`: more of it is to come, or it is kept no more. */
  #isOpen({ distance, within }: Content, here: number, last: number): boolean {
    if (last === ANYWHERE) return false
    const relative = distance !== undefined || within !== undefined
    if (!relative && last <= 0 && this.#base > 0) return true
    return last > this.#length && this.#awaited(relative, here)
  }

  /** Whether a stretch that ends beyond the buffer is waited for. */
  #awaited(relative: boolean, here: number): boolean {
    if (!this.unfinished) return false
    const come = relative ? this.#length - here : this.#base + this.#length
    if (come >= AWAITED_MAX) return false
    this.awaits = true
    return true
  }

  /** End of where the pattern must lie, which may be beyond the buffer. */
  #last(content: Content, here: number, from: number): number {
    let last = ANYWHERE
    if (content.distance !== undefined || content.within !== undefined) {
      if (content.within !== undefined)
        last = Math.min(last, here + this.#value(content.distance) + this.#value(content.within))
      if (content.depth !== undefined) last = Math.min(last, here + this.#value(content.depth))
      return last
    }
    if (content.startsWith) return Math.min(last, content.bytes.length - this.#base)
    if (content.depth === undefined) return last
    const { slot } = content.depth
    const depth = this.#value(content.depth)
    // A depth read from the buffer counts from the offset; a written one has it added at load.
    const fixed = slot < 0 && (content.offset === undefined || content.offset.slot < 0)
    return Math.min(last, fixed ? depth - this.#base : from + depth)
  }

  #find(content: Content, from: number, to: number): number {
    const start = this.#start
    const at = find(this.#bytes, start + from, start + to, content)
    this.#searched += at < 0 ? to - from : at - start - from
    return at < 0 ? -1 : at - start
  }

  #pcre(pcre: Pcre, index: number, here: number): Outcome {
    const origin = pcre.relative ? here : 0
    if (origin > this.#length) return pcre.negated ? this.#from(index + 1, here) : NO
    const subject = this.#bytes.subarray(this.#start + origin, this.#end)
    const goesOn = index === 0 && pcre.goesOn
    const inside = !pcre.relative && this.#base > 0
    let from = goesOn ? this.#resume : 0
    for (;;) {
      this.#searched += subject.length - from
      const found = goesOn
        ? pcre.regex.searchOn(subject, from)
        : pcre.regex.search(subject, from, inside)
      if (found < 0) {
        this.limit = 'match-limit'
        return STOP
      }
      if (pcre.negated) return found === 1 ? NO : this.#from(index + 1, here)
      if (found === 0) {
        this.rest = pcre.regex.rest
        return NO
      }
      const next = pcre.regex.matchStart + 1
      const before = this.captured.length
      for (const capture of pcre.captures) this.#catch(capture, pcre.regex, subject)
      const rest = this.#from(index + 1, origin + pcre.regex.matchEnd)
      if (rest !== NO) return rest
      this.captured.length = before
      if (!pcre.followed) return STOP
      from = next
      if (from > subject.length) return NO
      if (++this.#steps > STEPS_MAX) {
        this.limit = 'steps'
        return STOP
      }
    }
  }

  #catch({ group, scope, name }: Capture, regex: Pcre['regex'], subject: Uint8Array): void {
    const bytes = regex.group(group, subject)
    if (bytes && this.captured.length < CAPTURED_MAX)
      this.captured.push({ scope, name, bytes: Uint8Array.from(bytes) })
  }

  #dataset({ verb, set }: DatasetTest): boolean {
    const value = this.#bytes.subarray(this.#start, this.#end)
    if (verb === 'isset') return set.has(value)
    if (verb === 'isnotset') return !set.has(value)
    return verb === 'set' ? set.add(value) : set.remove(value)
  }

  #isDataAt(test: IsDataAt, here: number): boolean {
    const at = this.#value(test.at)
    const there = test.relative ? here + at <= this.#length : at < this.#length
    if (!test.negated) return there
    return !there && !this.#awaited(test.relative, here)
  }

  #readEnd = 0

  /** NaN where the bytes are not there or are no digits. */
  #read(read: ByteTest['read'], here: number): number {
    const at = (read.relative ? here : 0) + this.#value(read.offset)
    let count = this.#value(read.count)
    if (read.open) count = Math.min(count, this.#length - at)
    this.#readEnd = at + count
    // A length that the packet itself gave may be none.
    if (count === 0 && read.count.slot >= 0) return 0
    if (at < 0 || at + count > this.#length || count <= 0 || count > read.countMax)
      return Number.NaN
    return readNumber(this.#bytes, this.#start + at, count, read.dce ? this.dceLittle : read.little, read) // biome-ignore format: one line
  }

  #byteTest(test: ByteTest, here: number): boolean {
    const number = this.#read(test.read, here)
    if (Number.isNaN(number)) return false
    return compare(test.how, number, this.#value(test.value)) !== test.negated
  }
}

function calculate(how: ByteMath['how'], a: number, b: number): number {
  switch (how) {
    case '+':
      return a + b
    case '-':
      return a < b ? 2 ** 64 - (b - a) : a - b // unsigned, as in Suricata
    case '*':
      return a * b
    case '/':
      return b === 0 ? Number.NaN : Math.floor(a / b)
    case '<<':
      return a * 2 ** b
    case '>>':
      return Math.floor(a / 2 ** b)
  }
}

function compare(how: ByteTest['how'], a: number, b: number): boolean {
  switch (how) {
    case '=':
      return a === b
    case '<':
      return a < b
    case '>':
      return a > b
    case '<=':
      return a <= b
    case '>=':
      return a >= b
    case '&':
      return (BigInt(a) & BigInt(b)) !== 0n
    case '^':
      return (BigInt(a) ^ BigInt(b)) !== 0n
  }
}
