/** Files, whichever protocol carries them: their bytes, their name, their size. */
import type { Transaction } from '../../decode/records.ts'
import { carriedFile } from '../../decode/records-it.ts'
import { fileName } from '../file-name.ts'
import { type BufferSource, some, type TxProto, textOf } from './buffer-source.ts'
import { parseNumberTest, passes } from './condition.ts'
import { type KeywordTable, valued } from './keyword.ts'
import { Refused } from './rule-text.ts'

export const FILE_PROTOS: readonly TxProto[] = ['http', 'smtp', 'smb', 'ftp-data']

/** Of the file this side sends; undefined where it sends none. */
function fileOf(tx: Transaction, response: boolean) {
  const file = carriedFile(tx)
  return file && file.toServer !== response ? file : undefined
}

const file = (name: string, read: BufferSource['read']): BufferSource => ({
  name,
  protos: FILE_PROTOS,
  side: 'both',
  body: true,
  multi: false,
  read,
})

export const FILE_BUFFERS: readonly BufferSource[] = [
  file('file.data', (tx, response) => {
    if (tx.proto === 'http') return some(response ? tx.http.responseBody : tx.http.requestBody)
    const found = fileOf(tx, response)
    return found && some(found.data)
  }),
  file('file.name', (tx, response) => {
    if (tx.proto !== 'http') return textOf(fileOf(tx, response)?.name ?? '')
    const { responseBodyBytes, requestBodyBytes } = tx.http
    const bytes = response ? responseBodyBytes : requestBodyBytes
    return bytes > 0 ? textOf(fileName(tx.http, !response)) : undefined
  }),
]

export const FILE_KEYWORDS: KeywordTable = {
  filesize: valued((draft, value, name) => {
    const [, side, text = ''] = /^(?:(to_client|to_server)\s*,\s*)?(.+)$/.exec(value) ?? []
    const test = parseNumberTest(text.replace(/\s+/g, ''))
    if (!test) throw new Refused(name, `"${value}" is not a size`)
    if (side !== undefined && !draft.exchange) throw new Refused(name, 'a side is for => rules')
    draft.useProto(name, ...FILE_PROTOS)
    draft.transactionTests.push({
      late: true,
      bothSides: true,
      test: (tx, response) => {
        const ofResponse = side === undefined ? response : side === 'to_client'
        const size = sizeOf(tx, ofResponse)
        return size > 0 && passes(test, size)
      },
    })
  }),
}

function sizeOf(tx: Transaction, response: boolean): number {
  if (tx.proto === 'http') return response ? tx.http.responseBodyBytes : tx.http.requestBodyBytes
  return fileOf(tx, response)?.bytes ?? 0
}
