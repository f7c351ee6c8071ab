/** For a port at either end of a packet, whether there is a rule for it. */
import type { PortGroup } from './port-group.ts'

const PORTS = 65_536

export class OpenPorts {
  readonly #from = new Uint8Array(PORTS)
  readonly #to = new Uint8Array(PORTS)
  readonly #known = new Set<PortGroup>()
  readonly #knownTo = new Set<PortGroup>()

  open(end: 'from' | 'to', ports: PortGroup): void {
    const known = end === 'to' ? this.#knownTo : this.#known
    if (known.has(ports)) return
    known.add(ports)
    const marks = end === 'to' ? this.#to : this.#from
    for (let port = 0; port < PORTS; port++) if (ports.has(port)) marks[port] = 1
  }

  areOpen(from: number, to: number): boolean {
    return this.#from[from] === 1 || this.#to[to] === 1
  }
}
