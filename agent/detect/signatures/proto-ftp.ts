/** FTP: commands and replies, and what data connections are for. */
import type { FtpExchange } from '../../decode/records-it.ts'
import { type BufferSource, eachOf, textOf } from './buffer-source.ts'
import { type KeywordTable, valued } from './keyword.ts'
import { numberKeyword } from './number-keyword.ts'
import { Refused } from './rule-text.ts'

const ftp = (
  name: string,
  side: 'request' | 'response',
  read: (exchange: FtpExchange) => ReturnType<BufferSource['read']>,
): BufferSource => ({
  name,
  protos: ['ftp'],
  side,
  body: false,
  multi: side === 'response',
  read: (tx) => (tx.proto === 'ftp' ? read(tx.ftp) : undefined),
})

export const FTP_BUFFERS: readonly BufferSource[] = [
  ftp('ftp.command', 'request', ({ command }) => textOf(command)),
  ftp('ftp.command_data', 'request', ({ argument }) => textOf(argument)),
  ftp('ftp.reply', 'response', ({ replies }) => eachOf(replies.map(({ text }) => text))),
  ftp('ftp.completion_code', 'response', ({ replies }) =>
    eachOf(replies.filter(({ code }) => code > 0).map(({ code }) => String(code))),
  ),
]

const YES: Readonly<Record<string, boolean>> = {
  ...{ yes: true, true: true, on: true, 1: true },
  ...{ no: false, false: false, off: false, 0: false },
}

export const FTP_KEYWORDS: KeywordTable = {
  'ftp.dynamic_port': numberKeyword(
    ['ftp'],
    (tx) => (tx.proto === 'ftp' && tx.ftp.dataPort > 0 ? tx.ftp.dataPort : undefined),
    { bothSides: true, late: true },
  ),
  'ftp.mode': valued((draft, value, name) => {
    if (value !== 'active' && value !== 'passive')
      throw new Refused(name, `"${value}" is neither active nor passive`)
    draft.useProto(name, 'ftp')
    draft.transactionTests.push({
      bothSides: true,
      late: true,
      test: (tx) => tx.proto === 'ftp' && tx.ftp.mode === value,
    })
  }),
  'ftp.reply_received': valued((draft, value, name) => {
    const wanted = YES[value.toLowerCase()]
    if (wanted === undefined) throw new Refused(name, `"${value}" is neither yes nor no`)
    draft.useProto(name, 'ftp')
    draft.side ||= 2
    draft.transactionTests.push({
      // Nothing was asked before the greeting.
      test: (tx) =>
        tx.proto === 'ftp' && tx.ftp.command !== '' && tx.ftp.replies.length > 0 === wanted,
    })
  }),
  ftpdata_command: valued((draft, value, name) => {
    const wanted = { stor: 'STOR', retr: 'RETR' }[value.toLowerCase()]
    if (!wanted) throw new Refused(name, `"${value}" is neither stor nor retr`)
    draft.useProto(name, 'ftp-data')
    draft.transactionTests.push({
      bothSides: true,
      late: true,
      test: (tx) => tx.proto === 'ftp-data' && tx.ftpData.command === wanted,
    })
  }),
}
