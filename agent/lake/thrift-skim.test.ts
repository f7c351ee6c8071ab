/** Footers that lie about their sizes: a cell has ten seconds, so none may be spent on what is not there. */
import { expect, test } from 'vitest'
import { ThriftSkimmer } from './thrift-skim.ts'

const MANY = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

/** All fields of a struct. */
function pass(skim: ThriftSkimmer): void {
  for (let id = skim.field(0); id > 0; id = skim.field(id)) skim.skip()
}

test.each([
  ['booleans', 1],
  ['numbers', 6],
  ['texts', 8],
  ['structs', 12],
])('a list that claims 2^52 %s ends at once', (_, element) => {
  const skim = new ThriftSkimmer(Buffer.from([0x19, 0xf0 | element, ...MANY]))
  expect(() => pass(skim)).toThrow('truncated')
})

test('a text longer than its footer, a number without end, structs without bottom', () => {
  const text = new ThriftSkimmer(Buffer.from([0x18, ...MANY]))
  expect(() => pass(text)).toThrow('truncated')
  const number = new ThriftSkimmer(Buffer.from([0x16, ...Array(64).fill(0xff)]))
  expect(() => pass(number)).toThrow('truncated')
  const deep = new ThriftSkimmer(Buffer.alloc(64, 0x1c))
  expect(() => pass(deep)).toThrow('too deep')
})
