/** What systemd is told (sd_notify(3)): datagrams to the unix socket that NOTIFY_SOCKET names. Node has none of that kind. */
import koffi from 'koffi'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2_000_000
const DONTWAIT_NOSIGNAL = 0x40 | 0x4000
/** sun_path holds 108. */
const PATH_BYTES_MAX = 107

export interface Notifier {
  /** Lines such as `READY=1`. A word that does not get through is lost: the next one says as much. */
  send(...lines: string[]): void
  close(): void
}

/** Nothing where nobody asked to be told. */
export function openNotifier(path: string | undefined): Notifier | undefined {
  if (path === undefined || !/^[/@]./.test(path)) return undefined
  const address = addressOf(path)
  if (!address) return undefined
  const libc = koffi.load('libc.so.6')
  const socket = libc.func('int socket(int domain, int type, int protocol)')
  const close = libc.func('int close(int fd)')
  const sendto = libc.func(
    'long sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint32_t length)',
  )
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number
  if (fd < 0) return undefined
  return {
    send: (...lines) => {
      const bytes = Buffer.from(lines.join('\n'))
      sendto(fd, bytes, bytes.length, DONTWAIT_NOSIGNAL, address, address.length)
    },
    close: () => void close(fd),
  }
}

/** `@name` is an abstract one: its first byte is zero. */
function addressOf(path: string): Buffer | undefined {
  const name = Buffer.from(path)
  if (name.length > PATH_BYTES_MAX) return undefined
  const isAbstract = name[0] === 0x40
  if (isAbstract) name[0] = 0
  const address = Buffer.alloc(2 + name.length + (isAbstract ? 0 : 1))
  address.writeUInt16LE(AF_UNIX)
  name.copy(address, 2)
  return address
}
