/** EVE's fileinfo: what an HTTP message carried, told when the exchange is over. */
import { createHash } from 'node:crypto'
import type { EventDraft } from '../base/event.ts'
import { brief } from '../base/text.ts'
import { headerValue } from '../decode/http.ts'
import type { HttpTransaction } from '../decode/records.ts'
import { eveRow, type FlowView, type Moment } from './eve.ts'
import { eveHttp } from './eve-app.ts'
import { fileName } from './file-name.ts'

export type FileHash = 'md5' | 'sha1' | 'sha256'

/** A row for each body of the exchange. `hashes` of a file are told only when all of it was kept. */
export function fileEvents(
  view: FlowView,
  http: HttpTransaction,
  moment: Moment,
  hashes: readonly FileHash[] = [],
): EventDraft[] {
  const rows: EventDraft[] = []
  if (http.requestBodyBytes > 0 && !isForm(http)) rows.push(row(view, http, moment, true, hashes))
  if (http.responseBodyBytes > 0) rows.push(row(view, http, moment, false, hashes))
  return rows
}

/** Parts of a form are files of their own, which are not read apart. */
function isForm(http: HttpTransaction): boolean {
  return /^multipart\//i.test(headerValue(http.requestHeaders, 'content-type') ?? '')
}

function row(
  view: FlowView,
  http: HttpTransaction,
  moment: Moment,
  toServer: boolean,
  hashes: readonly FileHash[],
): EventDraft {
  const body = toServer ? http.requestBody : http.responseBody
  const sent = toServer ? http.requestBodyBytes : http.responseBodyBytes
  const headers = toServer ? http.requestHeaders : http.responseHeaders
  const encoded = headerValue(headers, 'content-encoding') !== undefined
  const whole = (toServer ? http.requestDone : http.responseDone) && !http.gap
  const size = encoded ? body.length : sent
  const filename = fileName(http, toServer)
  const digests: Record<string, string> = {}
  if (whole && body.length === size)
    for (const name of hashes) digests[name] = createHash(name).update(body).digest('hex')
  return eveRow(
    view,
    'file',
    'fileinfo',
    { ...moment, toServer },
    {
      app_proto: 'http',
      message: `${toServer ? view.client : view.server} sent ${brief(filename, 120)}, ${size} bytes.`,
      record: {
        http: eveHttp(http),
        app_proto: 'http',
        fileinfo: {
          filename,
          gaps: http.gap,
          state: whole ? 'CLOSED' : 'TRUNCATED',
          ...digests,
          stored: false,
          size,
          tx_id: http.id,
        },
      },
    },
  )
}
