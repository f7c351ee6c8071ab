/** What EVE says of SNMP, TFTP, POP3 and FTP's data connections, with Suricata 8's field names, and what a person would. */
import { brief } from '../base/text.ts'
import type { FtpData, Pop3Exchange, SnmpMessage, TftpRequest } from '../decode/records-it.ts'
import type { Ends, Json } from './eve-app.ts'
import { said } from './eve-said.ts'

const NAME_CHARS_MAX = 120

export function eveSnmp(snmp: SnmpMessage): Json {
  return said({
    version: snmp.version,
    pdu_type: snmp.pduType,
    error: snmp.errorStatus === 0 ? undefined : String(snmp.errorStatus),
    trap_type: snmp.trapType,
    trap_address: snmp.trapAddress,
    trap_oid: snmp.trapOid,
    vars: snmp.vars,
    community: snmp.community,
    usm: snmp.usm,
  })
}

export function snmpSentence(snmp: SnmpMessage, { client, server }: Ends): string {
  const [from, to] = snmp.toServer ? [client, server] : [server, client]
  const what = snmp.pduType === '' ? 'an encrypted message' : snmp.pduType.replaceAll('_', ' ')
  return `${from} sent ${to} by SNMP version ${snmp.version} ${what}.`
}

export function eveTftp({ packet, file, mode }: TftpRequest): Json {
  return { packet, file, mode }
}

export function tftpSentence({ packet, file }: TftpRequest, { client, server }: Ends): string {
  return `${client} asked ${server} by TFTP to ${packet} ${brief(file, NAME_CHARS_MAX)}.`
}

/** A password stays out of the lake. */
const SECRET: ReadonlySet<string> = new Set(['PASS', 'APOP', 'AUTH'])

export function evePop3({
  command,
  args,
  answered,
  success,
  status,
  header,
  data,
}: Pop3Exchange): Json {
  return {
    request: { command, args: SECRET.has(command) ? args.map(() => '<hidden>') : args },
    ...(answered && { response: { success, status, header, data } }),
  }
}

export function pop3Sentence({ command, answered, success }: Pop3Exchange, ends: Ends): string {
  const answer = answered ? (success ? '' : ': refused') : ': no answer'
  return `${ends.client} sent ${ends.server} by POP3 ${brief(command, NAME_CHARS_MAX)}${answer}.`
}

export function eveFtpData({ command, filename }: FtpData): Json {
  return said({ filename, command })
}

export function ftpDataSentence({ command, filename }: FtpData, { client, server }: Ends): string {
  const what = filename === '' ? 'a listing' : brief(filename, NAME_CHARS_MAX)
  return `${client} and ${server} moved ${what} by FTP${command === '' ? '' : ` (${command})`}.`
}
