/**
 * hosts ↔ gateway ↔ assets, by veth pairs. The gateway copies both directions of its hosts port to a
 * capture port, as a switch does, so that one port receives every frame once and its own count is the truth.
 */
import { spawnSync } from 'node:child_process'
import type { Room, Rooms } from './namespaces.ts'
import type { Link, Plan } from './plan.ts'

/** Interfaces of the gateway. */
export const PORT = { hosts: 'lan0', assets: 'plant0', copy: 'copy0', capture: 'capture0' } as const
const FAR = 'eth0'

/** What a kernel says by itself on a new link would only blur the count: no router search, no address probe. */
const QUIET = [
  'net/ipv6/conf/default/accept_ra=0',
  'net/ipv6/conf/default/autoconf=0',
  'net/ipv6/conf/default/router_solicitations=0',
  'net/ipv6/conf/default/dad_transmits=0',
  // A wire that is pulled and put back is the same wire.
  'net/ipv6/conf/all/keep_addr_on_down=1',
  'net/ipv6/conf/default/keep_addr_on_down=1',
]

export function buildNetwork(rooms: Rooms, plan: Plan): void {
  for (const room of ['gateway', 'hosts', 'assets'] as const) {
    set(rooms, room, QUIET)
    ip(rooms, room, ['link set lo up'])
  }
  cable(rooms, PORT.hosts, 'hosts', plan.hosts)
  cable(rooms, PORT.assets, 'assets', plan.assets)
  set(rooms, 'gateway', ['net/ipv4/ip_forward=1', 'net/ipv6/conf/all/forwarding=1'])
  mirror(rooms)
  ip(rooms, 'gateway', [`link set ${PORT.assets} up`, `link set ${PORT.hosts} up`])
  ip(rooms, 'assets', [`link set ${FAR} up`])
  route(rooms, 'assets', plan.assets)
}

/** Nothing crosses before this and after `unplug`: capture and recording begin and end in silence. */
export function plug(rooms: Rooms, plan: Plan): void {
  ip(rooms, 'gateway', [`link set ${PORT.hosts} up`])
  ip(rooms, 'hosts', [`link set ${FAR} up`])
  route(rooms, 'hosts', plan.hosts)
}

export function unplug(rooms: Rooms): void {
  ip(rooms, 'hosts', [`link set ${FAR} down`])
  // A gateway that misses a neighbour asks for it, carrier or not, and the copy would show the question.
  ip(rooms, 'gateway', [`link set ${PORT.hosts} down`])
}

function cable(rooms: Rooms, port: string, room: Room, link: Link): void {
  ip(rooms, 'gateway', [
    `link add ${port} type veth peer name ${FAR}`,
    `link set ${FAR} netns ${rooms.pid(room)}`,
    ...link.gateway.map((address) => `addr add ${address} dev ${port}${nodad(address)}`),
  ])
  ip(
    rooms,
    room,
    link.addresses.map((address) => `addr add ${address} dev ${FAR}${nodad(address)}`),
  )
  wholeFrames(rooms, 'gateway', port)
  wholeFrames(rooms, room, FAR)
}

function mirror(rooms: Rooms): void {
  ip(rooms, 'gateway', [`link add ${PORT.copy} type veth peer name ${PORT.capture}`])
  for (const port of [PORT.copy, PORT.capture]) {
    set(rooms, 'gateway', [`net/ipv6/conf/${port}/disable_ipv6=1`])
    wholeFrames(rooms, 'gateway', port)
    ip(rooms, 'gateway', [`link set ${port} arp off up`])
  }
  const chain = (name: string, hook: string) =>
    `chain ${name} { type filter hook ${hook} device "${PORT.hosts}" priority -500; dup to "${PORT.copy}"; }`
  rooms.run(
    'gateway',
    ['nft', '-f', '-'],
    `table netdev copy {\n${chain('received', 'ingress')}\n${chain('sent', 'egress')}\n}\n`,
  )
}

function route(rooms: Rooms, room: Room, link: Link): void {
  const lines = link.gateway.slice(0, 2).map((address) => {
    const via = address.split('/')[0]
    return `${address.includes(':') ? '-6 ' : ''}route replace default via ${via}`
  })
  ip(rooms, room, lines)
}

/** Segments as they were on the wire, with their checksums: neither merged nor left for hardware to finish. */
function wholeFrames(rooms: Rooms, room: Room, port: string): void {
  const words = ['ethtool', '-K', port, 'tx', 'off', 'gso', 'off', 'tso', 'off', 'gro', 'off']
  const [first = '', ...rest] = rooms.command(room, words)
  spawnSync(first, rest, { stdio: 'ignore' }) // without ethtool segments are bigger, and still counted
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : ''
}

/** Many lines, one process. */
function ip(rooms: Rooms, room: Room, lines: readonly string[]): void {
  const six = lines.filter((line) => line.startsWith('-6 '))
  const rest = lines.filter((line) => !line.startsWith('-6 '))
  if (rest.length > 0) rooms.run(room, ['ip', '-batch', '-'], `${rest.join('\n')}\n`)
  for (const line of six) rooms.run(room, ['ip', ...line.split(' ')])
}

/** `net/ipv4/ip_forward=1`: /proc/sys/net is of whoever opens it, so it is opened over there. */
function set(rooms: Rooms, room: Room, lines: readonly string[]): void {
  const script = lines.map((line) => {
    const [path, value] = line.split('=')
    return `echo ${value} > /proc/sys/${path}`
  })
  rooms.run(room, ['sh', '-ec', script.join('\n')])
}
