/**
 * A power loss while SQLite writes the catalog. It does its own writing, so its files are taken before and after, and
 * what may stand between the two is made from both. First the log grows, by sectors in any order; only when the log
 * was synced do pages of the database change, and only when those were synced does the log go.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Chance } from '../traffic/chance.ts'

const SECTOR_BYTES = 512

export interface CatalogBytes {
  db: Buffer
  wal: Buffer
}

export function catalogBytes(path: string): CatalogBytes {
  const wal = `${path}-wal`
  return { db: readFileSync(path), wal: existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0) }
}

/** The loss came while a commit was written. */
export function tearLog(
  path: string,
  [before, after]: readonly [CatalogBytes, CatalogBytes],
  chance: Chance,
): void {
  writeFileSync(path, before.db)
  writeFileSync(`${path}-wal`, mixed(before.wal, after.wal, chance))
}

/** The loss came while the log was brought into the database. */
export function tearPages(
  path: string,
  [before, after]: readonly [CatalogBytes, CatalogBytes],
  chance: Chance,
): void {
  writeFileSync(path, mixed(before.db, after.db, chance))
  writeFileSync(`${path}-wal`, before.wal)
}

/** Sectors of the one or the other; or those of `after` up to some byte, as a write in order leaves them. */
function mixed(before: Buffer, after: Buffer, chance: Chance): Buffer {
  const size = Math.max(before.length, after.length)
  const all = Buffer.alloc(size)
  before.copy(all)
  if (chance.next() < 0.5) {
    const first = firstDifference(before, after)
    after.copy(all, 0, 0, chance.int(first, after.length))
    return all
  }
  for (let at = 0; at < after.length; at += SECTOR_BYTES)
    if (chance.next() < 0.5) after.copy(all, at, at, Math.min(after.length, at + SECTOR_BYTES))
  return all
}

function firstDifference(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length)
  for (let at = 0; at < end; at++) if (a[at] !== b[at]) return at
  return end
}
