/** What is said to be in whatever an expression matches is there; PCRE2 is asked what matches. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { FLAG_BITS, Regex } from './regex.ts'
import { literalsOf } from './regex-literals.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`regex-literals: PICKET_SEED=${SEED}\n`)

const of = (pattern: string, flags = '') => {
  const options = [...flags].reduce((bits, flag) => bits | (FLAG_BITS[flag] ?? 0), 0)
  return literalsOf(new Regex(pattern, options))?.texts
}

test.each([
  [
    'an alternative each, with what stands before it',
    ' (one|two words)\\b',
    [' one', ' two words'],
  ],
  ['the longest run of a sequence', 'ab\\d+cdef.*gh', ['cdef']],
  ['what comes at least once', '(?:abc)+x?', ['abc']],
  ['what may be left out, and what may not', 'https?://', ['https://', 'http://']],
  ['a class of few', 'cmd[12]exe', ['cmd1exe', 'cmd2exe']],
  ['bytes by number', '\\x41BC\\x00', ['ABC\0']],
  ['nothing of one that may be short', '(abcd|x)', undefined],
  ['nothing of what may not be there', '(abcd)?\\d', undefined],
  ['nothing of what must not be there', '(?!abcd)\\w+', undefined],
  ['nothing where something is not known', 'abcd(?i)x', undefined],
  [
    'a group with a name, and one that gives nothing back',
    '(?P<q>["x])(?>jar|zip)(?P=q)',
    ['"jar', '"zip', 'xjar', 'xzip'],
  ],
  ['what stands beside what a group before has matched', '(ab|c)\\1defg', ['defg']],
  ['nothing of a count that not every version reads', 'abc{,3}def', undefined],
  ['nothing of a count with spaces', 'abc{ 2, 3 }def', undefined],
  ['nothing behind a class whose end is not sure', '[\\c]abcd]efgh', undefined],
  ['nothing behind a quotation in a class', '[\\Q]abcd\\E]', undefined],
  ['nothing of a quotation', '\\Qabc.\\Edef', undefined],
])('%s', (_, pattern, texts) => {
  expect(of(pattern)).toEqual(texts)
})

test('case is left to who looks', () => {
  expect(literalsOf(new Regex('AbCd', FLAG_BITS['i'] ?? 0))).toEqual({ texts: ['AbCd'], nocase: true }) // biome-ignore format: one line
  expect(literalsOf(new Regex('ab cd', FLAG_BITS['x'] ?? 0))).toBeUndefined()
})

function expression(chance: Chance, depth: number): string {
  const atom = () => {
    const kind = chance.int(0, depth > 0 ? 9 : 6)
    if (kind < 5) return chance.pick(['a', 'b', 'ab', 'ba', 'aab', '\\x61'])
    if (kind === 5)
      return chance.pick(['[ab]', '[^a]', '.', '\\w', '\\b', '^', '(?=a)', '(?<!b)', '(?P<n>a|ab)(?P=n)']) // biome-ignore format: one list
    if (kind === 6) return 'abba'
    return `(${chance.pick(['', '?:', '?>'])}${expression(chance, depth - 1)})`
  }
  const count = chance.pick(['', '', '', '', '?', '*', '+', '{2}', '{0,2}', '{1}', '+?'])
  const one = () => Array.from({ length: chance.int(1, 4) }, () => atom() + (chance.int(0, 2) === 0 ? count : '')).join('') // biome-ignore format: one line
  return Array.from({ length: chance.int(1, 3) }, one).join('|')
}

test('one of them is in every match of any expression', () => {
  const chance = new Chance(SEED)
  let said = 0
  let matched = 0
  for (let round = 0; round < 4000; round++) {
    const pattern = expression(chance, 2)
    let regex: Regex
    try {
      regex = new Regex(pattern, 0)
    } catch {
      continue // a count of what cannot be counted
    }
    const found = literalsOf(regex)
    if (found) {
      said++
      for (let i = 0; i < 40; i++) {
        const text = Array.from({ length: chance.int(0, 14) }, () => chance.pick(['a', 'b'])).join(
          '',
        )
        if (regex.search(Buffer.from(text), 0) !== 1) continue
        matched++
        if (!found.texts.some((each) => text.includes(each)))
          expect.fail(`${pattern} matches ${text}, which has none of ${found.texts}`)
      }
    }
    regex.release()
  }
  expect(said).toBeGreaterThan(400)
  expect(matched).toBeGreaterThan(1000)
})
