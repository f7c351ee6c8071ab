/** The tests' own screen: it must show what a terminal would. */
import { expect, test } from 'vitest'
import { Terminal } from './terminal.ts'

function shown(...chunks: string[]): string {
  const terminal = new Terminal()
  for (const chunk of chunks) terminal.write(chunk)
  return terminal.text.trimEnd()
}

test('text, colours and a sequence that is cut between two chunks', () => {
  expect(shown('\x1b[1;3', '2mgreen\x1b[0m\r\n', 'next')).toBe('green\nnext')
})

test('a screen that is drawn again shows the last of it', () => {
  expect(shown('old\r\nold', '\x1b[2J\x1b[H', 'new')).toBe('new')
  expect(shown('old words\r\nbelow', '\x1b[Hnew\x1b[K')).toBe('new\nbelow')
  expect(shown('one\r\ntwo\r\nthree', '\x1b[2;1H\x1b[J')).toBe('one')
})

test('what leaves the right edge goes on below, what leaves the bottom pushes the top out', () => {
  expect(shown('x'.repeat(81))).toBe(`${'x'.repeat(80)}\nx`)
  expect(shown(Array.from({ length: 30 }, (_, i) => `line ${i}`).join('\r\n')).split('\n')[0]).toBe('line 6') // biome-ignore format: one line
})
