/**
 * `./build.sh long kill [SEEDS] [BASE]`: a process killed for each seed, and a table of where it died and what was
 * found then. Ends early, with the table of what was run, at SIGTERM or Ctrl-C. Exit code 1 when a row was lost or twice.
 */
import { isDeepStrictEqual } from 'node:util'
import { CellUnderFire } from './cell-under-fire.ts'
import { type Killed, killOnce } from './kill-once.ts'
import { WHOLE } from './lake-at-work.ts'

const TELL_EVERY = 25

const [seeds = 1000, base = 1] = process.argv.slice(2).map(Number)
let ends = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => (ends = true))

interface Row {
  /** Killed just before it, and with it under way. */
  before: number
  during: number
  acknowledged: number
  lost: number
  twice: number
  wrong: number
}

const none = (): Row => ({ before: 0, during: 0, acknowledged: 0, lost: 0, twice: 0, wrong: 0 })
const points = new Map<string, Row>()
const sum = none()
let done = 0

function add({ seed, role, point, acknowledged, found }: Killed): void {
  const [, when, change = point] = /^(before|during) (.*)$/.exec(point) ?? []
  const name = `| ${role} | ${change} |`
  const row = points.get(name) ?? none()
  points.set(name, row)
  const isWhole = isDeepStrictEqual(found, WHOLE)
  if (!isWhole) process.stderr.write(`seed ${seed}: ${role} ${point}: ${JSON.stringify(found)}\n`)
  for (const each of [row, sum]) {
    if (when === 'during') each.during++
    else each.before++
    each.acknowledged += acknowledged
    each.lost += found.lost
    each.twice += found.twice
    if (!isWhole) each.wrong++
  }
}

const started = performance.now()
const cell = await CellUnderFire.open()
try {
  for (let seed = base; seed < base + seeds && !ends; seed++) {
    add(await killOnce(seed, cell))
    if (++done % TELL_EVERY === 0) process.stderr.write(`${done} of ${seeds}\n`)
  }
} finally {
  await cell.close()
}
const line = ({ before, during, acknowledged, lost, twice, wrong }: Row) =>
  `${before} | ${during} | ${acknowledged} | ${lost} | ${twice} | ${wrong} |`
const minutes = ((performance.now() - started) / 60_000).toFixed(0)
process.stdout.write(`${done} seeds from ${base}, ${minutes} minutes.

| process | change of the disk, or step | killed before it | during it | rows acknowledged | lost | twice | anything else wrong |
|---|---|---|---|---|---|---|---|
${[...points]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, row]) => `${name} ${line(row)}`)
  .join('\n')}
| all | | ${line(sum)}
`)
process.exit(sum.wrong > 0 ? 1 : 0)
