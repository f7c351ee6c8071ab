/** What the launcher takes from the host: namespaces of its own, and ports of the loopback. */
import { spawnSync } from 'node:child_process'
import { createServer, type Server } from 'node:net'

/**
 * Ways to namespaces of our own, best first. Root needs none but network, mounts and processes; others get a user
 * namespace in which they stay themselves, with its capabilities.
 */
const SPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const AS_ROOT = SPACES
const AS_USER = ['--user', '--map-current-user', '--keep-caps', ...SPACES]

export function usableSpaces(): string[] | undefined {
  const ways = process.getuid?.() === 0 ? [AS_ROOT, AS_USER] : [AS_USER]
  return ways.find(
    (way) => spawnSync('unshare', [...way, '--', 'unshare', '--net', 'true']).status === 0,
  )
}

/** That port of the loopback, or any that is free; with the number of its file descriptor, to hand on. */
export async function listen(
  preferred: number,
): Promise<{ server: Server; port: number; fd: number }> {
  for (const wanted of [preferred, 0]) {
    const server = createServer()
    const open = await new Promise<boolean>((done) => {
      server.once('error', () => done(false))
      server.listen(wanted, '127.0.0.1', () => done(true))
    })
    const address = server.address()
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle ?? { fd: -1 }
    if (open && address && typeof address === 'object') return { server, port: address.port, fd }
  }
  throw new Error('No port on the loopback of this machine is free.')
}
