import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** In a process of its own: the helpers of this one go on as they were. Field 41 of stat (proc(5)) is a thread's policy. */
const SEEN = `
import { readdirSync, readFileSync } from 'node:fs'
import { v8ThreadsWait } from ${JSON.stringify(new URL('v8-threads.ts', import.meta.url).href)}
const policies = () => readdirSync('/proc/self/task').map((id) => {
  const [name, rest] = readFileSync('/proc/self/task/' + id + '/stat', 'latin1').split(/^\\d+ \\(|\\) /).slice(1)
  return [name, Number(rest.split(' ')[38])]
})
const before = policies()
const told = v8ThreadsWait()
console.log(JSON.stringify({ before, told, after: policies() }))
`

test('helpers of V8 yield to the threads that look at frames, and those stay as they are', () => {
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', SEEN], {
    encoding: 'utf8',
  })
  expect(ran.stderr).toBe('')
  const { before, told, after } = JSON.parse(ran.stdout)
  const [NORMAL, BATCH] = [0, 3]
  expect(told).toBeGreaterThan(0)
  expect(before.every(([, policy]: [string, number]) => policy === NORMAL)).toBe(true)
  const waiting = after.filter(([, policy]: [string, number]) => policy === BATCH)
  expect(waiting).toEqual(Array(told).fill(['node-V8Worker', BATCH]))
  expect(after.length - waiting.length).toBeGreaterThan(0)
})
