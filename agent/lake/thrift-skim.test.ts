/** Footers that lie about their sizes: a cell has ten seconds, so none may be spent on what is not there. */
import { expect, test } from 'vitest'
import { ThriftSkimmer } from './thrift-skim.ts'

const MANY = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

test.each([
  ['booleans', 1],
  ['numbers', 6],
  ['texts', 8],
  ['structs', 12],
])('a list that claims 2^52 %s ends at once', (_, element) => {
  const skim = new ThriftSkimmer(Buffer.from([0x19, 0xf0 | element, ...MANY]))
  expect(() => skim.struct(() => skim.skip())).toThrow('truncated')
})

test('a text longer than its footer, a number without end, structs without bottom', () => {
  const text = new ThriftSkimmer(Buffer.from([0x18, ...MANY]))
  expect(() => text.struct(() => text.skip())).toThrow('truncated')
  const number = new ThriftSkimmer(Buffer.from([0x16, ...Array(64).fill(0xff)]))
  expect(() => number.struct(() => number.skip())).toThrow('truncated')
  const deep = new ThriftSkimmer(Buffer.alloc(64, 0x1c))
  expect(() => deep.struct(() => deep.skip())).toThrow('too deep')
})
