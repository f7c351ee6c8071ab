/**
 * A vitest reporter for the last lines of `./build.sh test`: what was skipped and why, what failed, then
 * `N passed, N failed, N skipped` alone on a line. Goes to the file that PICKET_COUNT names.
 */
import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'

const SHOWN_CHARS_MAX = 300

export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const path = process.env.PICKET_COUNT
    if (path) writeFileSync(path, `${summary(modules, unhandled).join('\n')}\n`)
  }
}

function summary(modules: readonly TestModule[], unhandled: readonly SerializedError[]): string[] {
  const skipped: string[] = []
  const failed: string[] = []
  let passed = 0
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const result = test.result()
      if (result.state === 'passed') passed++
      else if (result.state === 'skipped')
        skipped.push(`${where(test)}: ${result.note ?? 'no reason given'}`)
      else failed.push(`${where(test)}: ${short(result.errors?.[0]?.message ?? result.state)}`)
    }
    // A file that broke before its first test counts as one failure.
    for (const error of module.errors())
      failed.push(`${module.relativeModuleId}: ${short(error.message)}`)
  }
  for (const error of unhandled) failed.push(`outside any test: ${short(error.message)}`)
  return [
    ...skipped.map((line) => `skipped: ${line}`),
    ...failed.map((line) => `failed: ${line}`),
    `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ]
}

function where(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}

function short(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, SHOWN_CHARS_MAX)
}

export default CountReporter
