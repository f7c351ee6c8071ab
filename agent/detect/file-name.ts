/** The name of what an HTTP message carries. */
import { headerValue } from '../decode/http.ts'
import type { HttpTransaction } from '../decode/records.ts'

const NAME_CHARS_MAX = 1024

/** What Content-Disposition says, else the path asked for. */
export function fileName(http: HttpTransaction, toServer: boolean): string {
  const headers = toServer ? http.requestHeaders : http.responseHeaders
  const said = headerValue(headers, 'content-disposition')?.slice(0, 4096) ?? ''
  const [, quoted, plain] = /filename\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(said) ?? []
  const path = http.uri.replace(/[?#].*$/s, '')
  return (quoted ?? plain ?? path).slice(0, NAME_CHARS_MAX)
}
