/** The socket that systemd listens on for sd_notify(3): a bound unix datagram socket, read without waiting. */

import koffi from 'koffi'
import { close } from '../../agent/capture/libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const DONTWAIT = 0x40
const WORD_BYTES_MAX = 4096

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int domain, int type, int protocol)')
const bind = libc.func('int bind(int fd, const void *address, uint32_t size)')
const recv = libc.func('long recv(int fd, void *bytes, size_t size, int flags)')

export class NotifySocket {
  readonly #fd: number
  /** Each line that came, with when. */
  readonly heard: { line: string; ms: number }[] = []

  /** `@name` is an abstract one. */
  constructor(path: string) {
    const name = Buffer.from(path)
    if (name[0] === 0x40) name[0] = 0
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), name, ...(name[0] === 0 ? [] : [Buffer.of(0)])]) // biome-ignore format: one line
    this.#fd = socket(AF_UNIX, SOCK_DGRAM, 0) as number
    if (bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`)
  }

  /** What came since the last look. */
  read(): string[] {
    const lines: string[] = []
    const bytes = Buffer.alloc(WORD_BYTES_MAX)
    for (let n = this.#recv(bytes); n > 0; n = this.#recv(bytes))
      lines.push(...bytes.toString('utf8', 0, n).split('\n'))
    for (const line of lines) this.heard.push({ line, ms: performance.now() })
    return lines
  }

  /** Until `line` comes; the test's own limit ends the wait. */
  async until(line: string): Promise<void> {
    while (!this.read().includes(line)) await new Promise((done) => setTimeout(done, 10))
  }

  close(): void {
    close(this.#fd)
  }

  #recv(bytes: Buffer): number {
    return Number(recv(this.#fd, bytes, bytes.length, DONTWAIT))
  }
}
