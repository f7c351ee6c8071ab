/** Which rows are written, and in which shape, as eve_types asks. Findings are no mere records: who calls this for them decides that. */
import type { EventDraft } from './base/event.ts'
import type { Json } from './detect/eve-app.ts'
import { type DnsSettings, dnsRecords, smbWanted } from './detect/eve-settings.ts'
import { dnsSettings, eveTypes, type Inspection, smbTypes } from './inspection.ts'

export type WriteRow = (draft: EventDraft) => void

/** Takes every row, and gives on those that are wanted. */
export function wantedRows(inspection: Inspection, write: WriteRow): WriteRow {
  const types = eveTypes(inspection)
  const dns = dnsSettings(inspection)
  const smb = smbTypes(inspection)
  if (!types && !dns && !smb) return write
  return (draft) => {
    if (types && !written(types, draft)) return
    const { kind, record } = draft
    if (smb && kind === 'smb' && record && !smbWanted(record as Json, smb)) return
    if (dns && kind === 'dns' && record) shapeDns(draft, dns, write)
    else write(draft)
  }
}

function shapeDns(draft: EventDraft, settings: DnsSettings, write: WriteRow): void {
  for (const record of dnsRecords(draft.record as Json, settings)) write({ ...draft, record })
}

/** Whether a row is among the types asked for. What is no EVE record has no type there. */
function written(types: ReadonlySet<string>, { record }: EventDraft): boolean {
  const type = (record as { event_type?: string } | undefined)?.event_type
  return type === undefined || types.has(type)
}
