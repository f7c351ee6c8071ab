/** What a build says of packages that are not those of the lock: the words that a person decides by. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

function drift(before: readonly string[], now: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'picket-lock-'))
  try {
    const paths = [before, now].map((lines, i) => {
      const path = join(folder, String(i))
      writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
      return path
    })
    const script = '. image/lock.sh; drift "$1" "$2"'
    const said = execFileSync('bash', ['-euc', script, 'bash', ...paths], { encoding: 'utf8' })
    return said.split('\n').filter(Boolean).sort()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const libc = 'root libc6 2.41-12 amd64 aa'
const node = 'root libatomic1 14.2 amd64 bb'

test('the same packages are no drift', () => {
  expect(drift([libc, node], [node, libc])).toEqual([])
})

test('a version, other bytes, a new one, one that is gone, and a tree each has its line', () => {
  expect(
    drift(
      [libc, node, 'root old 1 all cc', 'tools libc6 2.41-12 amd64 aa'],
      [
        'root libc6 2.41-13 amd64 dd',
        'root libatomic1 14.2 amd64 ee',
        'root new 2 all ff',
        'tools libc6 2.41-12 amd64 aa',
      ],
    ),
  ).toEqual([
    '  root libatomic1:amd64: 14.2 with other bytes',
    '  root libc6:amd64: 2.41-12 → 2.41-13',
    '  root new:all: new, 2',
    '  root old:all: gone, 1',
  ])
})

test('against an empty lock everything is new', () => {
  expect(drift([], [libc])).toEqual(['  root libc6:amd64: new, 2.41-12'])
})
