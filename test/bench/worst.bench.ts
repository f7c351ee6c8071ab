/**
 * What traffic costs that is made to cost: each case in a process of its own, the least and the most a frame takes (as
 * the median and the longest of batches of 64, on the thread's own clock), memory, the longest pause for garbage, and what
 * was shed. The yardstick of the same run is the first case with an ordinary frame, again and again.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'vitest'
import { WORST_CASES } from '../traffic/worst-cases.ts'
import type { WorstFigures } from './worst/one-case.ts'

const SEED = Number(process.env.PICKET_SEED ?? Math.floor(Math.random() * 2 ** 31))
const FRAMES = Number(process.env.PICKET_WORST_FRAMES ?? 200_000)
/** Of these a table of 65,536 flows sees many times its size. */
const FLOW_FRAMES = Number(process.env.PICKET_WORST_FLOWS ?? 10_000_000)
const OF_FLOWS = new Set(['tiny-flows', 'syn-flood'])

const NO_NEWS = new Set(['frames', 'decoded', 'flows', 'flowsLive', 'tunnelled', 'rulesJudged', 'rulesMatched', 'appStates']) // biome-ignore format: one line

test(`worst cases (seed ${SEED})`, { timeout: 1_800_000 }, () => {
  const columns = ['case', 'frames', 'us median', 'us most', 'frames/cpu-s', 'rss MB', 'grew MB', 'gc ms', 'counted'] // biome-ignore format: one line
  process.stdout.write(`${columns.join(' | ')}\n`)
  for (const [name, { what }] of Object.entries(WORST_CASES)) {
    const frames = OF_FLOWS.has(name) ? FLOW_FRAMES : FRAMES
    const program = join(import.meta.dirname, 'worst', 'one-case.ts')
    const said = execFileSync(process.execPath, [program, name, String(frames), String(SEED)])
    const { usMedian, usMost, framesACpuSecond, rssMb, rssGrewMb, gcPauseMs, counters } =
      JSON.parse(said.toString()) as WorstFigures
    const news = Object.entries(counters).filter(([word]) => !NO_NEWS.has(word))
    const counted = news.map(([word, count]) => `${word} ${count}`).join(', ')
    const row = [name, frames, usMedian, usMost, framesACpuSecond, rssMb, rssGrewMb, gcPauseMs, counted] // biome-ignore format: one line
    process.stdout.write(`${row.join(' | ')}\n  ${what}\n`)
  }
})
