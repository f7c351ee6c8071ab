/** EVE's account of files: in records of their own, and in alerts about the message that carries them. */
import { headerValue } from '../decode/http.ts'
import type { HttpTransaction, Transaction } from '../decode/records.ts'
import { carriedFile } from '../decode/records-it.ts'
import type { Json } from './eve-app.ts'
import { fileName } from './file-name.ts'

/** A file, whichever protocol carried it. */
export interface ToldFile {
  toServer: boolean
  filename: string
  gap: boolean
  whole: boolean
  /** All of it where `size` is its length. */
  body: Uint8Array
  size: number
}

/** The files of the transaction that are there. */
export function filesOf(tx: Transaction): ToldFile[] {
  if (tx.proto === 'http') return httpFiles(tx.http)
  const file = carriedFile(tx)
  if (!file) return []
  const { toServer, name, gap, whole, data, bytes } = file
  return [{ toServer, filename: name, gap, whole, body: data, size: bytes }]
}

function httpFiles(http: HttpTransaction): ToldFile[] {
  const files: ToldFile[] = []
  if (http.requestBodyBytes > 0 && !isForm(http)) files.push(httpFile(http, true))
  if (http.responseBodyBytes > 0) files.push(httpFile(http, false))
  return files
}

/** Parts of a form are files of their own, which are not read apart. */
function isForm(http: HttpTransaction): boolean {
  return /^multipart\//i.test(headerValue(http.requestHeaders, 'content-type') ?? '')
}

function httpFile(http: HttpTransaction, toServer: boolean): ToldFile {
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
  }
}

/** `digests`: hashes by their name. */
export function eveFile(file: ToldFile, txId: number, digests: Json = {}): Json {
  const { filename, gap, whole, size } = file
  const state = whole ? 'CLOSED' : 'TRUNCATED'
  return { filename, gaps: gap, state, ...digests, stored: false, size, tx_id: txId }
}
