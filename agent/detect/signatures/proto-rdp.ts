/** RDP: the cookie of the first request. */
import { type BufferSource, textOf } from './buffer-source.ts'

export const RDP_BUFFERS: readonly BufferSource[] = [
  {
    name: 'rdp.cookie',
    protos: ['rdp'],
    side: 'request',
    body: false,
    multi: false,
    read: (tx) => (tx.proto === 'rdp' ? textOf(tx.rdp.cookie) : undefined),
  },
]
