/** The system calls of live capture, through koffi: prebuilt, so a box needs no compiler. */
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')

export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number

export const bind = libc.func('int bind(int fd, const void *address, uint32_t size)') as (
  fd: number,
  address: Uint8Array,
  size: number,
) => number

export const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t size)',
) as (fd: number, level: number, name: number, value: Uint8Array, size: number) => number

export const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *size)',
) as (fd: number, level: number, name: number, value: Uint8Array, size: [number]) => number

export const getsockname = libc.func(
  'int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *size)',
) as (fd: number, address: Uint8Array, size: [number]) => number

export const mmap = libc.func(
  'void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset)',
) as (
  address: null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint | null

export const munmap = libc.func('int munmap(void *address, size_t size)') as (
  address: bigint,
  size: number,
) => number

export const poll = libc.func('int poll(_Inout_ uint8_t *fds, unsigned long count, int ms)') as (
  fds: Uint8Array,
  count: number,
  ms: number,
) => number

export const ioctl = libc.func(
  'int ioctl(int fd, unsigned long request, _Inout_ uint8_t *value)',
) as (fd: number, request: number, value: Uint8Array) => number

export const close = libc.func('int close(int fd)') as (fd: number) => number

export const ifNameToIndex = libc.func('unsigned int if_nametoindex(const char *name)') as (
  name: string,
) => number

/** The pointer's memory itself, not a copy. It must not be touched after munmap. */
export function memory(pointer: bigint, size: number): ArrayBuffer {
  return koffi.view(pointer, size)
}

/** The name of the last error, such as EPERM. */
export function errorName(): string {
  const number = koffi.errno()
  const found = Object.entries(koffi.os.errno).find(([, value]) => value === number)
  return found?.[0] ?? `error ${number}`
}
