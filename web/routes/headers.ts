import type { Context, Next } from 'hono'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // the shapes of severity and state
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** On every reply. Pages are never stored: they hold a tenant's rows. */
export async function headers(c: Context, next: Next): Promise<void> {
  await next()
  c.header('content-security-policy', POLICY)
  c.header('x-content-type-options', 'nosniff')
  c.header('x-frame-options', 'DENY')
  // Not no-referrer: with that a browser sends `Origin: null` from our own forms, and the check of
  // Origin could tell nothing. To another site nothing is sent either way.
  c.header('referrer-policy', 'same-origin')
  c.header('cross-origin-opener-policy', 'same-origin')
  c.header('cross-origin-resource-policy', 'same-origin')
  c.header('permissions-policy', 'camera=(), microphone=(), geolocation=(), usb=()')
  if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store')
}
