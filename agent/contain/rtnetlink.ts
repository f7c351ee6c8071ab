/**
 * What the kernel says about this machine's own addresses, gateways and bridge ports, by rtnetlink(7): all
 * routing tables, interfaces that are down, multipath and point-to-point included, none of which
 * /proc/net/route or node:os shows. The guard asks anew at each decision: DHCP may have changed it.
 */
import koffi from 'koffi'
import { Failure } from '../base/failure.ts'

const AF_NETLINK = 16
const AF_UNSPEC = 0
const AF_INET = 2
const AF_BRIDGE = 7
const AF_INET6 = 10
const SOCK_RAW_CLOEXEC = 3 | 0x80000
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const DUMP_REQUEST = 0x1 | 0x300 // NLM_F_REQUEST | NLM_F_DUMP
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const RTM_NEWADDR = 20
const RTM_GETADDR = 22
const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTN_LOCAL = 2
const RTN_BROADCAST = 3
const RTA_DST = 1
const RTA_GATEWAY = 5
const RTA_MULTIPATH = 9
const RTA_VIA = 18
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_BROADCAST = 4

const RECEIVE_BYTES = 65_536
const MESSAGES_MAX = 1_000_000 // a box with a full BGP table has about that many routes
const WAIT_SECONDS = 2

/** Address bytes, 4 or 16, and how many bits of them count. */
export interface OwnAddress {
  bytes: Uint8Array
  bits: number
  because: string
}

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int, int, int)')
const send = libc.func('int64_t send(int, const void *, size_t, int)')
const recv = libc.func('int64_t recv(int, _Out_ void *, size_t, int)')
const close = libc.func('int close(int)')
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)')

/** Own addresses, their broadcasts and far ends, and every next hop. Throws `unavailable` if unreadable. */
export function ownAddresses(): OwnAddress[] {
  const found = new Map<string, OwnAddress>()
  const add = (bytes: Uint8Array, bits: number, because: string) => {
    const key = `${Buffer.from(bytes).toString('hex')}/${bits}`
    if (!found.has(key)) found.set(key, { bytes: Uint8Array.from(bytes), bits, because })
  }
  for (const family of [AF_INET, AF_INET6])
    dump(RTM_GETROUTE, family, (type, body) => {
      if (type === RTM_NEWROUTE && body.length >= 12) readRoute(body, add)
    })
  dump(RTM_GETADDR, AF_UNSPEC, (type, body) => {
    if (type === RTM_NEWADDR && body.length >= 8) readAddress(body, add)
  })
  return [...found.values()]
}

/** How many interfaces are ports of a bridge. */
export function bridgePorts(): number {
  let ports = 0
  dump(RTM_GETLINK, AF_BRIDGE, (type) => {
    if (type === RTM_NEWLINK) ports++
  })
  return ports
}

type Add = (bytes: Uint8Array, bits: number, because: string) => void

/** struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags; then attributes. */
function readRoute(body: Buffer, add: Add): void {
  const prefixBits = body[1] as number
  const kind = body[7]
  for (const { type, value } of attributes(body.subarray(12))) {
    if (type === RTA_DST && kind === RTN_LOCAL)
      add(value, prefixBits, 'is an address of this box itself')
    if (type === RTA_DST && kind === RTN_BROADCAST)
      add(value, prefixBits, 'is a broadcast address here')
    for (const hop of type === RTA_MULTIPATH ? multipath(value) : [{ type, value }]) {
      const via = hop.type === RTA_VIA ? hop.value.subarray(2) : hop.value // two bytes of family first
      if ((hop.type === RTA_GATEWAY || hop.type === RTA_VIA) && addressSized(via))
        add(
          via,
          via.length * 8,
          prefixBits === 0 ? 'is the default gateway' : 'is a gateway of this box',
        )
    }
  }
}

/** struct ifaddrmsg: family, prefixlen, flags, scope, index; IFA_ADDRESS is the far end where LOCAL differs. */
function readAddress(body: Buffer, add: Add): void {
  const values = new Map<number, Buffer>()
  for (const { type, value } of attributes(body.subarray(8)))
    if (addressSized(value)) values.set(type, value)
  const address = values.get(IFA_ADDRESS)
  const own = values.get(IFA_LOCAL) ?? address
  const broadcast = values.get(IFA_BROADCAST)
  if (own) add(own, own.length * 8, 'is an address of this box itself')
  if (address && own && !address.equals(own))
    add(address, address.length * 8, 'is the far end of a link of this box')
  if (broadcast) add(broadcast, broadcast.length * 8, 'is a broadcast address here')
}

function addressSized(value: Uint8Array): boolean {
  return value.length === 4 || value.length === 16
}

function* attributes(bytes: Buffer): Generator<{ type: number; value: Buffer }> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) return
    yield {
      type: bytes.readUInt16LE(at + 2) & 0x3fff,
      value: bytes.subarray(at + 4, at + length),
    }
    at += (length + 3) & ~3
  }
}

/** struct rtnexthop: len, flags, hops, ifindex, then attributes of its own. */
function* multipath(bytes: Buffer): Generator<{ type: number; value: Buffer }> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at)
    if (length < 8 || at + length > bytes.length) return
    yield* attributes(bytes.subarray(at + 8, at + length))
    at += (length + 3) & ~3
  }
}

/** One dump request; the kernel answers in as many datagrams as it needs, then NLMSG_DONE. */
function dump(request: number, family: number, take: (type: number, body: Buffer) => void): void {
  const handle = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0) as number
  if (handle < 0) throw unreadable('the netlink socket cannot be opened')
  try {
    const wait = Buffer.alloc(16) // struct timeval: never hang on a reply that does not come
    wait.writeBigInt64LE(BigInt(WAIT_SECONDS))
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, wait, wait.length)
    const message = Buffer.alloc(16 + 16) // nlmsghdr, then the longest of rtmsg, ifaddrmsg, ifinfomsg
    message.writeUInt32LE(message.length, 0)
    message.writeUInt16LE(request, 4)
    message.writeUInt16LE(DUMP_REQUEST, 6)
    message.writeUInt8(family, 16)
    if (Number(send(handle, message, message.length, 0)) !== message.length)
      throw unreadable('the kernel refused the question')
    receive(handle, take)
  } finally {
    close(handle)
  }
}

function receive(handle: number, take: (type: number, body: Buffer) => void): void {
  const buffer = Buffer.alloc(RECEIVE_BYTES)
  let messages = 0
  for (;;) {
    const got = Number(recv(handle, buffer, buffer.length, 0))
    if (got <= 0) throw unreadable('the kernel did not answer')
    for (let at = 0; at + 16 <= got; ) {
      const length = buffer.readUInt32LE(at)
      const type = buffer.readUInt16LE(at + 4)
      if (length < 16 || at + length > got) throw unreadable('the answer is cut')
      if (type === NLMSG_DONE) return
      if (type === NLMSG_ERROR) throw unreadable('the kernel answered with an error')
      if (++messages > MESSAGES_MAX) throw unreadable('the answer does not end')
      take(type, buffer.subarray(at + 16, at + length))
      at += (length + 3) & ~3
    }
  }
}

function unreadable(why: string): Failure {
  return new Failure('unavailable', `The addresses and routes of this box cannot be read: ${why}.`)
}
