/**
 * What weighs what in the box: `node image/sizes.ts ROOT PARTS`. Megabytes as they lie in the tree, and what they
 * come to when each part is compressed by itself, as the image's file system does it in pieces.
 */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'

/** Of the file system's clusters. */
const PIECE = 64 * 1024
const MB = 1_000_000

/** The first that fits counts; what fits none is Debian's. */
const PARTS: readonly [string, RegExp][] = [
  ['Node', /^usr\/lib\/picket\/node$/],
  ['DuckDB', /^usr\/lib\/picket\/node_modules\/@duckdb\//],
  ['other npm packages', /^usr\/lib\/picket\/node_modules\//],
  ['Picket: programs, pages, rules', /^usr\/lib\/picket\//],
  ['kernel modules: network', /^usr\/lib\/modules\/[^/]+\/kernel\/(drivers\/net|net)\//],
  ['kernel modules: the rest', /^usr\/lib\/modules\//],
  ['firmware', /^usr\/lib\/firmware\//],
  ['systemd', /systemd|udev/],
  ['C and C++ libraries', /^usr\/lib\/x86_64-linux-gnu\//],
  ['programs', /^usr\/s?bin\//],
]
const REST = 'the rest of Debian'

const [root = '', parts = ''] = process.argv.slice(2)
if (!parts) throw new TypeError('usage: sizes.ts ROOT PARTS')

const sums = new Map<string, { files: number; bytes: number; small: number }>()
walk('')
const rows = [...sums].sort(([, a], [, b]) => b.small - a.small)
const total = { files: 0, bytes: 0, small: 0 }
process.stdout.write('  MB in tree   compressed   files\n')
for (const [name, sum] of rows) {
  for (const key of ['files', 'bytes', 'small'] as const) total[key] += sum[key]
  line(name, sum)
}
line('the root', total)
for (const name of ['root.erofs', 'initrd', 'vmlinuz'])
  line(`${name} as it is`, { files: 1, bytes: 0, small: statSync(join(parts, name)).size })

function walk(folder: string): void {
  for (const name of readdirSync(join(root, folder))) {
    const path = join(folder, name)
    const stat = lstatSync(join(root, path))
    if (stat.isDirectory()) walk(path)
    else if (stat.isFile()) count(path, stat.size)
  }
}

function count(path: string, bytes: number): void {
  const part = PARTS.find(([, of]) => of.test(path))?.[0] ?? REST
  const sum = sums.get(part) ?? { files: 0, bytes: 0, small: 0 }
  sums.set(part, sum)
  const content = readFileSync(join(root, path))
  sum.files++
  sum.bytes += bytes
  for (let at = 0; at < content.length; at += PIECE)
    sum.small += zstdCompressSync(content.subarray(at, at + PIECE)).length
}

function line(
  name: string,
  { files, bytes, small }: { files: number; bytes: number; small: number },
) {
  const mb = (value: number) => (value === 0 ? '' : (value / MB).toFixed(1))
  process.stdout.write(
    `${mb(bytes).padStart(12)} ${mb(small).padStart(12)} ${String(files).padStart(7)}  ${name}\n`,
  )
}
