/** The names of D18: `p/v1/<fleet_uid>/<tenant_uid>/<appliance_id>/{sum,lwt,ack,ctl}`. Nothing else is a topic. */
import { UID } from '../base/ids.ts'

export const KINDS = ['sum', 'lwt', 'ack', 'ctl'] as const
export type TopicKind = (typeof KINDS)[number]

export interface Topic {
  fleet_uid: string
  tenant_uid: string
  appliance_id: string
  kind: TopicKind
}

/** Who a certificate, and so a client, is (D18). */
export interface Peer {
  tenant_uid: string
  appliance_id: string
}

const URN = /^urn:picket:([0-9a-f]{32}):([0-9a-f]{32})$/

export function formatTopic({ fleet_uid, tenant_uid, appliance_id, kind }: Topic): string {
  return `p/v1/${fleet_uid}/${tenant_uid}/${appliance_id}/${kind}`
}

/** The parts, or nothing for whatever is no topic of ours: wildcards, `$SYS`, `$share` among it. */
export function parseTopic(text: string): Topic | undefined {
  const [p, version, fleet_uid = '', tenant_uid = '', appliance_id = '', kind, ...rest] =
    text.split('/')
  const known = KINDS.find((each) => each === kind)
  if (p !== 'p' || version !== 'v1' || rest.length > 0 || !known) return undefined
  if (!UID.test(fleet_uid) || !UID.test(tenant_uid) || !UID.test(appliance_id)) return undefined
  return { fleet_uid, tenant_uid, appliance_id, kind: known }
}

export function sanUri({ tenant_uid, appliance_id }: Peer): string {
  return `urn:picket:${tenant_uid}:${appliance_id}`
}

/** Out of Node's `subjectaltname` ("URI:urn:picket:…, DNS:…"); nothing unless exactly one such name stands there. */
export function peerOfSan(subjectaltname: string | undefined): Peer | undefined {
  const found = (subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => URN.exec(name.slice(4)))
  const [only] = found
  if (found.length !== 1 || !only) return undefined
  return { tenant_uid: only[1] as string, appliance_id: only[2] as string }
}
