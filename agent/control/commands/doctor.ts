/** `picket doctor`: what this machine lacks for the whole duty, and the line that brings it. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { boundaries } from '../boundaries.ts'
import { type Command, dataFolder, print, printJson, readOptions, table } from './options.ts'

interface Finding {
  what: string
  ok: boolean
  why: string
  package?: string
}

const LIBRARIES = [
  { file: 'libpcre2-8.so.0', package: 'libpcre2-8-0', why: 'regular expressions in rules' },
  { file: 'libnftables.so.1', package: 'libnftables1', why: 'blocking' },
]
const PROGRAMS = [
  { file: 'unshare', package: 'util-linux', why: 'cells without a network, as users of their own' },
  { file: 'setpriv', package: 'util-linux', why: 'programs with the rights of their row alone' },
]

async function examine(data: string): Promise<Finding[]> {
  const libraries = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? ''
  const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [
    {
      what: 'Node 26',
      ok: Number(process.versions.node.split('.')[0]) >= 26,
      why: `this is ${process.versions.node}`,
    },
    ...LIBRARIES.map((each) => ({
      what: each.file,
      ok: libraries.includes(each.file),
      why: each.why,
      package: each.package,
    })),
    ...PROGRAMS.map((each) => ({
      what: each.file,
      ok: folders.some((folder) => existsSync(`${folder}/${each.file}`)),
      why: each.why,
      package: each.package,
    })),
    ...(await boundaries(data)).map(({ name, real, because }) => ({
      what: name,
      ok: real,
      why: because,
    })),
    {
      what: 'swap is off',
      ok: readFileSync('/proc/swaps', 'utf8').trim().split('\n').length <= 1,
      why: 'keys stay in memory',
    },
  ]
}

export const command: Command = {
  usage:
    'picket doctor [--json]\n\nSays what this machine lacks for the whole duty, and what to install.',
  async run(args) {
    const { values } = readOptions(args, {})
    const found = await examine(dataFolder(values.data))
    const lacking = [
      ...new Set(found.flatMap((each) => (!each.ok && each.package ? [each.package] : []))),
    ]
    if (values.json) return printJson({ checks: found, install: lacking })
    print(table(found.map(({ what, ok, why }) => [ok ? 'ok' : 'lacks', what, why])))
    if (lacking.length > 0) print(`\napt-get install --no-install-recommends ${lacking.join(' ')}`)
  },
}
