/**
 * Where the pages are served: the configured address, or a listening socket that was handed in by number
 * (PICKET_LISTEN_FD, or systemd's LISTEN_FDS, whose first is 3). So this process can be on a loopback
 * that its own network namespace does not have.
 */
import type { AddressInfo, Server } from 'node:net'
import type { Config } from '../agent/base/config.ts'
import { Failure } from '../agent/base/failure.ts'

const SYSTEMD_FIRST_FD = 3

export interface Listening {
  address: string
  port: number
  onLoopback: boolean
}

/** The number of an inherited socket, if this process was given one. */
export function inheritedFd(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const own = env.PICKET_LISTEN_FD
  if (own !== undefined) {
    if (/^\d{1,4}$/.test(own)) return Number(own)
    throw new Failure(
      'invalid',
      `PICKET_LISTEN_FD must be the number of a file descriptor, not ${own}.`,
    )
  }
  const { LISTEN_FDS, LISTEN_PID } = env
  if (!LISTEN_FDS || LISTEN_FDS === '0') return
  return LISTEN_PID === undefined || Number(LISTEN_PID) === pid ? SYSTEMD_FIRST_FD : undefined
}

export async function listen(
  server: Server,
  web: Pick<Config['web'], 'host' | 'port'>,
  fd: number | undefined,
): Promise<Listening> {
  await new Promise<void>((done, fail) => {
    const refuse = (error: NodeJS.ErrnoException) =>
      fail(new Failure('unavailable', sentence(error, web, fd), {}, error))
    server.once('error', refuse)
    server.listen(fd === undefined ? { host: web.host, port: web.port } : { fd }, () => {
      server.off('error', refuse)
      done()
    })
  })
  const { address, port } = server.address() as AddressInfo
  return { address, port, onLoopback: isLoopback(address) }
}

function sentence(
  { code }: NodeJS.ErrnoException,
  { host, port }: Pick<Config['web'], 'host' | 'port'>,
  fd: number | undefined,
): string {
  if (fd !== undefined) return `File descriptor ${fd} is no listening socket (${code}).`
  if (code === 'EADDRINUSE') return `Somebody else listens on ${host}:${port}: change web.port.`
  return `The pages cannot be served on ${host}:${port} (${code}).`
}

export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === '::1'
}
