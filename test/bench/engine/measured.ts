/**
 * Runs one command to its end and writes what it took, by the kernel's own account of children, which a process has only once:
 * measured.ts REPORT LOG COMMAND…
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'

export interface Taken {
  status: number
  wallSeconds: number
  /** All threads of the command and of what it waited for. */
  cpuSeconds: number
  peakMb: number
  /** What it printed. */
  log: string
}

const OUTPUT_BYTES_MAX = 268_435_456
const RUSAGE_CHILDREN = -1
/** Two pairs of seconds and microseconds, then the peak in KB (getrusage(2)). */
const RUSAGE_WORDS = 18

/** `command` in a fresh process; `name` is a path for its two files. */
export function measure(name: string, command: readonly string[]): Taken {
  const self = fileURLToPath(import.meta.url)
  const [report, log] = [`${name}.taken.json`, `${name}.log`]
  const { status, stderr } = spawnSync(process.execPath, [self, report, log, ...command])
  if (status !== 0) throw new Error(`measuring ${command[0]} failed: ${stderr}`)
  const taken = JSON.parse(readFileSync(report, 'utf8')) as Omit<Taken, 'log'>
  const text = readFileSync(log, 'utf8')
  if (taken.status !== 0) throw new Error(`${command.join(' ')} ended with ${taken.status}: ${text.slice(-2000)}`) // biome-ignore format: one line
  return { ...taken, log: text }
}

if (import.meta.main) {
  const [report, log, name, ...args] = process.argv.slice(2) as [string, string, string]
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(name, args, { maxBuffer: OUTPUT_BYTES_MAX })
  const wallSeconds = (performance.now() - start) / 1000
  const usage = new BigInt64Array(RUSAGE_WORDS)
  const getrusage = koffi.load('libc.so.6').func('int getrusage(int who, _Out_ int64_t *usage)')
  getrusage(RUSAGE_CHILDREN, usage)
  const word = (i: number) => Number(usage[i])
  writeFileSync(log, Buffer.concat([stdout, stderr]))
  const taken: Omit<Taken, 'log'> = {
    status: status ?? 128,
    wallSeconds,
    cpuSeconds: word(0) + word(2) + (word(1) + word(3)) / 1e6,
    peakMb: word(4) / 1024,
  }
  writeFileSync(report, JSON.stringify(taken))
}
