/** The guard of SQL on an engine of its own, for tests: what it says of a question. */
import type { DuckDBConnection } from '@duckdb/node-api'
import { openEngine } from '../../agent/lake/engine.ts'
import { type GuardScope, guardSql } from '../../agent/lake/sql-guard.ts'

export interface SqlJudge {
  connection: DuckDBConnection
  /** `ok`, or the words of the refusal. */
  judge(sql: string): Promise<string>
  close(): void
}

export async function openJudge(scope: GuardScope): Promise<SqlJudge> {
  const engine = await openEngine({ memoryMiB: 128 })
  const connection = await engine.connect()
  return {
    connection,
    judge: (sql) =>
      guardSql(connection, sql, scope).then(
        () => 'ok',
        (error: Error) => error.message,
      ),
    close: () => {
      connection.closeSync()
      engine.closeSync()
    },
  }
}
