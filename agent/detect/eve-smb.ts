/** What EVE says of SMB, with Suricata 8's field names, and what a person would. */
import { brief } from '../base/text.ts'
import type { NtlmLogin, SmbExchange } from '../decode/records-it.ts'
import { SMB2 } from '../decode/smb.ts'
import { SMB1 } from '../decode/smb1.ts'
import type { Ends, Json } from './eve-app.ts'
import { dcerpcSentence, evePipeCall } from './eve-dcerpc.ts'
import { NT_STATUS, SMB_COMMAND, SMB_DISPOSITION, SRV_ERROR } from './eve-names-it.ts'
import { said } from './eve-said.ts'

const NAME_CHARS_MAX = 120
const SERVER_CLASS = 2

export function eveSmb(smb: SmbExchange): Json {
  const { login, challenge } = smb
  return said({
    id: smb.id + 1, // Suricata counts from 1 here
    dialect: smb.dialect || 'unknown',
    command: commandName(smb),
    ...(smb.answered && {
      status: statusName(smb),
      status_code: statusCode(smb),
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
      ...(smb.times && { ...smb.times, size: smb.fileSize }),
      fuid: eveFileId(smb.fileId),
    }),
    rename: smb.renamedTo === '' ? undefined : { from: smb.filename, to: smb.renamedTo },
    ...(smb.connect && smb.service === 'PIPE' ? { named_pipe: smb.share } : { share: smb.share }),
    share_type: smb.service,
    dcerpc: smb.dcerpc && evePipeCall(smb.dcerpc),
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

/** Suricata reads the second half as two short numbers and a long one. */
function eveFileId(id: string): string {
  return id.replace(
    /-(..)(..)-(..)(..)(..)(..)(..)(..)$/,
    (_, ...[a, b, c, d, e, f, g, h]) => `-${b}${a}-${d}${c}${h}${g}${f}${e}`,
  )
}

/** Of SMB1 without NT status: class, then code. */
function dosCode({ status, dosError }: SmbExchange): number | undefined {
  return dosError && status !== 0 ? status >>> 16 : undefined
}

function statusName(smb: SmbExchange): string {
  const { status } = smb
  const code = dosCode(smb)
  if (code !== undefined && (status & 0xff) === SERVER_CLASS)
    return SRV_ERROR[code] ?? statusCode(smb)
  return NT_STATUS[status] ?? statusCode(smb)
}

function statusCode(smb: SmbExchange): string {
  const code = dosCode(smb)
  return code === undefined ? `0x${smb.status.toString(16)}` : `0x${hex4(code)}`
}

const hex4 = (code: number) => code.toString(16).padStart(4, '0')

export function smbSentence(smb: SmbExchange, { client, server }: Ends): string {
  const text = (name: string) => brief(name, NAME_CHARS_MAX)
  const failed = smb.answered && smb.status !== 0 ? `: ${statusName(smb)}` : ''
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
  if (smb.dcerpc) return dcerpcSentence(smb.dcerpc, { client, server })
  const name = commandName(smb)
    .replace(/^SMB\d_COMMAND_/, '')
    .replaceAll('_', ' ')
    .toLowerCase()
  if (!is(SMB1.create, SMB2.create) && !is(SMB1.open, SMB2.create))
    return `${client} asked ${server} by SMB: ${name}${smb.filename === '' ? '' : ` of ${text(smb.filename)}`}${answer}.`
  const on = smb.share === '' ? '' : ` on ${text(smb.share)}`
  return `${client} opened ${text(smb.filename || 'the folder')}${on} of ${server}${answer}.`
}
