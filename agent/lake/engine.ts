/** DuckDB as this appliance opens it: in memory, no extensions, no secrets, no unsafe cryptography. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { Failure } from '../base/failure.ts'

export interface EngineOptions {
  memoryMiB: number
  threads?: number
  /** For what does not fit in memory; must be on tmpfs. Nothing is spilled without it. */
  spill?: string
}

export async function openEngine(options: EngineOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads ?? 1),
    memory_limit: `${options.memoryMiB}MB`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    allow_unsigned_extensions: 'false',
    allow_persistent_secrets: 'false',
    temp_directory: options.spill ?? '',
    max_temp_directory_size: options.spill ? '1GB' : '0KB',
  })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    await refuseUnsafe(connection)
  } finally {
    connection.closeSync()
  }
  return instance
}

/** With this setting the engine would write "encrypted" Parquet whose nonces can be guessed. */
export async function refuseUnsafe(connection: DuckDBConnection): Promise<void> {
  const rows = await read(connection, "SELECT value FROM duckdb_settings() WHERE name = 'force_mbedtls_unsafe'") // biome-ignore format: one line
  if (rows[0]?.[0] !== 'false')
    throw new Failure('refused', 'The engine is set to unsafe cryptography: force_mbedtls_unsafe.')
}

export async function read(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][]
}

/** A string or path as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
