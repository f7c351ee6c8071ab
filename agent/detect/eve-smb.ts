/** What EVE says of SMB, with Suricata 8's field names, and what a person would. */
import { brief } from '../base/text.ts'
import type { NtlmLogin, SmbExchange } from '../decode/records-it.ts'
import { SMB2 } from '../decode/smb.ts'
import { SMB1 } from '../decode/smb1.ts'
import type { Ends, Json } from './eve-app.ts'
import { NT_STATUS, SMB_COMMAND, SMB_DISPOSITION } from './eve-names-it.ts'
import { said } from './eve-said.ts'

const NAME_CHARS_MAX = 120

export function eveSmb(smb: SmbExchange): Json {
  const { login, challenge } = smb
  return said({
    id: smb.id + 1, // Suricata counts from 1 here
    dialect: smb.dialect || 'unknown',
    command: commandName(smb),
    ...(smb.answered && {
      status: statusName(smb.status),
      status_code: `0x${smb.status.toString(16)}`,
    }),
    session_id: Number(smb.sessionId),
    tree_id: smb.treeId,
    client_dialects: smb.dialects,
    client_guid: smb.clientGuid,
    server_guid: smb.serverGuid,
    request: native(smb.clientOs, smb.clientLm),
    response: native(smb.serverOs, smb.serverLm),
    ntlmssp: login && said({ domain: login.domain, user: login.user, host: login.host, version: login.version }), // biome-ignore format: one object
    ...(!login && smb.user !== '' && { user: smb.user, domain: smb.domain }),
    server: challenge && server(challenge),
    filename: smb.filename,
    ...(smb.filename !== '' && {
      disposition: SMB_DISPOSITION[smb.disposition ?? -1] ?? 'UNKNOWN',
      access: smb.deleteOnClose ? 'delete on close' : 'normal',
      fuid: smb.fileId,
    }),
    ...(smb.connect && smb.service === 'PIPE' ? { named_pipe: smb.share } : { share: smb.share }),
    share_type: smb.service,
  })
}

function native(os: string, lm: string): Json | undefined {
  return os === '' && lm === '' ? undefined : { native_os: os, native_lm: lm }
}

function server({ serverName, serverDnsName, serverTree }: NtlmLogin): Json {
  return said({ computer: serverName, dns_computer: serverDnsName, dns_tree: serverTree })
}

function commandName({ version, command }: SmbExchange): string {
  return `SMB${version}_COMMAND_${SMB_COMMAND[version][command] ?? command}`
}

function statusName(status: number): string {
  return NT_STATUS[status] ?? `0x${status.toString(16)}`
}

export function smbSentence(smb: SmbExchange, { client, server }: Ends): string {
  const text = (name: string) => brief(name, NAME_CHARS_MAX)
  const failed = smb.answered && smb.status !== 0 ? `: ${statusName(smb.status)}` : ''
  const answer = smb.answered ? failed : ': no answer'
  const { command, version } = smb
  const is = (one: number, two: number) => command === (version === 1 ? one : two)
  if (is(SMB1.negotiate, SMB2.negotiate))
    return `${client} and ${server} agreed on SMB ${text(smb.dialect || 'unknown')}${answer}.`
  if (is(SMB1.session, SMB2.session)) {
    const who =
      smb.user === '' ? '' : ` as ${text(smb.domain ? `${smb.domain}\\${smb.user}` : smb.user)}`
    const host = smb.login?.host ? ` (${text(smb.login.host)})` : ''
    return `${client}${host} logged in to ${server} by SMB${who}${answer}.`
  }
  if (is(SMB1.tree, SMB2.tree))
    return `${client} connected to ${text(smb.share)} of ${server}${answer}.`
  const on = smb.share === '' ? '' : ` on ${text(smb.share)}`
  return `${client} opened ${text(smb.filename || 'the folder')}${on} of ${server}${answer}.`
}
