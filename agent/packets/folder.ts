/** The segments of one tenant's packet ring, `<data>/ring/<tenant_uid>/`, oldest first by when they were written. */
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where a tenant's ring is. */
export function ringFolder(data: string, tenant_uid: string): string {
  return join(data, 'ring', tenant_uid)
}

export interface SegmentFile {
  /** Order of writing. */
  seq: number
  segment_uid: string
  path: string
  bytes: number
  /** Packet time of a closed segment, microseconds since 1970. One that is open, or whose writer died, says none. */
  fromUs?: number
  toUs?: number
}

const NAME = /^(\d{10})-([0-9a-f]{32})(?:\.open|-(\d{16})-(\d{16})\.closed)$/

export function openName(seq: number, segment_uid: string): string {
  return `${String(seq).padStart(10, '0')}-${segment_uid}.open`
}

export function closedName(open: string, fromUs: number, toUs: number): string {
  const time = (us: number) => String(us).padStart(16, '0')
  return open.replace(/\.open$/, `-${time(fromUs)}-${time(toUs)}.closed`)
}

/** The segments of a folder; names of other make, and what is no plain file, are left alone. */
export function listSegments(folder: string): SegmentFile[] {
  const found: SegmentFile[] = []
  for (const name of namesIn(folder)) {
    const [, seq, segment_uid, from, to] = NAME.exec(name) ?? []
    if (seq === undefined || segment_uid === undefined) continue
    const path = join(folder, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (!stat?.isFile()) continue // retired since
    const bytes = stat.size
    const times = from === undefined ? {} : { fromUs: Number(from), toUs: Number(to) }
    found.push({ seq: Number(seq), segment_uid, path, bytes, ...times })
  }
  return found.sort((a, b) => a.seq - b.seq)
}

/** Ends the ring of a tenant that wants none. Segments go, whatever else lies there stays. */
export function clearRing(folder: string): number {
  const segments = listSegments(folder)
  for (const { path } of segments) rmSync(path, { force: true })
  return segments.length
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
