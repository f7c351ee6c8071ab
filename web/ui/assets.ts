/**
 * The files a browser gets beside the pages: one stylesheet, one script, the mark, uPlot. Named with
 * a hash, so they are cached for ever; compressed once. Pages themselves are not compressed: they hold
 * a CSRF token beside text of strangers, whose compressed size would tell of it (BREACH).
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export interface Asset {
  type: string
  hash: string
  bytes: Buffer
  gzip: Buffer
}

const here = import.meta.dirname
const uplot = () => dirname(createRequire(import.meta.url).resolve('uplot/package.json'))

const FILES: Readonly<Record<string, { type: string; parts: () => string[] }>> = {
  'picket.css': {
    type: 'text/css; charset=utf-8',
    parts: () => ['tokens.css', 'picket.css', 'fleet.css'].map((name) => join(here, name)),
  },
  'picket.js': {
    type: 'text/javascript; charset=utf-8',
    parts: () => [join(here, 'picket.js')],
  },
  'mark.svg': { type: 'image/svg+xml', parts: () => [join(here, 'mark.svg')] },
  'uplot.js': {
    type: 'text/javascript; charset=utf-8',
    parts: () => [join(uplot(), 'dist/uPlot.iife.min.js')],
  },
  'uplot.css': {
    type: 'text/css; charset=utf-8',
    parts: () => [join(uplot(), 'dist/uPlot.min.css')],
  },
}

const loaded = new Map<string, Asset>()

/** Nothing for a name that is not in the list: no path of the request ever reaches the disk. */
export function readAsset(name: string): Asset | undefined {
  const known = loaded.get(name)
  if (known || !Object.hasOwn(FILES, name)) return known
  const { type, parts } = FILES[name] as { type: string; parts: () => string[] }
  const bytes = Buffer.concat(parts().map((path) => readFileSync(path)))
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const made = { type, hash, bytes, gzip: gzipSync(bytes, { level: 9 }) }
  loaded.set(name, made)
  return made
}

/** The address of an asset, with its hash. */
export function asset(name: string): string {
  const found = readAsset(name)
  if (!found) throw new TypeError(`there is no asset ${name}`)
  return `/assets/${name}?v=${found.hash}`
}
