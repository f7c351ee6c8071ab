import { expect, test } from 'vitest'
import { again, type FileCount, summary } from './count.ts'

const file = (name: string, failed: string[] = [], project = 'link'): FileCount => ({
  file: `test/${name}.test.ts`,
  project,
  passed: 3,
  skipped: [],
  failed: failed.map((what) => `test/${name}.test.ts > ${what}`),
})

test('the last line counts one run', () => {
  const counts = [file('a'), { ...file('b', ['x: 1 is not 2']), skipped: ['y: needs root'] }]
  expect(summary(counts, ['outside any test: EPIPE'])).toEqual([
    'skipped: y: needs root',
    'failed: test/b.test.ts > x: 1 is not 2',
    'failed: outside any test: EPIPE',
    '6 passed, 2 failed, 1 skipped',
  ])
})

test('of a file that was run again the second run counts, and what it mended is told with its first failure', () => {
  const first = [file('a'), file('b', ['x: 1 is not 2', 'z: late'])]
  const second = { ...file('b', ['z: late again']), passed: 4 }
  expect(summary(first, [], [second])).toEqual([
    'unsteady, passed when run again by itself: test/b.test.ts > x: 1 is not 2',
    'failed: test/b.test.ts > z: late again',
    '7 passed, 1 failed, 0 skipped',
  ])
})

test('few files are run again; many, and those whose inputs are drawn, are not', () => {
  const broken = ['a', 'b', 'c', 'd'].map((name) => file(name, ['x: no']))
  expect(again([file('e'), ...broken.slice(0, 3)])).toEqual([
    'test/a.test.ts',
    'test/b.test.ts',
    'test/c.test.ts',
  ])
  expect(again(broken)).toEqual([])
  expect(again([file('f', ['x: no'], 'fuzz')])).toEqual([])
})
