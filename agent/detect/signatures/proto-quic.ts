/** QUIC: its version, and what its client hello says. */
import type { QuicHello } from '../../decode/records.ts'
import { type BufferSource, textOf } from './buffer-source.ts'

const quic = (name: string, read: (hello: QuicHello) => string): BufferSource => ({
  name,
  protos: ['quic'],
  side: 'request',
  body: false,
  multi: false,
  read: (tx) => (tx.proto === 'quic' ? textOf(read(tx.quic)) : undefined),
})

export const QUIC_BUFFERS: readonly BufferSource[] = [
  quic('quic.version', ({ version }) => version),
  quic('quic.sni', ({ tls }) => tls.sni),
]
