/**
 * A vitest reporter for the last lines of `./build.sh test`: what was skipped and why, what failed, then
 * `N passed, N failed, N skipped` alone on a line. Goes to the file that PICKET_COUNT names.
 *
 * Many tests run several real programs against each other on two busy cores. A few files that fail are run a second time, by
 * themselves: beside PICKET_COUNT stands which (`.again`), and that run, told by PICKET_COUNT_FIRST what the first one counted, says
 * of each test that passed now only that it is unsteady. That is a fault still to be found, and its first failure stands there.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'

const SHOWN_CHARS_MAX = 300
/** More files than this that fail have a cause in common. */
const AGAIN_FILES_MAX = 3
/** Its inputs are drawn anew: passing with others says nothing. */
const NEVER_AGAIN = 'fuzz'

/** What one file of tests came to. */
export interface FileCount {
  file: string
  project: string
  passed: number
  skipped: string[]
  failed: string[]
}

export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const path = process.env.PICKET_COUNT
    if (!path) return
    const outside = unhandled.map(({ message }) => `outside any test: ${short(message)}`)
    const counts = modules.map(countOf)
    const before = process.env.PICKET_COUNT_FIRST
    const first = before && existsSync(before) ? (JSON.parse(readFileSync(before, 'utf8')) as FileCount[]) : undefined // biome-ignore format: one line
    writeFileSync(path, `${summary(first ?? counts, outside, first && counts).join('\n')}\n`)
    writeFileSync(`${path}.json`, JSON.stringify(counts))
    rmSync(`${path}.again`, { force: true })
    if (!first && outside.length === 0) writeFileSync(`${path}.again`, again(counts).join('\n'))
  }
}

/** Files to run a second time; none where many failed. */
export function again(counts: readonly FileCount[]): string[] {
  const failed = counts.filter((count) => count.failed.length > 0)
  if (failed.length > AGAIN_FILES_MAX || failed.some(({ project }) => project === NEVER_AGAIN))
    return []
  return failed.map(({ file }) => file)
}

/** Lines of one run, or of two: what the second one ran counts as it says, and what it mended is told. */
export function summary(
  first: readonly FileCount[],
  outside: readonly string[],
  second: readonly FileCount[] = [],
): string[] {
  const anew = new Map(second.map((count) => [`${count.project} ${count.file}`, count]))
  const last = first.map((count) => anew.get(`${count.project} ${count.file}`) ?? count)
  const failed = [...last.flatMap((count) => count.failed), ...outside]
  const skipped = last.flatMap((count) => count.skipped)
  const named = new Set(failed.map(nameIn))
  const unsteady = first.flatMap((count) => count.failed).filter((line) => !named.has(nameIn(line)))
  const passed = last.reduce((sum, count) => sum + count.passed, 0)
  return [
    ...skipped.map((line) => `skipped: ${line}`),
    ...unsteady.map((line) => `unsteady, passed when run again by itself: ${line}`),
    ...failed.map((line) => `failed: ${line}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ]
}

/** `file > test`, of a line that goes on with what was wrong. */
function nameIn(line: string): string {
  return line.split(': ', 1)[0] as string
}

function countOf(module: TestModule): FileCount {
  const count: FileCount = {
    file: module.relativeModuleId,
    project: module.project.name,
    passed: 0,
    skipped: [],
    failed: [],
  }
  for (const test of module.children.allTests()) {
    const result = test.result()
    if (result.state === 'passed') count.passed++
    else if (result.state === 'skipped')
      count.skipped.push(`${where(test)}: ${result.note ?? 'no reason given'}`)
    else count.failed.push(`${where(test)}: ${short(result.errors?.[0]?.message ?? result.state)}`)
  }
  // A file that broke before its first test counts as one failure.
  for (const error of module.errors())
    count.failed.push(`${module.relativeModuleId}: ${short(error.message)}`)
  return count
}

function where(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName.replaceAll(': ', '; ')}`
}

function short(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, SHOWN_CHARS_MAX)
}

export default CountReporter
