/** What the log of a primary holds, each summary opened and verified again: the evidence behind its picture. */
import type { Envelope } from '../base/signing.ts'
import { verifySummary } from '../summary/verify.ts'
import type { ReceivedLog } from './received.ts'
import { KIND_SUMMARY, openRecord } from './record.ts'
import type { Site } from './sites.ts'

/** Newest; a larger log is asked by tenant. */
export const LIST_MAX = 20_000
/** Three days of five-minute windows, within one answer between processes. */
const EXPORT_MAX = 900

export interface ReceivedSummary {
  tenant_id: string
  epoch: number
  sequence: number
  /** Of the sealed message as it came. */
  bytes: number
  /** Its signature holds now, as it did when it came. */
  verified: boolean
  /** After the end of its own window; negative when the sender's clock is ahead. */
  receivedAfterMs: number
  /** Microseconds since 1970. */
  receivedAt: number
}

/** In the order they came. */
export function listReceived(
  log: ReceivedLog,
  sites: ReadonlyMap<string, Site>,
  tenant_id?: string,
): ReceivedSummary[] {
  const list: ReceivedSummary[] = []
  for (const record of log.read()) {
    const { head } = record
    const site = sites.get(head.tenant_uid)
    if (head.kind !== KIND_SUMMARY || !site || site.member.appliance_id !== head.appliance_id)
      continue
    if (tenant_id !== undefined && site.member.tenant_id !== tenant_id) continue
    const envelope = openRecord(record, site.storeKey)
    const { epoch, sequence, bytes, receivedAt } = head
    list.push({
      ...{ tenant_id: site.member.tenant_id, epoch, sequence, bytes, receivedAt },
      verified: envelope !== undefined && typeof verifySummary(envelope, site.speaker) !== 'string',
      receivedAfterMs: Math.round((receivedAt - windowEnd(envelope, receivedAt)) / 1000),
    })
    if (list.length > LIST_MAX) list.shift()
  }
  return list
}

/** The newest summaries of one site as it signed them, in the order they came: for somebody who trusts no console. */
export function envelopesOf(
  log: ReceivedLog,
  sites: ReadonlyMap<string, Site>,
  tenant_id: string,
): Envelope[] {
  const site = [...sites.values()].find(({ member }) => member.tenant_id === tenant_id)
  const list: Envelope[] = []
  if (!site) return list
  for (const record of log.read()) {
    if (record.head.tenant_uid !== site.member.tenant_uid) continue
    const envelope = openRecord(record, site.storeKey)
    if (envelope) list.push(envelope)
    if (list.length > EXPORT_MAX) list.shift()
  }
  return list
}

function windowEnd(envelope: Envelope | undefined, otherwise: number): number {
  if (!envelope) return otherwise
  const { window } = JSON.parse(envelope.body) as { window: { to: number } }
  return window.to
}
