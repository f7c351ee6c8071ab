/** SMB: what is connected to, who logs in. */
import type { SmbExchange } from '../../decode/records-it.ts'
import { type BufferSource, textOf } from './buffer-source.ts'
import { type KeywordTable, valued } from './keyword.ts'
import { Refused } from './rule-text.ts'

const smb = (name: string, read: (exchange: SmbExchange) => string | undefined): BufferSource => ({
  name,
  protos: ['smb'],
  side: 'request',
  body: false,
  multi: false,
  read: (tx) => (tx.proto === 'smb' ? textOf(read(tx.smb) ?? '') : undefined),
})

export const SMB_BUFFERS: readonly BufferSource[] = [
  smb('smb.named_pipe', ({ connect, share, service }) =>
    connect && isPipe(share, service) ? share : '',
  ),
  smb('smb.share', ({ connect, share, service }) =>
    connect && !isPipe(share, service) ? share : '',
  ),
  smb('smb.ntlmssp_user', ({ login }) => login?.user),
  smb('smb.ntlmssp_domain', ({ login }) => login?.domain),
]

/** The share of the pipes. Until the server has answered its name tells. */
function isPipe(share: string, service: string): boolean {
  return service === 'PIPE' || service === 'IPC' || share.toUpperCase().endsWith('IPC$')
}

export const SMB_KEYWORDS: KeywordTable = {
  'smb.version': valued((draft, value, name) => {
    if (value !== '1' && value !== '2') throw new Refused(name, `"${value}" is neither 1 nor 2`)
    const wanted = Number(value)
    draft.useProto(name, 'smb')
    draft.transactionTests.push({
      bothSides: true,
      test: (tx) => tx.proto === 'smb' && tx.smb.version === wanted,
    })
  }),
}
