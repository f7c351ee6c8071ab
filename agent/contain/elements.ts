/**
 * What of a plan stands in the kernel: one or two elements of eight sets, by shape and address family. Built from
 * parsed numbers only: no text of a request ever reaches the kernel's parser.
 */
import { addressText, parseAddress } from '../base/address.ts'
import { Failure } from '../base/failure.ts'
import type { Plan } from './action.ts'

const SHAPES = ['host', 'pair', 'service', 'flow'] as const
type Shape = (typeof SHAPES)[number]
export type SetName = `${Shape}${4 | 6}`

export interface Element {
  set: SetName
  /** The tuple as nft writes it: `10.0.0.1 . 10.0.0.2 . tcp . 80`. */
  tuple: string
}

/** Each set with its type and what of a packet it is looked up by. */
export const SETS: readonly { name: SetName; type: string; match: string }[] = (
  [4, 6] as const
).flatMap((family) => {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr'
  const ip = family === 4 ? 'ip' : 'ip6'
  return [
    { shape: 'host', type: address, match: `${ip} saddr` },
    { shape: 'pair', type: `${address} . ${address}`, match: `${ip} saddr . ${ip} daddr` },
    {
      shape: 'service',
      type: `${address} . inet_proto . inet_service`,
      match: `${ip} saddr . meta l4proto . th dport`,
    },
    {
      shape: 'flow',
      type: `${address} . ${address} . inet_proto . inet_service`,
      match: `${ip} saddr . ${ip} daddr . meta l4proto . th dport`,
    },
  ].map(({ shape, ...rest }) => ({ name: `${shape as Shape}${family}` as SetName, ...rest }))
})

/** Throws `invalid` for what is no single host, or mixes address families. */
export function elementsOf(plan: Pick<Plan, 'target' | 'dest' | 'port' | 'proto'>): Element[] {
  const target = host(plan.target)
  const dest = plan.dest === undefined ? undefined : host(plan.dest)
  const six = target.includes(':')
  if (dest !== undefined && dest.includes(':') !== six)
    throw new Failure('invalid', 'The two addresses of a block are of different families.')
  const ends = dest === undefined ? [target] : [target, dest]
  const family = six ? 6 : 4
  if (plan.port === undefined)
    return [{ set: `${dest === undefined ? 'host' : 'pair'}${family}`, tuple: ends.join(' . ') }]
  const port = Number(plan.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Failure('invalid', 'The port of a block is a number from 1 to 65535.')
  const protos = plan.proto === undefined ? (['tcp', 'udp'] as const) : [plan.proto]
  return protos.map((proto) => ({
    set: `${dest === undefined ? 'service' : 'flow'}${family}`,
    tuple: [...ends, proto === 'tcp' ? 'tcp' : 'udp', port].join(' . '),
  }))
}

export function elementKey({ set, tuple }: Element): string {
  return `${set} ${tuple}`
}

function host(text: string): string {
  const words = parseAddress(text)
  if (!words) throw new Failure('invalid', 'A block names one address, not a prefix or a name.')
  return addressText(words)
}
