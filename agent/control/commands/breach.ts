/** `picket breach`: runs the breach suite of this clone and says what was blocked, by which layer, and whether its control showed it. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../base/failure.ts'
import { type Entry, type Line, reportOf, textOf } from '../breach-report.ts'
import { type Command, print, printJson, readOptions } from './options.ts'

const CLONE = fileURLToPath(new URL('../../../', import.meta.url))
const SUITE = join(CLONE, 'test/breach')
const VITEST = join(CLONE, 'node_modules/vitest/vitest.mjs')
const LOOK_MS = 200
const TAIL_CHARS = 4_000
const REFUSED_EXIT = 3

export const command: Command = {
  usage:
    'picket breach [--layer LAYER] [--id ID] [--json]\n\n' +
    'Attacks the layers of this build and takes each away to show that it is what holds. Exit 3 when anything escaped,\n' +
    '1 when a control did not show its layer. It runs in a clone of the source, and takes minutes.',
  async run(args) {
    const options = { layer: { type: 'string' }, id: { type: 'string' } } as const
    const { values, positionals } = readOptions(args, options)
    if (positionals.length > 0)
      throw new Failure('invalid', `picket breach takes no ${positionals[0]}. Try --help.`)
    if (!existsSync(SUITE) || !existsSync(VITEST))
      throw new Failure('not-found', 'This build carries no breach suite. Run it in a clone of the source: npm ci, then npx picket breach.') // biome-ignore format: one line
    const wanted = choose(values)
    const { lines, clean, tail } = await attack(wanted, wanted.length < known().length)
    const report = reportOf(wanted, lines, readData('not-yet.json'))
    if (values.json) printJson(report)
    else print(textOf(report))
    if (!clean && report.escaped + report.failed === 0)
      process.stderr.write(`Something else in the suite failed:\n${tail}\n`)
    if (report.escaped > 0) process.exitCode = REFUSED_EXIT
    else if (report.failed > 0 || !clean) process.exitCode = 1
  },
}

function readData<T>(name: string): T {
  return JSON.parse(readFileSync(join(SUITE, name), 'utf8')) as T
}

function known(): Entry[] {
  return [...readData<Entry[]>('catalogue.json'), ...readData<Entry[]>('own.json')]
}

function choose({ layer, id }: { layer?: string | undefined; id?: string | undefined }): Entry[] {
  const found = known().filter((each) => (layer ?? each.layer) === each.layer && (id ?? each.id) === each.id) // biome-ignore format: one line
  if (found.length > 0) return found
  const layers = [...new Set(known().map((each) => each.layer))].join(', ')
  throw new Failure('not-found', `The catalogue has no such attempt. Its layers: ${layers}.`)
}

interface Attacked {
  lines: Line[]
  clean: boolean
  tail: string
}

/** Runs the suite, or the files and tests of what was chosen, and says each result as it comes. */
async function attack(wanted: readonly Entry[], isPart: boolean): Promise<Attacked> {
  const folder = mkdtempSync(join(tmpdir(), 'picket-breach-'))
  const record = join(folder, 'record.jsonl')
  const ids = new Set(wanted.map(({ id }) => id))
  const files = isPart ? filesNaming(ids) : []
  let [said, tail] = [0, '']
  const tell = () => {
    const lines = readRecord(record).filter(({ id }) => ids.has(id))
    for (const line of lines.filter(({ begun }) => !begun).slice(said)) {
      said++
      process.stderr.write(`${line.outcome.padEnd(9)} ${line.id}${line.by ? `  ${line.by}` : ''}\n`)
    }
    return lines
  }
  try {
    if (isPart && files.length === 0) return { lines: [], clean: true, tail }
    const only = isPart ? ['-t', `(^|\\s)(${[...ids].join('|')}) `] : []
    const args = ['run', '--root', CLONE, '--project', 'breach', '--reporter=dot', ...files, ...only] // biome-ignore format: one line
    const child = spawn(process.execPath, [VITEST, ...args], {
      cwd: CLONE,
      env: { ...process.env, PICKET_BREACH_RECORD: record, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        tail = `${tail}${bytes}`.slice(-TAIL_CHARS)
      })
    const timer = setInterval(tell, LOOK_MS)
    const code = await new Promise((done, fail) => child.on('error', fail).on('close', done))
    clearInterval(timer)
    return { lines: tell(), clean: code === 0, tail }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function filesNaming(ids: ReadonlySet<string>): string[] {
  return readdirSync(SUITE)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/breach/${name}`)
    .filter((path) => {
      const text = readFileSync(join(CLONE, path), 'utf8')
      return [...ids].some((id) => text.includes(`'${id}'`))
    })
}

function readRecord(path: string): Line[] {
  if (!existsSync(path)) return []
  const whole = readFileSync(path, 'utf8')
  const text = whole.slice(0, whole.lastIndexOf('\n') + 1)
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line) // biome-ignore format: one line
}
