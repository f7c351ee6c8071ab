/** picket-keys away, for as long as a lake works several times: the lake lives on, and goes on when keys is back. */
import { expect, test } from 'vitest'
import { RunningLake } from './running-lake.ts'

const ROUNDS_MS = 2_000 // four of its rounds
const row = { host: 'plc-1', message: 'a row' }

test('the lake outlives a picket-keys that was killed, and takes rows in again after', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa' }, { settleSeconds: 0.2 })
  stack.defer(() => running.close())
  const pid = running.pid('lake')
  await running.stop('keys', 'SIGKILL')
  await new Promise((done) => setTimeout(done, ROUNDS_MS))
  expect(() => process.kill(pid, 0), running.logs.slice(-500)).not.toThrow()
  expect((await running.lake((lake) => lake.status())).tenants).toHaveLength(1)
  await running.start('keys')
  await running.import('alfa', [row])
  expect((await running.ask(['alfa'], 'SELECT count(*) FROM events')).rows).toEqual([[1]])
})
