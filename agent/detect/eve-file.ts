/** EVE's fileinfo: what a message carried, told when it is whole or over. */
import { createHash } from 'node:crypto'
import type { EventDraft } from '../base/event.ts'
import { brief } from '../base/text.ts'
import type { Transaction } from '../decode/records.ts'
import { eveRow, type FlowView, type Moment } from './eve.ts'
import { eveOf, type Json } from './eve-app.ts'
import { eveFile, filesOf, type ToldFile } from './eve-files.ts'

export type FileHash = 'md5' | 'sha1' | 'sha256'

/** A row for each file of the transaction. `hashes` of a file are told only when all of it was kept. */
export function fileEvents(
  view: FlowView,
  tx: Transaction,
  moment: Moment,
  hashes: readonly FileHash[] = [],
): EventDraft[] {
  const files = filesOf(tx)
  if (files.length === 0) return []
  const { tx_id, ...about } = eveOf(tx)
  return files.map((file) => {
    const digests = digestsOf(file, hashes)
    const fileinfo = eveFile(file, typeof tx_id === 'number' ? tx_id : 0, digests)
    return row(view, file, moment, { ...about, app_proto: tx.proto, fileinfo })
  })
}

function digestsOf(
  { whole, body, size }: ToldFile,
  hashes: readonly FileHash[],
): Record<string, string> {
  const digests: Record<string, string> = {}
  if (whole && body.length === size)
    for (const name of hashes) digests[name] = createHash(name).update(body).digest('hex')
  return digests
}

function row(
  view: FlowView,
  { toServer, filename, size }: ToldFile,
  moment: Moment,
  record: Json,
): EventDraft {
  const sender = toServer ? view.client : view.server
  return eveRow(
    view,
    'file',
    'fileinfo',
    { ...moment, toServer },
    {
      app_proto: String(record.app_proto),
      message: `${sender} sent ${brief(filename, 120)}, ${size} bytes.`,
      record,
    },
  )
}
