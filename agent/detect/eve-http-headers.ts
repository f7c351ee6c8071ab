/** EVE's lists of all header lines of an HTTP exchange, for those who ask for them. */
import type { EventDraft } from '../base/event.ts'
import type { HttpTransaction } from '../decode/records.ts'
import type { Json } from './eve-app.ts'

export type HeadersShown = 'both' | 'request' | 'response'

export function withHeaders(
  draft: EventDraft,
  http: HttpTransaction,
  shown: HeadersShown,
): EventDraft {
  const lists: Json = {}
  if (shown !== 'response') lists.request_headers = http.requestHeaders
  if (shown !== 'request') lists.response_headers = http.responseHeaders
  return {
    ...draft,
    record: { ...draft.record, http: { ...(draft.record?.http as Json), ...lists } },
  }
}
