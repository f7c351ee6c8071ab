/** The cases of suricata-verify: what passes stays so, what fails is listed with its reason, and the rates are told. */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { corpus } from '../traffic/corpus.ts'
import known from './suricata-verify.known.json' with { type: 'json' }
import { type Case, groupsOf, type Judged, keywordsIn, readCases } from './suricata-verify-cases.ts'

const CASE_MS_MAX = 20_000
const PROGRAM = fileURLToPath(new URL('./replay-cases.ts', import.meta.url))
const folder = corpus('suricata-verify')
const rules = corpus('rules')
const reasons: Readonly<Record<string, string>> = known

let child: ChildProcess | undefined
afterAll(() => void child?.kill('SIGKILL'))

/** In the child; it is ended when it dies or takes too long, and the case has failed. */
function judged(each: Case): Promise<Judged> {
  child ??= fork(PROGRAM)
  const worker = child
  return new Promise((resolve) => {
    const done = (outcome: Judged) => {
      clearTimeout(late)
      worker.removeAllListeners()
      resolve(outcome)
    }
    const failed = (why: string) => {
      child = undefined
      done({ id: each.id, passed: false, why: [why] })
    }
    const late = setTimeout(() => {
      worker.kill('SIGKILL')
      failed(`it is not through after ${CASE_MS_MAX} ms`)
    }, CASE_MS_MAX)
    worker.once('message', (said) => done(said as Judged))
    worker.once('exit', (code, signal) => failed(`the process died: ${code ?? signal}`))
    worker.send({ folder, each })
  })
}

describe.skipIf(!folder || !rules)('suricata-verify', () => {
  test('the cases that fail are those that are listed, each with a reason', async () => {
    const words = new Set(
      ['et-open-2020-BSD.rules', 'et-open-2025-BSD.rules'].flatMap((file) => [
        ...keywordsIn(readFileSync(join(rules as string, file), 'utf8')),
      ]),
    )
    const cases = readCases(folder as string)
    const all: Judged[] = []
    const rates = new Map<string, { passed: number; total: number }>()
    for (const each of cases) {
      const done = await judged(each)
      all.push(done)
      for (const name of ['all', ...groupsOf(each, words)]) {
        const rate = rates.get(name) ?? { passed: 0, total: 0 }
        rates.set(name, { passed: rate.passed + Number(done.passed), total: rate.total + 1 })
      }
    }
    for (const [name, { passed, total }] of rates)
      process.stdout.write(
        `${((passed / total) * 100).toFixed(1)} % ${name}: ${passed} of ${total}\n`,
      )
    const report = process.env.PICKET_VERIFY_REPORT
    if (report) writeFileSync(report, JSON.stringify(all, null, 1))
    const surprises = all.flatMap(({ id, passed, why }) => {
      if (passed) return reasons[id] === undefined ? [] : [`${id} passes but is listed`]
      return reasons[id] === undefined ? [`${id} fails: ${why.join('; ')}`] : []
    })
    const gone = Object.keys(reasons).filter((id) => !cases.some((each) => each.id === id))
    expect([...surprises, ...gone.map((id) => `${id} is listed but is no case`)]).toEqual([])
  })
})
