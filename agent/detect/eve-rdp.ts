/** What EVE says of RDP, with Suricata 8's field names where it has them, and what a person would. */
import { brief } from '../base/text.ts'
import type { RdpSession } from '../decode/records-it.ts'
import type { Ends, Json } from './eve-app.ts'
import { said } from './eve-said.ts'

const NAME_CHARS_MAX = 120
const FAILURE: Record<number, string> = {
  1: 'ssl_required_by_server',
  2: 'ssl_not_allowed_by_server',
  3: 'ssl_cert_not_on_server',
  4: 'inconsistent_flags',
  5: 'hybrid_required_by_server',
  6: 'ssl_with_user_auth_required_by_server',
}
const OFFER = [
  [1, 'ssl'],
  [2, 'hybrid'],
  [4, 'rds_tls'],
  [8, 'hybrid_ex'],
] as const

export function rdpFailure(code: number): string {
  return FAILURE[code] ?? String(code)
}

export function rdpSelected(selected: number): string {
  return OFFER.find(([bit]) => bit === selected)?.[1] ?? (selected === 0 ? 'rdp' : String(selected))
}

export function eveRdp(rdp: RdpSession): Json {
  const { client, failure, protocols = 0 } = rdp
  return said({
    event_type: client ? 'connect_request' : rdp.answered ? 'initial_response' : 'initial_request',
    cookie: rdp.cookie,
    client_supports: OFFER.flatMap(([bit, name]) => (protocols & bit ? [name] : [])),
    ...(rdp.answered && failure === undefined && { protocol: rdpSelected(rdp.selected ?? 0) }),
    ...(failure !== undefined && { error_code: failure, reason: rdpFailure(failure) }),
    client:
      client &&
      said({
        client_name: client.name,
        build: client.build,
        keyboard_layout: client.keyboard,
        desktop_width: client.width,
        desktop_height: client.height,
        product_id: client.productId,
      }),
    channels: client?.channels,
  })
}

export function rdpSentence(rdp: RdpSession, { client, server }: Ends): string {
  const who = rdp.cookie === '' ? '' : ` as ${brief(rdp.cookie, NAME_CHARS_MAX)}`
  const name = rdp.client?.name ? ` (${brief(rdp.client.name, NAME_CHARS_MAX)})` : ''
  const answer = !rdp.answered
    ? ': no answer'
    : rdp.failure === undefined
      ? ` by ${rdpSelected(rdp.selected ?? 0)}`
      : `: ${rdpFailure(rdp.failure)}`
  return `${client}${name} asked ${server} for a desktop${who}${answer}.`
}
