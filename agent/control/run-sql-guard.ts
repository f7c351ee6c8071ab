/** The SQL guard as its own process: hostile text is parsed by native code where no key and no file is. */
import { Failure, type Kind } from '../base/failure.ts'
import { introduce } from '../lake/activated-child.ts'
import { confine, hide } from '../lake/confine.ts'
import { openEngine } from '../lake/engine.ts'
import { becomeOwnUser } from '../lake/own-user.ts'
import { readMessages, sendMessage } from '../lake/pipe.ts'
import { type GuardScope, guardSql } from '../lake/sql-guard.ts'

export interface ToGuard {
  id: number
  sql: string
  scope: GuardScope
}
export type FromGuard = { id: number; error?: { kind: Kind; message: string } } | { ready: true }

becomeOwnUser()
hide()
introduce(process.stdout)
const engine = await openEngine({ memoryMiB: 128 })
const connection = await engine.connect()
await guardSql(connection, 'SELECT 1', { tenants: [], fleets: [] }) // warm before the doors close
await confine([])

const die = () => process.kill(process.pid, 'SIGKILL')
process.stdin.on('end', die)
process.stdin.on('error', die)
process.stdout.on('error', die)
readMessages(
  process.stdin,
  (message) => {
    const { id, sql, scope } = message as ToGuard
    guardSql(connection, sql, scope).then(
      () => sendMessage(process.stdout, { id } satisfies FromGuard),
      (error: unknown) => {
        const known = error instanceof Failure
        const text = known ? error.message : 'The question could not be judged.'
        const answer = { id, error: { kind: known ? error.kind : 'invalid', message: text } }
        sendMessage(process.stdout, answer satisfies FromGuard)
      },
    )
  },
  die,
)
sendMessage(process.stdout, { ready: true } satisfies FromGuard)
