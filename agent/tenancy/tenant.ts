/**
 * Who a row belongs to. **tenant**: one site's appliance and all it recorded, with its own key and files.
 * **customer** = **fleet**: one or more tenants under one contract; a single site is a fleet of one.
 */

import { Failure } from '../base/failure.ts'
import { SLUG, UID } from '../base/ids.ts'

export interface Tenant {
  /** The slug: a label, immutable, never reused (D23). */
  tenant_id: string
  /** Random 128 bit: what keys, AADs, paths, topics and grants bind (D23). */
  tenant_uid: string
  /** The customer's slug, same grammar, never null. */
  fleet_id: string
  /** Random 128 bit of the box; also the appliance uid of the journal's AAD (D7). */
  appliance_id: string
  /** Microseconds since 1970. */
  created: number
}

/** What a query or an answer names a tenant by; the uid alone decides. */
export type TenantRef = Pick<Tenant, 'tenant_id' | 'tenant_uid' | 'fleet_id'>

/** A slug as D23 wants it: ASCII, 2–31 characters, and no punycode prefix that could look like another. */
export function parseSlug(text: string, what: 'tenant' | 'fleet'): string {
  if (!SLUG.test(text) || text.startsWith('xn--') || text.endsWith('-'))
    throw new Failure(
      'invalid',
      `The ${what} id must be 2 to 31 characters, lower-case letters, digits and inner hyphens, beginning with a letter.`,
      { what },
    )
  return text
}

export function parseUid(text: string): string {
  if (!UID.test(text)) throw new Failure('invalid', 'An id must be 32 hex digits.')
  return text
}
