/** One question to an engine of this process, which ends with it. */
import type { DuckDBInstance } from '@duckdb/node-api'

export async function askEngine(
  made: Promise<DuckDBInstance>,
  sql: string,
): Promise<readonly unknown[][]> {
  const engine = await made
  const connection = await engine.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson()
  } finally {
    connection.closeSync()
    engine.closeSync()
  }
}
