/**
 * The yardstick: the engine alone over plain files of all tenants in one list, no scope, no key, no lock, no confinement. It speaks
 * as `run-cell.ts` does and turns values into JSON with the same code, so that only what we add is the difference.
 */
import type { DuckDBInstance } from '@duckdb/node-api'
import { answer, type CellQuestion } from '../../../agent/lake/cell-answer.ts'
import { literal, openEngine } from '../../../agent/lake/engine.ts'
import { readMessages, sendMessage } from '../../../agent/lake/pipe.ts'

export type ToPlain = { type: 'open'; paths: string[] } | ({ type: 'ask' } & CellQuestion)

let instance: DuckDBInstance | undefined
;(await openEngine({ memoryMiB: 64 })).closeSync()
readMessages(
  process.stdin,
  (message) => {
    act(message as ToPlain).catch((error: unknown) =>
      sendMessage(process.stdout, { type: 'failed', message: String(error) }),
    )
  },
  () => process.exit(1),
)
process.stdin.on('end', () => process.exit(0))
sendMessage(process.stdout, { type: 'ready' })

async function act(message: ToPlain): Promise<void> {
  if (message.type === 'open') {
    instance = await openEngine({ memoryMiB: 256, threads: 2 })
    const connection = await instance.connect()
    const files = message.paths.map(literal).join(', ')
    await connection.run(`CREATE VIEW events AS SELECT * FROM read_parquet([${files}])`)
    connection.closeSync()
    sendMessage(process.stdout, { type: 'opened' })
    return
  }
  const truncated = await answer(instance as DuckDBInstance, message, {
    columns: (names) => void sendMessage(process.stdout, { type: 'columns', names }),
    rows: (rows) => sendMessage(process.stdout, { type: 'rows', rows }),
    drained: () => new Promise((done) => process.stdout.once('drain', done)),
  })
  sendMessage(process.stdout, { type: 'end', truncated })
}
