/** EVE's account of files: in records of their own, and in alerts about the message that carries them. */
import { headerValue } from '../decode/http.ts'
import { mailParameter } from '../decode/mail.ts'
import type { HttpTransaction, Transaction } from '../decode/records.ts'
import { carriedFile } from '../decode/records-it.ts'
import type { Json } from './eve-app.ts'
import { fileName } from './file-name.ts'

const FORM_FILES_MAX = 16
const FORM_HEAD_BYTES_MAX = 4096

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
  if (http.requestBodyBytes > 0)
    files.push(...(isForm(http) ? formFiles(http) : [httpFile(http, true)]))
  if (http.responseBodyBytes > 0) files.push(httpFile(http, false))
  return files
}

/** Parts of a form that carry files (RFC 7578), out of what is kept of the body. */
function formFiles(http: HttpTransaction): ToldFile[] {
  const type = headerValue(http.requestHeaders, 'content-type') ?? ''
  const boundary = mailParameter(type, 'boundary')
  if (!boundary) return []
  const body = Buffer.from(http.requestBody)
  const mark = Buffer.from(`--${boundary}`, 'latin1')
  const files: ToldFile[] = []
  let at = body.indexOf(mark)
  while (at !== -1 && files.length < FORM_FILES_MAX) {
    const next = body.indexOf(mark, at + mark.length)
    const file = formFile(
      body.subarray(at + mark.length, next === -1 ? undefined : next),
      next !== -1,
    )
    if (file) files.push(file)
    at = next
  }
  return files
}

/** One part, from behind its boundary to before the next; undefined where it is no file. */
function formFile(part: Buffer, whole: boolean): ToldFile | undefined {
  const end = part.subarray(0, FORM_HEAD_BYTES_MAX).indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = part.toString('latin1', 0, end)
  const disposition = /content-disposition:([^\r\n]{0,1024})/i.exec(head)?.[1] ?? ''
  const filename = mailParameter(disposition, 'filename')
  if (!filename) return undefined
  const body = part.subarray(end + 4, whole ? part.length - 2 : part.length)
  return { toServer: true, filename, gap: false, whole, body, size: body.length }
}

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
