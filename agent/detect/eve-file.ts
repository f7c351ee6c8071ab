/** EVE's fileinfo: what a message carried, told when it is whole or over. */
import { createHash } from 'node:crypto'
import type { EventDraft } from '../base/event.ts'
import { brief } from '../base/text.ts'
import { headerValue } from '../decode/http.ts'
import type { HttpTransaction, Transaction } from '../decode/records.ts'
import { carriedFile } from '../decode/records-it.ts'
import { eveRow, type FlowView, type Moment } from './eve.ts'
import { eveHttp, eveOf, type Json } from './eve-app.ts'
import { fileName } from './file-name.ts'

export type FileHash = 'md5' | 'sha1' | 'sha256'

/** What is told of a file, whichever protocol carried it. */
interface Told {
  toServer: boolean
  filename: string
  gap: boolean
  whole: boolean
  /** All of it where `size` is its length. */
  body: Uint8Array
  size: number
  txId: number
  /** What else the record says. */
  about: Json
  appProto: string
}

/** A row for each file of the transaction. `hashes` of a file are told only when all of it was kept. */
export function fileEvents(
  view: FlowView,
  tx: Transaction,
  moment: Moment,
  hashes: readonly FileHash[] = [],
): EventDraft[] {
  if (tx.proto === 'http') return httpFiles(tx.http).map((told) => row(view, told, moment, hashes))
  const file = carriedFile(tx)
  if (!file) return []
  const { tx_id, ...about } = eveOf(tx)
  const told = {
    toServer: file.toServer,
    filename: file.name,
    gap: file.gap,
    whole: file.whole,
    body: file.data,
    size: file.bytes,
    txId: typeof tx_id === 'number' ? tx_id : 0,
    about,
    appProto: tx.proto,
  }
  return [row(view, told, moment, hashes)]
}

function httpFiles(http: HttpTransaction): Told[] {
  const files: Told[] = []
  if (http.requestBodyBytes > 0 && !isForm(http)) files.push(httpFile(http, true))
  if (http.responseBodyBytes > 0) files.push(httpFile(http, false))
  return files
}

/** Parts of a form are files of their own, which are not read apart. */
function isForm(http: HttpTransaction): boolean {
  return /^multipart\//i.test(headerValue(http.requestHeaders, 'content-type') ?? '')
}

function httpFile(http: HttpTransaction, toServer: boolean): Told {
  const body = toServer ? http.requestBody : http.responseBody
  const sent = toServer ? http.requestBodyBytes : http.responseBodyBytes
  const headers = toServer ? http.requestHeaders : http.responseHeaders
  const encoded = headerValue(headers, 'content-encoding') !== undefined
  return {
    toServer,
    filename: fileName(http, toServer),
    gap: http.gap,
    whole: (toServer ? http.requestDone : http.responseDone) && !http.gap,
    body,
    size: encoded ? body.length : sent,
    txId: http.id,
    about: { http: eveHttp(http) },
    appProto: 'http',
  }
}

function row(
  view: FlowView,
  { toServer, filename, gap, whole, body, size, txId, about, appProto }: Told,
  moment: Moment,
  hashes: readonly FileHash[],
): EventDraft {
  const digests: Record<string, string> = {}
  if (whole && body.length === size)
    for (const name of hashes) digests[name] = createHash(name).update(body).digest('hex')
  const state = whole ? 'CLOSED' : 'TRUNCATED'
  return eveRow(
    view,
    'file',
    'fileinfo',
    { ...moment, toServer },
    {
      app_proto: appProto,
      message: `${toServer ? view.client : view.server} sent ${brief(filename, 120)}, ${size} bytes.`,
      record: {
        ...about,
        app_proto: appProto,
        fileinfo: { filename, gaps: gap, state, ...digests, stored: false, size, tx_id: txId },
      },
    },
  )
}
