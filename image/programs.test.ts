/** The programs as they lie in the box: every path in them leads somewhere, and they start without a compiler. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

let box = ''
const run = (...args: string[]): string =>
  execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })

beforeAll(() => {
  box = mkdtempSync(join(tmpdir(), 'picket-programs-'))
  run('--disable-warning=ExperimentalWarning', 'image/programs.ts', box)
}, 60_000)
afterAll(() => rmSync(box, { recursive: true, force: true }))

test('each path that a program names is there', () => {
  const lost: string[] = []
  for (const path of globSync('{agent,web}/**/*.js', { cwd: box })) {
    const text = readFileSync(join(box, path), 'utf8')
    for (const [, , named = ''] of text.matchAll(/(["'`])(\.{1,2}\/[^"'`\n$]*\.(js|ts))\1/g))
      if (!existsSync(join(box, dirname(path), named))) lost.push(`${path}: ${named}`)
  }
  expect(lost).toEqual([])
})

test('the profiles of machines go along', () => {
  const profiles = 'hardware/*/profile.json'
  expect(globSync(profiles, { cwd: box }).sort()).toEqual(globSync(profiles).sort())
})

test('no test, no type and no binary of another machine goes along', () => {
  const all = globSync('**/*', { cwd: box })
  expect(all.length).toBeGreaterThan(1_000)
  expect(all.filter((path) => /\.(ts|map|pcap)$|\.test\.js$|musl|darwin|win32/.test(path))).toEqual(
    ['agent/warm-up.pcap'],
  )
})

test('they open databases, the lake and the kernel from there', () => {
  const data = join(box, 'data')
  const cli = join(box, 'agent/cli.js')
  run('--no-strip-types', cli, 'init', '--data', data, '--tenant', 'site-one')
  const rows = run(
    ...['--no-strip-types', cli, 'query', '--json', '--data', data],
    ...['--scope', 'site-one', '--sql', 'SELECT 41 + 1 AS answer'],
  )
  expect(rows).toContain('42')
  const rules = globSync(join(box, 'rules/*/*.rules'))
  expect(run('--no-strip-types', cli, 'rules', 'check', ...rules)).toMatch(/^(\d+) of \1 rules/m)
}, 90_000)
