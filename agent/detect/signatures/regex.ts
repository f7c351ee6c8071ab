/**
 * Regular expressions that meet outside bytes: PCRE2 with JIT, as Suricata has, by libpcre2-8. V8's own
 * engine backtracks without a limit and never sees them.
 */
import koffi from 'koffi'
import { Refused } from './rule-text.ts'

/** Suricata's default. With JIT it counts entries into the matcher; interpreted, calls of match(). */
const MATCH_LIMIT = 3500
const DEPTH_LIMIT = 1500
const HEAP_KIB_MAX = 1024
const PATTERN_BYTES_MAX = 8192
/** Groups whose bytes can be asked for, as in Suricata. */
export const CAPTURES_MAX = 8
const PAIR_BYTES = 16

// From pcre2.h; part of its ABI.
const CASELESS = 0x8
const DOLLAR_ENDONLY = 0x10
const DOTALL = 0x20
const EXTENDED = 0x80
const MULTILINE = 0x400
const NOTBOL = 0x1
const NEVER_UTF = 0x1000
const UNGREEDY = 0x40000
const ANCHORED = 0x80000000
const JIT_COMPLETE = 1
const JIT_PARTIAL_SOFT = 2
const PARTIAL_SOFT = 0x10
const ERROR_NO_MATCH = -1
const ERROR_PARTIAL = -2

export const FLAG_BITS: Readonly<Record<string, number>> = {
  i: CASELESS,
  m: MULTILINE,
  s: DOTALL,
  x: EXTENDED,
  A: ANCHORED,
  E: DOLLAR_ENDONLY,
  G: UNGREEDY,
}

/** A koffi pointer. */
type Pointer = bigint | null

interface Library {
  compile(
    pattern: Uint8Array,
    length: number,
    options: number,
    error: [number],
    at: [number],
    context: Pointer,
  ): Pointer
  free(code: Pointer): void
  jit(code: Pointer, options: number): number
  match(
    code: Pointer,
    subject: Uint8Array,
    length: number,
    start: number,
    options: number,
    match: Pointer,
    context: Pointer,
  ): number
  message(code: number, buffer: Uint8Array, length: number): number
  groupOf(code: Pointer, name: string): number
  matchData: Pointer
  /** Start and end of the last match and of its groups, each 8 bytes. */
  span: DataView
  context: Pointer
}

let library: Library | undefined

/** Loaded at the first expression, once a thread: code and match data belong to it. */
function pcre2(): Library {
  library ??= open()
  return library
}

function open(): Library {
  const so = koffi.load('libpcre2-8.so.0')
  const matchData = so.func('void *pcre2_match_data_create_8(uint32_t pairs, void *general)')(
    1 + CAPTURES_MAX,
    null,
  )
  const context = so.func('void *pcre2_match_context_create_8(void *general)')(null)
  so.func('int pcre2_set_match_limit_8(void *context, uint32_t limit)')(context, MATCH_LIMIT)
  so.func('int pcre2_set_depth_limit_8(void *context, uint32_t limit)')(context, DEPTH_LIMIT)
  so.func('int pcre2_set_heap_limit_8(void *context, uint32_t limit)')(context, HEAP_KIB_MAX)
  const vector = so.func('void *pcre2_get_ovector_pointer_8(void *match)')(matchData)
  return {
    compile: so.func(
      'void *pcre2_compile_8(const uint8_t *pattern, size_t length, uint32_t options, _Out_ int *error, _Out_ size_t *at, void *context)',
    ),
    free: so.func('void pcre2_code_free_8(void *code)'),
    jit: so.func('int pcre2_jit_compile_8(void *code, uint32_t options)'),
    match: so.func(
      'int pcre2_match_8(void *code, const uint8_t *subject, size_t length, size_t start, uint32_t options, void *match, void *context)',
    ),
    message: so.func(
      'int pcre2_get_error_message_8(int code, _Out_ uint8_t *buffer, size_t length)',
    ),
    groupOf: so.func('int pcre2_substring_number_from_name_8(void *code, const char *name)'),
    matchData,
    span: new DataView(koffi.view(vector, (1 + CAPTURES_MAX) * PAIR_BYTES)),
    context,
  }
}

const released = new FinalizationRegistry((code: Pointer) => pcre2().free(code))

export class Regex {
  #code: Pointer
  readonly #library: Library
  /** Of the last match, relative to the subject. */
  matchStart = 0
  matchEnd = 0
  /** After `searchOn` has found nothing: no match begins before it, whatever follows the subject. */
  rest = 0
  readonly pattern: string
  readonly options: number
  readonly #anchored: boolean
  /** It is found where its subject begins or not at all, by more than a ^. One that may be found elsewhere too is not meant. */
  readonly atStart: boolean
  #canGoOn: boolean | undefined

  /** Throws Refused with PCRE2's own sentence. */
  constructor(pattern: string, options: number) {
    const bytes = Buffer.from(pattern, 'utf8')
    if (bytes.length > PATTERN_BYTES_MAX)
      throw new Refused('pcre', `the expression is longer than ${PATTERN_BYTES_MAX} bytes`)
    this.#library = pcre2()
    const error: [number] = [0]
    const at: [number] = [0]
    const code = this.#library.compile(bytes, bytes.length, options | NEVER_UTF, error, at, null)
    if (code === null) {
      const text = Buffer.alloc(256)
      const length = this.#library.message(error[0], text, text.length)
      const sentence = text.toString('latin1', 0, Math.max(0, length))
      throw new Refused('pcre', `the expression is wrong at ${at[0]}: ${sentence}`)
    }
    this.pattern = pattern
    this.options = options
    this.atStart = (options & ANCHORED) !== 0 || /^\\[AG](?![?*{])[^|]*$/.test(pattern)
    this.#anchored = (options & ANCHORED) !== 0 || /\^|\\[AG]/.test(pattern)
    this.#library.jit(code, JIT_COMPLETE) // where there is no JIT, the interpreter serves
    this.#code = code
    released.register(this, code, this)
  }

  /** A thread whose loop never turns has nothing collected by itself. Nothing is found with it afterwards. */
  release(): void {
    if (this.#code === null) return
    released.unregister(this)
    this.#library.free(this.#code)
    this.#code = null
  }

  /**
   * Whether `searchOn` may be asked: what is bound to the subject's beginning is not to be found later, and without JIT
   * another count of the match limit would hold.
   */
  get canGoOn(): boolean {
    if (this.#code === null) return false
    this.#canGoOn ??= !this.#anchored && this.#library.jit(this.#code, JIT_PARTIAL_SOFT) === 0
    return this.#canGoOn
  }

  /** As `search`, and where nothing is found, `rest` tells from where to search when more of the same follows. */
  searchOn(subject: Uint8Array, from: number): 1 | 0 | -1 {
    const { match, matchData, context, span } = this.#library
    if (this.#code === null) return 0
    const result = match(
      this.#code,
      subject,
      subject.length,
      from,
      PARTIAL_SOFT,
      matchData,
      context,
    )
    if (result === ERROR_NO_MATCH || result === ERROR_PARTIAL) {
      this.rest = result === ERROR_PARTIAL ? Number(span.getBigUint64(0, true)) : subject.length
      return 0
    }
    if (result < 0) return -1
    this.matchStart = Number(span.getBigUint64(0, true))
    this.matchEnd = Number(span.getBigUint64(8, true))
    return 1
  }

  /** The first group of the first match, for a transform. */
  capture(subject: Uint8Array): Uint8Array | undefined {
    return this.search(subject, 0) === 1 ? this.group(1, subject) : undefined
  }

  /** Bytes of a group of the match just found in `subject`; undefined where it took no part. */
  group(number: number, subject: Uint8Array): Uint8Array | undefined {
    const { span } = this.#library
    const at = number * PAIR_BYTES
    const [from, to] = [Number(span.getBigInt64(at, true)), Number(span.getBigInt64(at + 8, true))]
    return from < 0 || to < from || to > subject.length ? undefined : subject.subarray(from, to)
  }

  /** Number of the group of that name; 0 where there is none whose bytes can be asked for. */
  groupOf(name: string): number {
    const number = this.#library.groupOf(this.#code, name)
    return number > 0 && number <= CAPTURES_MAX ? number : 0
  }

  /**
   * 1: found, 0: not there, -1: a limit was met, so nobody knows. `inside`: the subject begins further in than what the expression is
   * about, so that a ^ is not met by its first byte.
   */
  search(subject: Uint8Array, from: number, inside = false): 1 | 0 | -1 {
    const { match, matchData, context, span } = this.#library
    if (this.#code === null || (inside && this.atStart)) return 0
    const options = inside ? NOTBOL : 0
    const result = match(this.#code, subject, subject.length, from, options, matchData, context)
    if (result === ERROR_NO_MATCH) return 0
    if (result < 0) return -1
    this.matchStart = Number(span.getBigUint64(0, true))
    this.matchEnd = Number(span.getBigUint64(8, true))
    return 1
  }
}

/** What has another meaning, or another number, among other expressions: references, names, options, verbs, quotations. */
const NOT_ALONE = /\\[1-9gkKQEC]|\(\?(?![:=!])|\(\*/

/** The expression as one of several; undefined where it cannot be one. */
export function alternative({ pattern, options }: Regex): string | undefined {
  const known = CASELESS | MULTILINE | DOTALL
  if ((options & ~known) !== 0 || NOT_ALONE.test(pattern)) return undefined
  const flag = (bit: number, letter: string) => ((options & bit) !== 0 ? letter : '')
  const flags = flag(CASELESS, 'i') + flag(MULTILINE, 'm') + flag(DOTALL, 's')
  return `(?${flags}:${pattern})`
}

/** Finds something wherever one of them does; undefined where they cannot be one. */
export function anyOf(regexes: readonly Regex[]): Regex | undefined {
  const pattern = regexes.map(alternative).join('|')
  if (regexes.length < 2 || Buffer.byteLength(pattern) > PATTERN_BYTES_MAX) return undefined
  const any = new Regex(pattern, 0)
  return any.canGoOn ? any : undefined
}
