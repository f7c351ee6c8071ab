/** What the box can enforce from where it sits, said plainly. A copy of the traffic cannot be stopped. */
import { readFileSync } from 'node:fs'

export type Place = 'gateway' | 'bridge' | 'tap'

/** What the kernel says about this machine now; configuration alone is only a claim. */
export interface PlaceFacts {
  forwards4: boolean
  forwards6: boolean
  bridges: boolean
}

export interface Placement {
  enforces: boolean
  sentence: string
}

const no = (why: string): Placement => ({
  enforces: false,
  sentence: `This cannot be enforced from here: ${why}`,
})

/** `tableFault` is the sentence why the kernel's table cannot be used, if it cannot. */
export function placementOf(
  place: Place,
  facts: PlaceFacts,
  tableFault: string | undefined,
): Placement {
  if (place === 'tap') return no('the box sees a copy of the traffic and is not in its way.')
  if (tableFault !== undefined) return no(tableFault)
  if (place === 'bridge')
    return facts.bridges
      ? {
          enforces: true,
          sentence: 'The box is a bridge in the line: what passes through it, it can drop.',
        }
      : no('the box is set up as a bridge, but no port of it belongs to one.')
  if (!facts.forwards4 && !facts.forwards6)
    return no('the box is set up as the gateway, but its kernel forwards nothing.')
  return {
    enforces: true,
    sentence: `The box is the gateway: what it forwards${limits(facts)}, it can drop.`,
  }
}

/** In the line, and nothing passes yet, as when a machine starts before its bridge or its forwarding: the table waits in the kernel for it. */
export function isComing(place: Place, tableFault: string | undefined): boolean {
  return place !== 'tap' && tableFault === undefined
}

/** Whether this address family passes through the box at all. */
export function reaches(place: Place, facts: PlaceFacts, target: string): Placement {
  const six = target.includes(':')
  if (place === 'gateway' && !(six ? facts.forwards6 : facts.forwards4))
    return no(`the box does not forward ${six ? 'IPv6' : 'IPv4'}.`)
  return { enforces: true, sentence: '' }
}

function limits(facts: PlaceFacts): string {
  if (facts.forwards4 && facts.forwards6) return ''
  return facts.forwards4 ? ' (IPv4 only)' : ' (IPv6 only)'
}

/** Reads the facts from /proc and, for the bridge, from the kernel's own list of ports. */
export function readPlaceFacts(bridgePorts: () => number): PlaceFacts {
  return {
    forwards4: flag('/proc/sys/net/ipv4/ip_forward'),
    forwards6: flag('/proc/sys/net/ipv6/conf/all/forwarding'),
    bridges: bridgePorts() > 0,
  }
}

/** A file that is absent means no. */
function flag(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() !== '0'
  } catch {
    return false
  }
}
