/** A row that was acknowledged is in the answer of a question within five seconds, on a box as it is shipped. */
import { expect, test } from 'vitest'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'
import { WholeBox } from './whole-box.ts'

const VISIBLE_MS_MAX = 5000
/** Of one row, where something else has the processors just then. */
const STALL_MS_MAX = 60_000
const ROUNDS = 5

const able = canUnshare()
if (!able) process.stderr.write('visible: skipped, user namespaces are off on this machine\n')

test.skipIf(!able)(
  'from acknowledged to visible: below 5 s, with the settings of a new box',
  async () => {
    await using stack = new AsyncDisposableStack()
    const box = await WholeBox.open({})
    stack.defer(() => box.close())
    const { networks } = box
    await networks.talk('hosts', 'dns-ask', AT.asset, '53', '25', AT.other)
    await until(() => box.acknowledged.size > 10, 'rows are acknowledged', 30_000)
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const known = new Set(box.acknowledged)
      let id: string | undefined
      await until(
        () => {
          id = [...box.acknowledged].find((each) => !known.has(each))
          return id !== undefined
        },
        'a new row is acknowledged',
        30_000,
      )
      const from = performance.now()
      const seen = async () =>
        Number((await box.ask(`SELECT count(*) FROM events WHERE event_id = '${id}'`))[0]?.[0]) ===
        1
      await until(seen, `the row ${id} is visible`, STALL_MS_MAX)
      took.push(performance.now() - from)
    }
    process.stderr.write(`visible: after ${took.map((ms) => ms.toFixed(0)).join(', ')} ms\n`)
    // Not the worst of them: that is what else the machine did, and 1.4 to 3.0 s are usual.
    expect(took.sort((a, b) => a - b)[ROUNDS >> 1]).toBeLessThan(VISIBLE_MS_MAX)
  },
)
