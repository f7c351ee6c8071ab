/** A lake of very many very small files, as it is after days without compaction; and a question over all of them. */
import { copyFileSync, linkSync } from 'node:fs'
import { newUid } from '../../agent/base/ids.ts'
import { CELL_LIMITS, CellClient } from '../../agent/control/cell-client.ts'
import type { FileRow } from '../../agent/lake/catalog.ts'
import { settle } from '../../agent/lake/settle.ts'
import type { Site } from './site.ts'

const LINKS_MAX = 10_000 // of one inode; ext4 allows 65,000
const ROWS = 3
const BYTES_MAX = 50 << 20

/** One settled file, then so many under other names; all in the catalog. */
export async function manyFiles(site: Site, count: number): Promise<{ rows: number }> {
  await site.write(Array.from({ length: ROWS }, (_, i) => ({ host: `h${i}` })))
  await settle(site.lake())
  const { catalog } = site.lake()
  const [first] = catalog.files() as [FileRow]
  let from = catalog.absolute(first)
  const add: FileRow[] = []
  for (let i = 1; i < count; i++) {
    const file_uid = newUid()
    const path = catalog.newPath(0, file_uid)
    const to = catalog.absolute({ path })
    if (i % LINKS_MAX === 0) {
      copyFileSync(from, to)
      from = to
    } else linkSync(from, to)
    add.push({ ...first, file_uid, path })
  }
  await catalog.commit({ add })
  return { rows: count * ROWS }
}

/** As a question to the box goes, from the files to the answer, in a cell that is confined to them. */
export async function countRows(site: Site): Promise<number> {
  const { catalog, tenant } = site.lake()
  const files = catalog.files()
  const cell = await CellClient.start(CELL_LIMITS)
  try {
    await cell.confine(files.map((file) => catalog.absolute(file)))
    await cell.open(
      [...Map.groupBy(files, ({ epoch }) => epoch)].map(([epoch, some]) => ({
        tenant_id: tenant.tenant_id,
        fleet_id: tenant.fleet_id,
        key: site.keys.keyFor(tenant.tenant_uid, epoch).toString('base64'),
        paths: some.map((file) => catalog.absolute(file)),
      })),
    )
    const { rows } = await cell.ask({ sql: 'SELECT count(*) FROM events', params: {}, bytesMax: BYTES_MAX }) // biome-ignore format: one line
    return Number(rows[0]?.[0])
  } finally {
    cell.kill()
  }
}
