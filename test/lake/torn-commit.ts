/**
 * A power loss in the middle of a commit of the catalog. SQLite does its own writing, so its files are taken before
 * and after a commit, and what may stand between the two is made from both: first the log grows, by sectors in any
 * order; only when the log was synced, the pages of the database change.
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

/** What the disk may hold, the loss having come during the commit that made `after` of `before`; in words. */
export function tearCommit(
  path: string,
  [before, after]: readonly [CatalogBytes, CatalogBytes],
  chance: Chance,
): string {
  const inLog = before.db.equals(after.db) || chance.next() < 0.5
  const log = inLog ? mixed(before.wal, after.wal, chance) : after.wal
  const db = inLog ? before.db : mixed(before.db, after.db, chance)
  writeFileSync(path, db)
  writeFileSync(`${path}-wal`, log)
  return inLog ? 'in its log' : 'in its checkpoint'
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
