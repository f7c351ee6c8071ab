/** What application decoders notice and rules have a name for: Suricata's `app-layer-event`, protocol and event. */

const EVENTS = {
  dnp3: ['too_many_objects', 'reassembly_buffer_too_large'],
  ftp: ['request_command_too_long', 'response_command_too_long'],
  http: ['request_line_missing_protocol', 'request_chunk_extension', 'request_body_unexpected'],
  smb: ['file_overlap'],
  smtp: [
    'invalid_reply',
    'unable_to_match_reply_with_request',
    'max_command_line_len_exceeded',
    'max_reply_line_len_exceeded',
    'invalid_pipelined_sequence',
    'bdat_chunk_len_exceeded',
    'no_server_welcome_message',
    'tls_rejected',
    'data_command_rejected',
    'duplicate_fields',
    'unparsable_content',
    'truncated_line',
    'mime_long_filename',
    'invalid_bdat',
  ],
  tls: [
    'invalid_sslv2_header',
    'invalid_tls_header',
    'invalid_record_version',
    'invalid_record_type',
    'invalid_handshake_message',
    'handshake_invalid_length',
    'too_many_records_in_packet',
  ],
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

/** Decoders that Suricata wrote first say their events in capitals. */
const IN_CAPITALS: ReadonlySet<string> = new Set(['http', 'smtp', 'tls'])

/** EVE's word for the event. */
export function eveEvent(event: AppEvent): string {
  const dot = event.indexOf('.')
  const name = event.slice(dot + 1)
  return IN_CAPITALS.has(event.slice(0, dot)) ? name.toUpperCase() : name
}
