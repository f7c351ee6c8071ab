/** What the kernel says about an interface of this network namespace. */
import { readFileSync } from 'node:fs'
import { Failure } from '../base/failure.ts'

/**
 * Frames the interface has received. From /proc/self/net/dev, which is this process's own namespace
 * whatever is mounted on /sys (a nested namespace often keeps the /sys of its parent).
 */
export function rxPackets(name: string): number {
  for (const line of readFileSync('/proc/self/net/dev', 'latin1').split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0 || line.slice(0, colon).trim() !== name) continue
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    return Number(fields[1])
  }
  throw new Failure('not-found', `There is no network interface ${name} here.`, {
    interface: name,
  })
}
