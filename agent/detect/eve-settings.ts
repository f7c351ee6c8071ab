/** Records in the shape that settings of EVE's types ask for: DNS in version 2, only its questions, only some types. */
import type { Json } from './eve-app.ts'

export interface DnsSettings {
  version: 2 | 3
  requests: boolean
  responses: boolean
  /** Upper case names; undefined: all. */
  types: ReadonlySet<string> | undefined
}

interface DnsJson extends Json {
  type: string
  queries?: { rrname: string; rrtype: string }[]
  answers?: { rrtype: string }[]
}

/** What is written of a DNS record: one, none, or in version 2 one for each question. */
export function dnsRecords(record: Json, settings: DnsSettings): Json[] {
  const dns = record.dns as DnsJson
  const request = dns.type === 'request'
  if (request ? !settings.requests : !settings.responses) return []
  const { types } = settings
  const about = [...(dns.queries ?? []), ...(dns.answers ?? [])]
  if (types && !about.some(({ rrtype }) => types.has(rrtype.toUpperCase()))) return []
  return settings.version === 2 ? versionTwo(record, dns, types) : [record]
}

function versionTwo(record: Json, dns: DnsJson, types: DnsSettings['types']): Json[] {
  const { queries = [], ...rest } = dns
  if (dns.type === 'request')
    return queries
      .filter(({ rrtype }) => !types || types.has(rrtype.toUpperCase()))
      .map(({ rrname, rrtype }) => {
        const { id, tx_id, opcode } = rest
        return { ...record, dns: { type: 'query', id, rrname, rrtype, tx_id, opcode } }
      })
  // In that version the client stands first in answers too.
  const { src_ip, src_port, dest_ip, dest_port } = record
  const ends = { src_ip: dest_ip, src_port: dest_port, dest_ip: src_ip, dest_port: src_port }
  return [{ ...record, ...ends, dns: { ...rest, ...queries[0], version: 2, type: 'answer' } }]
}

/** Kinds of SMB records, as the setting `types` calls them. */
const SMB_TYPES: Readonly<Record<string, string>> = {
  CREATE: 'create',
  NT_CREATE_ANDX: 'create',
  READ: 'file',
  WRITE: 'file',
  READ_ANDX: 'file',
  WRITE_ANDX: 'file',
  NEGOTIATE_PROTOCOL: 'negotiate',
  SESSION_SETUP: 'session_setup',
  SESSION_SETUP_ANDX: 'session_setup',
  TREE_CONNECT: 'tree_connect',
  TREE_CONNECT_ANDX: 'tree_connect',
  IOCTL: 'ioctl',
}

/** Whether a record of SMB is of one of the kinds. */
export function smbWanted(record: Json, types: ReadonlySet<string>): boolean {
  const smb = record.smb as { command: string; dcerpc?: Json; rename?: Json }
  const command = smb.command.replace(/^SMB\d_COMMAND_/, '')
  if (smb.dcerpc) return types.has('dcerpc')
  if (command === 'SET_INFO') return types.has(smb.rename ? 'rename' : 'set_file_path_info')
  return types.has(SMB_TYPES[command] ?? 'generic')
}
