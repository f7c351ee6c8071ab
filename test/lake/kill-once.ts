/** One seed, one process killed at one point: writer, settler, compactor of a lake, or a cell at its question. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chance } from '../traffic/chance.ts'
import type { CellUnderFire } from './cell-under-fire.ts'
import { type Found, type Role, reopened } from './lake-at-work.ts'
import { tenant } from './own-keys.ts'
import { START_US } from './site.ts'

const ACT = new URL('./kill-act.ts', import.meta.url).pathname
/** Changes of the disk among which one is chosen. */
const CHANGES: Readonly<Record<Role, number>> = { writer: 60, settler: 25, compactor: 25 }
const OUTPUT_BYTES_MAX = 16 << 20

export interface Killed {
  seed: number
  role: Role | 'cell'
  /** "before sync open segment"; "not reached" where the work ended first. */
  point: string
  acknowledged: number
  found: Found
}

export async function killOnce(seed: number, cell: CellUnderFire): Promise<Killed> {
  const chance = new Chance(seed)
  const role = chance.pick(['writer', 'settler', 'compactor', 'cell'] as const)
  if (role === 'cell') return { seed, role, ...(await cell.kill(chance)) }
  const data = mkdtempSync(join(tmpdir(), 'kill-'))
  const place = { data, tenants: [tenant('alfa')], seed: randomBytes(32) }
  writeFileSync(join(data, 'place.json'), JSON.stringify({ tenants: place.tenants, key: place.seed.toString('hex') })) // biome-ignore format: one line
  const at = String(chance.int(1, CHANGES[role]))
  const underWay = chance.next() < 0.5 ? 'during' : 'before'
  const said = await act([data, role, String(seed), at, underWay])
  const words = (word: string) =>
    said.split('\n').flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : [])) // biome-ignore format: one line
  const acknowledged = new Set(words('acknowledged'))
  const nowUs = Number(words('now').at(-1) ?? START_US)
  const found = await reopened(place, { acknowledged, appended: new Set(words('appended')), nowUs })
  return { seed, role, point: words('died')[0] ?? 'not reached', acknowledged: acknowledged.size, found } // biome-ignore format: one line
}

function act(args: string[]): Promise<string> {
  return new Promise((done, fail) =>
    execFile(
      process.execPath,
      [ACT, ...args],
      { maxBuffer: OUTPUT_BYTES_MAX },
      (error, out, err) => (!error || error.signal ? done(out) : fail(new Error(err))),
    ),
  )
}
