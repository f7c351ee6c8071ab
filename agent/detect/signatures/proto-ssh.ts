/** SSH: banners, and what each side offers (HASSH). */
import type { SshBanners } from '../../decode/records.ts'
import { type BufferSource, textOf } from './buffer-source.ts'

const ssh = (
  name: string,
  side: BufferSource['side'],
  read: (ssh: SshBanners, response: boolean) => string,
  body = false,
): BufferSource => ({
  name,
  protos: ['ssh'],
  side,
  body,
  multi: false,
  read: (tx, response) => (tx.proto === 'ssh' ? textOf(read(tx.ssh, response)) : undefined),
})

export const SSH_BUFFERS: readonly BufferSource[] = [
  ssh('ssh.proto', 'both', (of, response) => (response ? of.serverProtocol : of.clientProtocol)),
  ssh('ssh.software', 'both', (of, response) => (response ? of.serverSoftware : of.clientSoftware)),
  ssh('ssh.hassh', 'request', ({ clientHassh }) => clientHassh, true),
  ssh('ssh.hassh.string', 'request', ({ clientHasshText }) => clientHasshText, true),
  ssh('ssh.hassh.server', 'response', ({ serverHassh }) => serverHassh, true),
  ssh('ssh.hassh.server.string', 'response', ({ serverHasshText }) => serverHasshText, true),
]
