/** For a port at either end of a packet, whether there is a rule for it. */
import { commonness } from './fast-pattern.ts'
import type { PortGroup } from './port-group.ts'
import type { FastPattern, Header, Signature } from './rule.ts'

const PORTS = 65_536
/** A literal that random traffic has at one place of so many says less than ports do, if these are few. */
const COMMON = 1 / 100_000
const FEW_PORTS = 4096
/** Nor do these say more: most packets have one. */
const BUSY_PORTS = [53, 80, 443]

/** Whether a rule that is found by this literal is looked for between its own ports alone. */
export function isByPort({ header, point }: Signature, literal: FastPattern): boolean {
  if (point !== undefined || commonness(literal) < COMMON) return false
  const ports = fewerOf(header)
  return ports.count <= FEW_PORTS && !BUSY_PORTS.some((port) => ports.has(port))
}

function fewerOf({ sourcePorts, destinationPorts }: Header): PortGroup {
  return sourcePorts.count < destinationPorts.count ? sourcePorts : destinationPorts
}

export class OpenPorts {
  readonly #from = new Uint8Array(PORTS)
  readonly #to = new Uint8Array(PORTS)
  readonly #known = new Set<PortGroup>()
  readonly #knownTo = new Set<PortGroup>()

  /** For the end of a rule that fewer ports are in. */
  openFor({ header }: Signature): void {
    const ports = fewerOf(header)
    this.open(ports === header.destinationPorts ? 'to' : 'from', ports)
  }

  open(end: 'from' | 'to', ports: PortGroup): void {
    const known = end === 'to' ? this.#knownTo : this.#known
    if (known.has(ports)) return
    known.add(ports)
    const marks = end === 'to' ? this.#to : this.#from
    for (let port = 0; port < PORTS; port++) if (ports.has(port)) marks[port] = 1
  }

  /** Those at that end. */
  told(end: 'from' | 'to'): Uint16Array {
    const marks = end === 'to' ? this.#to : this.#from
    const all = new Uint16Array(PORTS)
    let count = 0
    for (let port = 0; port < PORTS; port++) if (marks[port] === 1) all[count++] = port
    return all.subarray(0, count)
  }

  areOpen(from: number, to: number): boolean {
    return this.#from[from] === 1 || this.#to[to] === 1
  }
}
