/** What application decoders notice and rules have a name for: Suricata's `app-layer-event`, protocol and event. */

const EVENTS = {
  dnp3: ['bad_link_crc', 'bad_transport_crc', 'too_many_objects', 'too_long_reassembly'],
  ftp: ['request_command_too_long', 'response_command_too_long'],
  http: [
    ...['request_line_missing_protocol', 'request_chunk_extension', 'request_body_unexpected'],
    ...['unable_to_match_response_to_request', 'invalid_transfer_encoding_value_in_request'],
    ...['request_field_missing_colon', 'request_header_invalid', 'invalid_request_field_folding'],
    ...['response_field_missing_colon', 'response_header_invalid'],
    'invalid_response_field_folding',
  ],
  smb: ['file_overlap'],
  smtp: [
    ...['invalid_reply', 'invalid_pipelined_sequence', 'data_command_rejected', 'invalid_bdat'],
    ...['duplicate_fields', 'truncated_line', 'mime_long_filename'],
  ],
  tls: ['invalid_handshake_message', 'invalid_certificate', 'invalid_tls_header'],
} as const

type Events = typeof EVENTS
type Named<P extends keyof Events> = P extends string ? `${P}.${Events[P][number]}` : never

export type AppEvent = { [P in keyof Events]: Named<P> }[keyof Events]

export const APP_EVENTS: ReadonlySet<string> = new Set(
  Object.entries(EVENTS).flatMap(([proto, names]) => names.map((name) => `${proto}.${name}`)),
)

export function isAppEvent(name: string): name is AppEvent {
  return APP_EVENTS.has(name)
}

/** Protocols whose questions and answers are transactions of their own: an event is of one of them. */
const ONE_WAY: ReadonlySet<string> = new Set(['dnp3', 'dns', 'krb5', 'modbus', 'snmp'])

/** Whether what is odd in a question is told of its answer too. */
export function isOfBoth(event: AppEvent): boolean {
  return !ONE_WAY.has(event.slice(0, event.indexOf('.')))
}

/** Decoders that Suricata wrote first say their events in capitals. */
const IN_CAPITALS: ReadonlySet<string> = new Set(['http', 'smtp', 'tls'])

/** EVE's word for the event. */
export function eveEvent(event: AppEvent): string {
  const dot = event.indexOf('.')
  const name = event.slice(dot + 1)
  return IN_CAPITALS.has(event.slice(0, dot)) ? name.toUpperCase() : name
}
