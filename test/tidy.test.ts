/** Checks of the code itself: imports follow the data path, files stay small, nothing is left over. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path/posix'
import { expect, test } from 'vitest'

const LINES_MAX = 600
const LINES_USUAL = 300 // 95 % of files stay below
const LEFTOVER = /\b(FIXME|XXX|TODO|test\.only|describe\.only)\b/
const VAGUE = /(^|\/)(utils?|helpers?|common|misc|manager|data|process)(\/|\.|-)/

const files = globSync('{agent,web,test}/**/*.ts').map((path) => ({
  path,
  text: readFileSync(path, 'utf8'),
}))

/** The folders of agent/ in the order of the data path: one imports only from those before it. */
const AGENT = [
  'base',
  'capture',
  'decode',
  'flow',
  'intake',
  'detect',
  'contain',
  'tenancy',
  'keys',
  'audit',
  'lake',
  'graph',
  'summary',
  'link',
  'health',
  'control',
]
const WEB = ['base', 'identity', 'fleet', 'provider', 'cases', 'content', 'reports', 'ui', 'routes']

/** What web/ may use of agent/: the words, the rules of tenancy, the clients. */
const WEB_MAY = /^agent\/(base|tenancy|control)\//

/** What `path` may not import, in words, or nothing. */
function wrongImport(path: string, target: string): string | undefined {
  const [part = '', folder = '', below] = path.split('/')
  const [targetPart = '', targetFolder = ''] = target.split('/')
  if (
    part === 'test' ||
    basename(path).endsWith('.test.ts') ||
    basename(path).endsWith('.bench.ts')
  )
    return
  if (targetPart === 'test') return 'is a test'
  if (path === 'agent/cli.ts')
    return targetFolder === 'base' ? undefined : 'is more than cli.ts may know'
  if (part === 'web' && targetPart === 'agent')
    return WEB_MAY.test(target) ? undefined : 'is what the web must never hold'
  if (part !== targetPart) return 'is another part'
  if (below === undefined) return // main.ts and its like wire everything
  const order = part === 'agent' ? AGENT : WEB
  return order.indexOf(targetFolder) > order.indexOf(folder)
    ? 'is further down the path'
    : undefined
}

test('imports point up the data path', () => {
  const wrong: string[] = []
  for (const { path, text } of files)
    for (const [, relative = ''] of text.matchAll(/from '(\.[^']+)'/g)) {
      const target = join(path, '..', relative)
      const reason = wrongImport(path, target)
      if (reason) wrong.push(`${path} imports ${target}, which ${reason}`)
    }
  expect(wrong).toEqual([])
})

test('each folder of the engine stands in the path', () => {
  const known = new Set([
    ...AGENT.map((name) => `agent/${name}`),
    ...WEB.map((name) => `web/${name}`),
  ])
  const folders = new Set(
    files.flatMap(({ path }) => {
      const [part, folder, below] = path.split('/')
      return part !== 'test' && below !== undefined ? [`${part}/${folder}`] : []
    }),
  )
  expect([...folders].filter((folder) => !known.has(folder))).toEqual([])
})

test('files fit in a head', () => {
  const over = (limit: number) => files.filter(({ text }) => text.split('\n').length > limit)
  expect(over(LINES_MAX).map(({ path }) => path)).toEqual([])
  expect(over(LINES_USUAL).length).toBeLessThanOrEqual(files.length * 0.05)
})

test('names say something', () => {
  expect(files.map(({ path }) => path).filter((path) => VAGUE.test(path))).toEqual([])
})

test('nothing is left over', () => {
  const left = files.filter(({ path, text }) => path !== 'test/tidy.test.ts' && LEFTOVER.test(text))
  expect(left.map(({ path }) => path)).toEqual([])
})
