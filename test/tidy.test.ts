/** Checks of the code itself: imports follow the data path, files stay small, nothing is left over. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path/posix'
import { expect, test } from 'vitest'

const LINES_MAX = 600
const LINES_USUAL = 300 // 95 % of files stay below
const LEFTOVER = /\b(FIXME|XXX|TODO|test\.only|describe\.only)\b/
/** A file as a page names it; `*` stands for several. */
const NAMED = /^[\w./*-]+\.(ts|sh|css|js|png|jsonl)$/
const VAGUE = /(^|\/)(utils?|helpers?|common|misc|manager|data|process)(\/|\.|-)/

const files = globSync('{agent,web,image,test}/**/*.ts').map((path) => ({
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
  'packets',
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
      return part !== 'test' && part !== 'image' && below !== undefined ? [`${part}/${folder}`] : []
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

test('each folder has its page', () => {
  const folders = new Set([
    ...files.map(({ path }) => dirname(path)),
    ...globSync('rules/*/rule.rules').map((path) => dirname(path)),
    'rules',
    'rules/controls',
  ])
  expect([...folders].filter((folder) => !existsSync(join(folder, 'README.md')))).toEqual([])
})

test('a page names no file that is gone', () => {
  const gone: string[] = []
  for (const page of globSync(['*.md', '{agent,web,image,test,rules}/**/README.md']))
    for (const [, words = ''] of readFileSync(page, 'utf8').matchAll(/`([^`\n]+)`/g))
      for (const name of words.split(' ').filter((word) => NAMED.test(word)))
        if (
          !['.', dirname(page), `${dirname(page)}/*`, 'agent'].some(
            (at) => globSync(join(at, name)).length > 0,
          )
        )
          gone.push(`${page}: ${name}`)
  expect(gone).toEqual([])
})

test('nothing is left over', () => {
  const left = files.filter(({ path, text }) => path !== 'test/tidy.test.ts' && LEFTOVER.test(text))
  expect(left.map(({ path }) => path)).toEqual([])
})
