/** A catalog edited by one who has its key, signed again by one who has that too, and opened by less and less of what looks at it. */
import { join } from 'node:path'
import type { Json } from '../../agent/base/canonical.ts'
import type { Envelope } from '../../agent/base/signing.ts'
import { Catalog, type FileFilter, type FileRow, totals } from '../../agent/lake/catalog.ts'
import { openCell } from '../../agent/lake/cell.ts'
import { openSealedDb, type SealedDb } from '../../agent/tenancy/sealed-db.ts'
import type { Site } from '../lake/site.ts'
import { askEngine } from './ask-engine.ts'
import type { Run } from './attempt.ts'
import { ANCHOR } from './lake-layers.ts'

const folderOf = (site: Site, tenant_id: string) =>
  join(site.data, 'tenants', site.lake(tenant_id).tenant.tenant_uid)

export const catalogPath = (site: Site, tenant_id = 'alfa') =>
  join(folderOf(site, tenant_id), 'catalog.db')

/** While the lake is shut. */
export async function inCatalog<T>(site: Site, act: (db: SealedDb) => T | Promise<T>): Promise<T> {
  const { tenant, catalog } = site.lake('alfa')
  catalog.close()
  const db = openSealedDb(catalogPath(site), await site.keys.catalogKey(tenant), '')
  try {
    return await act(db)
  } finally {
    db.close()
  }
}

/** The same generation with a head that fits its rows. */
export async function signAgain(site: Site, db: SealedDb): Promise<void> {
  const { envelope } = db.prepare('SELECT envelope FROM head').get() as { envelope: string }
  const rows = db.prepare('SELECT * FROM file').all() as FileRow[]
  const head = {
    ...JSON.parse((JSON.parse(envelope) as Envelope).body),
    ...totals(new Map(rows.map((row) => [row.file_uid, row]))),
  }
  const signed = await site.keys.sign(head as Json)
  db.prepare('UPDATE head SET envelope = ?').run(JSON.stringify(signed))
}

/** Opened as the lake does at its start; without ANCHOR nobody remembers a generation. */
export function openCatalog(site: Site, run: Run, tenant_id = 'alfa'): Promise<Catalog> {
  const { tenant } = site.lake(tenant_id)
  const keys = run.without(ANCHOR) ? { ...site.keys, anchorCatalog: async () => {} } : site.keys
  return Catalog.open({ folder: folderOf(site, tenant_id), tenant, keys })
}

/** What a cell answers over the files that the catalog names for this filter. */
export async function answerOf(
  site: Site,
  { catalog, filter = {}, sql }: { catalog: Catalog; filter?: FileFilter; sql: string },
): Promise<unknown> {
  const { tenant_id, tenant_uid, fleet_id } = site.lake('alfa').tenant
  const branches = [...Map.groupBy(catalog.files(filter), ({ epoch }) => epoch)].map(
    ([epoch, files]) => ({
      tenant_id,
      fleet_id,
      key: site.keys.keyFor(tenant_uid, epoch).toString('base64'),
      paths: files.map((file) => catalog.absolute(file)),
    }),
  )
  return askEngine(openCell(branches), sql)
}
