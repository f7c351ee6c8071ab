/**
 * WebAssembly from expressions: each function below gives the bytes of one, so that a kernel is written as it is
 * read and no compiler stands between. Numbers are i32; names are those of the specification.
 */

/** Bytes of an expression, or of statements one after another. */
export type Code = readonly number[]

export interface Local {
  index: number
}

export interface FunctionSource {
  name: string
  parameters: number
  /** With its own locals, as it stands in the module. */
  body: number[]
}

/** Locals whose names end in 16 hold sixteen bytes. */
const isVector = (name: string) => name.endsWith('16')

/** What it gives back is the last expression of its body. */
export function define<P extends string, L extends string>(
  name: string,
  { parameters, locals }: { parameters: readonly P[]; locals: readonly L[] },
  body: (names: Record<P | L, Local>) => readonly Code[],
): FunctionSource {
  const words = locals.filter((each) => !isVector(each))
  const vectors = locals.filter(isVector)
  const names = Object.fromEntries(
    [...parameters, ...words, ...vectors].map((each, index) => [each, { index }]),
  ) as Record<P | L, Local>
  const own = [2, ...unsigned(words.length), I32, ...unsigned(vectors.length), V128]
  return {
    name,
    parameters: parameters.length,
    body: sized([...own, ...body(names).flat(), END]),
  }
}

/** A module over one imported memory, `bytes.memory`; all take and return numbers, and are called by their place. */
export function moduleBytes(functions: readonly FunctionSource[]): Uint8Array<ArrayBuffer> {
  const each = <T>(list: readonly T[], of: (one: T, i: number) => number[]) => [
    ...unsigned(list.length),
    ...list.flatMap(of),
  ]
  const types = each(functions, ({ parameters }) => [
    0x60,
    ...unsigned(parameters),
    ...Array.from({ length: parameters }, () => I32),
    1,
    I32,
  ])
  const imports = [1, ...text('bytes'), ...text('memory'), 2, 0, 1]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, imports),
    ...section(
      3,
      each(functions, (_, i) => unsigned(i)),
    ),
    ...section(
      7,
      each(functions, ({ name }, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(
      10,
      each(functions, ({ body }) => body),
    ),
  ])
}

const I32 = 0x7f
const V128 = 0x7b
const END = 0x0b
const NOTHING = 0x40
const SIMD = 0xfd

const section = (id: number, content: number[]) => [id, ...sized(content)]
const sized = (content: number[]) => [...unsigned(content.length), ...content]
const text = (value: string) => sized([...Buffer.from(value)])

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value >>> 0
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest]
}

function signed(value: number): number[] {
  const bytes: number[] = []
  let rest = value | 0
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80)
  return [...bytes, rest & 0x7f]
}

const two = (operation: number) => (a: Code, b: Code) => [...a, ...b, operation]
const simd = (operation: number) => [SIMD, ...unsigned(operation)]

export const int = (value: number): Code => [0x41, ...signed(value)]
export const get = ({ index }: Local): Code => [0x20, ...unsigned(index)]
export const set = ({ index }: Local, value: Code): Code => [...value, 0x21, ...unsigned(index)]

/** Sets it, and is the value too. */
export const tee = ({ index }: Local, value: Code): Code => [...value, 0x22, ...unsigned(index)]

export const add = two(0x6a)
export const sub = two(0x6b)
export const mul = two(0x6c)
export const and = two(0x71)
export const or = two(0x72)
export const xor = two(0x73)
export const shiftLeft = two(0x74)
export const shiftRight = two(0x76)
export const equal = two(0x46)
export const differs = two(0x47)
/** Without a sign. */
export const less = two(0x49)
export const greater = two(0x4b)
export const trailingZeros = (value: Code): Code => [...value, 0x68]

/** Loads may lie at any address. */
export const load8 = (at: Code, offset = 0): Code => [...at, 0x2d, 0, ...unsigned(offset)]
export const load16 = (at: Code, offset = 0): Code => [...at, 0x2f, 0, ...unsigned(offset)]
export const load32 = (at: Code, offset = 0): Code => [...at, 0x28, 0, ...unsigned(offset)]
export const store32 = (at: Code, value: Code, offset = 0): Code => [
  ...at,
  ...value,
  0x36,
  0,
  ...unsigned(offset),
]

export const store16 = (at: Code, value: Code, offset = 0): Code => [
  ...at,
  ...value,
  0x3b,
  0,
  ...unsigned(offset),
]

/** Sixteen bytes at once. */
export const load16s = (at: Code, offset = 0): Code => [
  ...[...at, ...simd(0x00), 0],
  ...unsigned(offset),
]
export const splat = (value: Code): Code => [...value, ...simd(0x0f)]
export const and16s = (a: Code, b: Code): Code => [...a, ...b, ...simd(0x4e)]
export const or16s = (a: Code, b: Code): Code => [...a, ...b, ...simd(0x50)]
/** The high half of each byte; `half16` is 0x0f everywhere: of a shift of bytes V8 would make that mask anew each time. */
export const high4s = (value: Code, half16: Code): Code =>
  and16s([...value, ...int(4), ...simd(0x8d)], half16)
/** The sixteen from place `from` of those two, one after the other. */
export const window16 = (a: Code, b: Code, from: number): Code => [
  ...[...a, ...b, ...simd(0x0d)],
  ...Array.from({ length: 16 }, (_, i) => from + i),
]
/** Each byte of `at` names a byte of `table`. */
/** `at` is below 16 everywhere: what else is asked for is left to the processor (relaxed swizzle). */
export const lookUp = (table: Code, at: Code): Code => [...table, ...at, ...simd(0x100)]
export const anyOf16 = (value: Code): Code => [...value, ...simd(0x53)]
export const equals16 = (a: Code, b: Code): Code => [...a, ...b, ...simd(0x23)]
/** The same bytes as four numbers, or as eight whose neighbours become one. */
export const splat4 = (value: Code): Code => [...value, ...simd(0x11)]
export const add4s = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xae)]
/** Of eight signed numbers of sixteen bits the products, each added to its neighbour's. */
export const mulAdd8s = (a: Code, b: Code): Code => [...a, ...b, ...simd(0xba)]
export const shiftRight4s = (value: Code, by: Code): Code => [...value, ...by, ...simd(0xad)]
export const pairs8s = (value: Code): Code => [...value, ...simd(0x7f)]
export const lane4 = (value: Code, lane: number): Code => [...value, ...simd(0x1b), lane]
/** The highest bit of each, as a number. */
export const bits16 = (value: Code): Code => [...value, ...simd(0x64)]

export const call = (index: number, ...given: Code[]): Code => [
  ...given.flat(),
  0x10,
  ...unsigned(index),
]
export const when = (condition: Code, ...then: Code[]): Code => [
  ...condition,
  0x04,
  NOTHING,
  ...then.flat(),
  END,
]
/** Statements over and over, as long as the condition holds before each round. */
export const during = (condition: Code, ...body: Code[]): Code => [
  ...[0x02, NOTHING, 0x03, NOTHING],
  ...[...condition, 0x45, 0x0d, 1],
  ...body.flat(),
  ...[0x0c, 0, END, END],
]
export const giveBack = (value: Code): Code => [...value, 0x0f]

/** What is used of it: Node's types leave it to the browser's. */
declare global {
  namespace WebAssembly {
    class Memory {
      constructor(pages: { initial: number; maximum: number })
      readonly buffer: ArrayBuffer
      grow(pages: number): number
    }
    class Module {
      constructor(bytes: Uint8Array)
    }
    class Instance {
      constructor(module: Module, imports: { bytes: { memory: Memory } })
      readonly exports: object
    }
  }
}
