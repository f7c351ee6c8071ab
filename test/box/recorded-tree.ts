/** A recorded part of a machine's /sys and /proc, laid out as files and links again: `F path|text`, `L path|target`, `D path`, `M meminfo`. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export function layOut(name: string): string {
  const root = mkdtempSync(join(tmpdir(), 'picket-tree-'))
  const text = readFileSync(join(import.meta.dirname, 'trees', `${name}.txt`), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  const of = (kind: string) => lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(2).split('|') as [string, string]) // biome-ignore format: one line
  // Links first, and what they lead to: a file below a linked folder belongs there.
  for (const [path, target = ''] of of('L')) {
    const at = join(root, path)
    mkdirSync(dirname(at), { recursive: true })
    mkdirSync(resolve(dirname(realParent(root, path)), target), { recursive: true })
    symlinkSync(target, at)
  }
  for (const [path] of of('D')) mkdirSync(join(root, path), { recursive: true })
  for (const [path, content = ''] of of('F')) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${content}\n`)
  }
  mkdirSync(join(root, 'proc'))
  writeFileSync(
    join(root, 'proc/meminfo'),
    of('M')
      .map(([line]) => `${line}\n`)
      .join(''),
  )
  return root
}

/** Where a link stands once the links above it are followed; the recorded targets are relative to there. */
function realParent(root: string, path: string): string {
  const parts = path.split('/')
  let at = root
  for (const part of parts.slice(0, -1)) {
    const next = join(at, part)
    try {
      at = realpathSync(next)
    } catch {
      at = next
    }
  }
  return join(at, parts.at(-1) ?? '')
}
