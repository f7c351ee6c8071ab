/** Reading the trail for people: newest first, one page at a time, only the lines of a scope. */
import { EVERY_TENANT, hashOf, type Line, parseLine } from './line.ts'
import { linesOf, segments } from './segment.ts'

export const PAGE_LINES_MAX = 500
const SCAN_LINES_MAX = 50_000 // about a second; the answer then says where to go on

export interface PageQuery {
  limit: number
  /** Only lines with a lower sequence. */
  before?: number | undefined
  /** Whose lines; lines of the whole box are shown when `boxWide`. */
  tenantUids: ReadonlySet<string>
  boxWide: boolean
}

export interface Page {
  lines: { line: Line; hash: string }[]
  before?: number
}

export function pageOf(folder: string, { limit, before, tenantUids, boxWide }: PageQuery): Page {
  const wanted = Math.min(limit, PAGE_LINES_MAX)
  const found: Page['lines'] = []
  let scanned = 0
  for (const path of segments(folder).reverse()) {
    const lines = [...linesOf(path)].filter(({ whole }) => whole).reverse()
    for (const { bytes } of lines) {
      const line = parseLine(bytes)
      if (!line || (before !== undefined && line.seq >= before)) continue
      if (++scanned > SCAN_LINES_MAX) return { lines: found, before: line.seq + 1 }
      const shown = line.tenant_uid === EVERY_TENANT ? boxWide : tenantUids.has(line.tenant_uid)
      if (!shown) continue
      if (found.length === wanted) return { lines: found, before: found.at(-1)?.line.seq ?? 0 }
      found.push({ line, hash: hashOf(bytes) })
    }
  }
  return { lines: found }
}
