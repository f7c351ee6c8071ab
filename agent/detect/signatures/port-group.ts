/** Port lists of rule headers as one bit a port; groups of the same text are one object. */
import { members } from './group-text.ts'
import { Refused } from './rule-text.ts'
import type { Variables } from './variables.ts'

const PORTS = 65_536
const DEPTH_MAX = 16

export class PortGroup {
  readonly any: boolean
  /** How many ports are in it. */
  readonly count: number
  readonly #bits: Uint8Array

  constructor(bits: Uint8Array) {
    this.#bits = bits
    this.count = bits.reduce((all, byte) => all + bitsOf(byte), 0)
    this.any = this.count === PORTS
  }

  equals(other: PortGroup): boolean {
    return this.#bits.every((byte, i) => byte === other.#bits[i])
  }

  /** Ports that it tells from all others: those in it, or, where these are fewer, those that are not. */
  told(): Uint16Array {
    const flip = this.count > PORTS / 2 ? 0xff : 0
    const all = new Uint16Array(flip === 0 ? this.count : PORTS - this.count)
    let count = 0
    for (let i = 0; i < PORTS / 8; i++)
      for (let left = (this.#bits[i] as number) ^ flip; left !== 0; left &= left - 1)
        all[count++] = i * 8 + 31 - Math.clz32(left & -left)
    return all
  }

  has(port: number): boolean {
    return this.any || ((this.#bits[port >> 3] as number) & (1 << (port & 7))) !== 0
  }
}

function bitsOf(byte: number): number {
  let count = 0
  for (let left = byte; left !== 0; left &= left - 1) count++
  return count
}

export function parsePortGroup(text: string, variables: Variables): PortGroup {
  const bits = evaluate(text, variables, 0)
  if (bits.every((byte) => byte === 0))
    throw new Refused(undefined, `the port group ${text} leaves no port at all`)
  return new PortGroup(bits)
}

function evaluate(text: string, variables: Variables, depth: number): Uint8Array {
  if (depth > DEPTH_MAX) throw new Refused(undefined, `the port group ${text} is nested too deep`)
  if (text.startsWith('!'))
    return evaluate(text.slice(1).trim(), variables, depth + 1).map((byte) => ~byte)
  if (text.startsWith('$')) {
    const value = variables.ports[text.slice(1)]
    if (value === undefined)
      throw new Refused(undefined, `the port variable ${text} is not defined`)
    return evaluate(value.trim(), variables, depth + 1)
  }
  if (!text.startsWith('[')) return single(text)
  const bits = new Uint8Array(PORTS / 8)
  const without = new Uint8Array(PORTS / 8)
  let listed = false
  for (const member of members(text)) {
    const negated = member.startsWith('!')
    const part = evaluate(negated ? member.slice(1).trim() : member, variables, depth + 1)
    if (!negated) listed = true
    const into = negated ? without : bits
    for (let i = 0; i < part.length; i++) into[i] = (into[i] as number) | (part[i] as number)
  }
  return bits.map((byte, i) => (listed ? byte : 0xff) & ~(without[i] as number))
}

/** `80`, `1024:2048`, `1024:`, `:1023`, `any`. */
function single(text: string): Uint8Array {
  const bits = new Uint8Array(PORTS / 8)
  if (text.toLowerCase() === 'any') return bits.fill(0xff)
  const match = /^(\d{0,5})\s*(:?)\s*(\d{0,5})$/.exec(text)
  const [, from = '', colon, to = ''] = match ?? []
  if (!match || text === '' || text === ':' || (colon === '' && from === ''))
    throw new Refused(undefined, `${text} is not a port`)
  const first = from === '' ? 0 : Number(from)
  const last = colon === '' ? first : to === '' ? PORTS - 1 : Number(to)
  if (first > last || last >= PORTS) throw new Refused(undefined, `${text} is not a range of ports`)
  for (let port = first; port <= last; port++)
    bits[port >> 3] = (bits[port >> 3] as number) | (1 << (port & 7))
  return bits
}
