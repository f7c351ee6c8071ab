/** What EVE says of Kerberos, with Suricata 8's field names, and what a person would. */
import { brief } from '../base/text.ts'
import type { KrbExchange } from '../decode/records-it.ts'
import type { Ends, Json } from './eve-app.ts'
import { KRB_ERROR, KRB_ETYPE, KRB_WEAK_ETYPES } from './eve-names-it.ts'
import { said } from './eve-said.ts'

const NOBODY = { cname: '', realm: '', sname: '' }
const NAME_CHARS_MAX = 120

export function eveKrb5({ request, answer }: KrbExchange): Json {
  const failed = answer?.kind === 'ERROR'
  // Of an error Suricata names only the service.
  const { cname, realm, sname } = failed
    ? { ...NOBODY, sname: answer.sname }
    : (answer ?? request ?? NOBODY)
  const [encryption, ticket] = [answer?.etype, answer?.ticketEtype]
  return said({
    msg_type: `KRB_${answer?.kind ?? request?.kind}`,
    failed_request: failed && request ? `KRB_${request.kind}` : undefined,
    error_code: failed ? krbError(answer.errorCode) : undefined,
    error_text: answer?.errorText,
    cname: cname || '<empty>',
    realm: realm || '<empty>',
    sname: sname || '<empty>',
    encryption: encryption === undefined ? '<none>' : etypeName(encryption),
    weak_encryption: encryption !== undefined && KRB_WEAK_ETYPES.has(encryption),
    ...(ticket !== undefined && {
      ticket_encryption: etypeName(ticket),
      ticket_weak_encryption: KRB_WEAK_ETYPES.has(ticket),
    }),
    // What the client would take: one that asks for rc4 alone wants a ticket it can break.
    client_encryption: request?.etypes.map(etypeName),
  })
}

/** Names of the answer, else as asked for. */
export function krbNames({ request, answer }: Omit<KrbExchange, 'id'>) {
  return {
    cname: answer?.cname || request?.cname || '',
    realm: answer?.realm || request?.realm || '',
    sname: answer?.sname || request?.sname || '',
  }
}

export function etypeName(etype: number): string {
  return KRB_ETYPE[etype] ?? String(etype)
}

export function krbError(code: number): string {
  return KRB_ERROR[code] ?? String(code)
}

export function krb5Sentence(krb5: KrbExchange, { client, server }: Ends): string {
  const { cname, realm, sname } = krbNames(krb5)
  const text = (name: string) => brief(name, NAME_CHARS_MAX)
  const who = cname === '' ? client : `${text(`${cname}@${realm}`)} (${client})`
  const { answer } = krb5
  const end = !answer ? ': no answer' : answer.kind === 'ERROR' ? `: ${krbError(answer.errorCode)}` : '' // biome-ignore format: one thought
  return `${who} asked ${server} for a Kerberos ticket to ${text(sname || 'nothing')}${end}.`
}
