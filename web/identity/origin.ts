/**
 * Where a request may come from. A name that an attacker points at this machine (DNS rebinding) is
 * refused by its Host; a form on another site is refused by Origin, before any token is looked at.
 */
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { Failure } from '../../agent/base/failure.ts'

/** The host of a `Host` header without its port; empty when it is not one. */
function hostOf(header: string): string {
  try {
    const url = new URL(`http://${header}`)
    if (url.pathname !== '/' || url.username || url.search || url.hash) return ''
    return url.hostname.replace(/^\[|\]$/g, '')
  } catch {
    return ''
  }
}

export function checkHost(header: string | undefined, ownNames: readonly string[] = []): void {
  const host = hostOf(header ?? '')
  const own = hostname().toLowerCase()
  const known = ['localhost', own, `${own}.local`, ...ownNames]
  if (host !== '' && (isIP(host) !== 0 || known.includes(host.toLowerCase()))) return
  throw new Failure('invalid', 'This appliance does not answer to that name. Use its address.')
}

/** A request that changes something must say that it comes from a page of ours. */
export function checkOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === `http://${host}` || origin === `https://${host}`) return
  throw new Failure(
    'refused',
    'The form came from another site, so nothing was done. Open Picket itself and try again.',
  )
}
