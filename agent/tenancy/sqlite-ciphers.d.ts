/** The package has types, but its `exports` do not lead to them: it is better-sqlite3 with two calls more. */
declare module 'better-sqlite3-multiple-ciphers' {
  import type BetterSqlite3 from 'better-sqlite3'

  interface Ciphered extends BetterSqlite3.Database {
    key(key: Buffer): number
    rekey(key: Buffer): number
  }
  const Database: new (path?: string, options?: BetterSqlite3.Options) => Ciphered
  export default Database
}
