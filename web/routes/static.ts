import { Failure } from '../../agent/base/failure.ts'
import { readAsset } from '../ui/assets.ts'
import type { Route } from './table.ts'

/** The stylesheet, the script, the mark and uPlot; nothing else, and no path of a request is opened. */
export function staticRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/assets/:name{[a-z]+\\.[a-z]+}',
      atom: 'nobody',
      handle: (c) => {
        const found = readAsset(c.req.param('name') ?? '')
        if (!found) throw new Failure('not-found', 'There is no such file.')
        const packed = (c.req.header('accept-encoding') ?? '').includes('gzip')
        const known = c.req.query('v') === found.hash
        return c.body(new Uint8Array(packed ? found.gzip : found.bytes), 200, {
          'content-type': found.type,
          'cache-control': known ? 'public, max-age=31536000, immutable' : 'no-cache',
          vary: 'accept-encoding',
          ...(packed ? { 'content-encoding': 'gzip' } : {}),
        })
      },
    },
    {
      method: 'GET',
      path: '/healthz',
      atom: 'nobody',
      handle: (c) => c.json({ ok: true }),
    },
  ]
}
