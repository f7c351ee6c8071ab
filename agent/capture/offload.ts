/** Turns off what merges segments before they are captured: rules and reassembly want what was on the wire. */
import koffi from 'koffi'
import * as libc from './libc.ts'

const AF_INET = 2
const SOCK_DGRAM = 2
const SIOCETHTOOL = 0x8946
/** From linux/ethtool.h: set TSO, GSO, GRO. */
const SETTERS = [0x1f, 0x24, 0x2c]
const GET_FLAGS = 0x25
const SET_FLAGS = 0x26
const FLAG_LRO = 1 << 15
const GET_GRO = 0x2b

/** 'unchanged' where this process may not (it needs CAP_NET_ADMIN) and segments are still merged. */
export function offloadsOff(name: string): 'off' | 'unchanged' {
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0)
  if (fd < 0) return 'unchanged'
  try {
    for (const command of SETTERS) ethtool(fd, name, command, 0)
    const flags = ethtool(fd, name, GET_FLAGS, 0) ?? 0
    if ((flags & FLAG_LRO) !== 0) ethtool(fd, name, SET_FLAGS, flags & ~FLAG_LRO)
    const merged = (ethtool(fd, name, GET_FLAGS, 0) ?? 0) & FLAG_LRO
    return ethtool(fd, name, GET_GRO, 0) === 0 && merged === 0 ? 'off' : 'unchanged'
  } finally {
    libc.close(fd)
  }
}

/** One ethtool command with a value; what the kernel put in its place, or undefined when it refused. */
function ethtool(fd: number, name: string, command: number, value: number): number | undefined {
  const argument = Buffer.alloc(8)
  argument.writeUInt32LE(command)
  argument.writeUInt32LE(value >>> 0, 4)
  const request = Buffer.alloc(40)
  request.write(name, 0, 15, 'latin1')
  request.writeBigUInt64LE(koffi.address(argument), 16)
  return libc.ioctl(fd, SIOCETHTOOL, request) < 0 ? undefined : argument.readUInt32LE(4)
}
