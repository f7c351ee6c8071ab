/**
 * What of the clone goes into the box: `node image/programs.ts FOLDER`. The programs stay one file a module at the
 * paths they have here, with their types stripped exactly as Node strips them when it runs the clone; so every path
 * in them holds, and a line of a stack is a line of the source.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const OF_THE_TESTS = /\.(test|bench)\.ts$/
/** A relative path of a module in quotes: imports, `new URL`, tables of programs. */
const MODULE_PATH = /(["'])(\.{1,2}\/[^"'\n]*)\.ts\1/g
const CONTENT = ['rules/*/*.rules', 'rules/controls/*.json', 'hardware/*/profile.json', 'agent/warm-up.pcap'] // biome-ignore format: one list
const PAGES = ['web/**/*.{css,js,svg,png,woff2}']

/** Files of packages that run; not their sources, types, tests, pages and the binaries of other machines. */
const RUNS = /\.(js|cjs|mjs|json|node|css)$|\.so(\.\d+)*$|(^|\/)(licen[cs]e|notice|copying)[^/]*$/i
const RUNS_NOT =
  /(^|\/)(tests?|__tests__|docs?|examples?|bench(marks?)?|deps|src\/.*\.(c|h|cc|cpp)|\.github)\/|\.d\.(ts|mts|cts)$|\.map$|musl|darwin|win32|arm64/

interface Locked {
  dev?: boolean
  devOptional?: boolean
  optional?: boolean
}

const [into = ''] = process.argv.slice(2)
if (!into) throw new TypeError('usage: programs.ts FOLDER')

for (const path of globSync('{agent,web}/**/*.ts').sort()) {
  if (OF_THE_TESTS.test(path)) continue
  const target = join(into, path.replace(/\.ts$/, '.js'))
  mkdirSync(dirname(target), { recursive: true })
  const text = stripTypeScriptTypes(readFileSync(path, 'utf8'))
  writeFileSync(target, text.replace(MODULE_PATH, '$1$2.js$1'))
}
for (const path of globSync([...CONTENT, ...PAGES, 'package.json', 'LICENSE', 'NOTICE']).sort())
  copy(path)
for (const folder of packages())
  for (const path of globSync(`${folder}/**/*`, { withFileTypes: true })) {
    const name = join(path.parentPath, path.name)
    const within = name.slice(folder.length + 1)
    if (path.isFile() && RUNS.test(within) && !RUNS_NOT.test(within)) copy(name)
  }

function copy(path: string): void {
  const target = join(into, path)
  mkdirSync(dirname(target), { recursive: true })
  cpSync(path, target, { dereference: true })
}

/** Folders of what the programs use when they run, by the lock. Another machine's binaries are not there. */
function packages(): string[] {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Locked>
  }
  return Object.entries(lock.packages)
    .filter(([path, of]) => path !== '' && !of.dev && !of.devOptional && existsSync(path))
    .map(([path]) => path)
    .filter((path) => !path.includes('/@types/') && !/musl/.test(path))
}
