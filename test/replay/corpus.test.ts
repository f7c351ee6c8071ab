/** Every capture of the corpus through the path of `picket replay`: no crash, no hang, each frame accounted for. */
import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { Chance } from '../traffic/chance.ts'
import { corpus } from '../traffic/corpus.ts'
import { countFrames } from '../traffic/count-frames.ts'
import type { Replayed } from './replay-files.ts'

/** The slowest file takes 0.1 s alone; the machine may be busy. */
const FILE_MS_MAX = 10_000
const SAMPLE = 12
const CLI = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const PROGRAM = fileURLToPath(new URL('./replay-files.ts', import.meta.url))
const seed = Number(process.env.PICKET_SEED ?? Date.now() % 1e9)

const root = corpus('')
const captures = root
  ? globSync(join(root, '**/*.{pcap,pcapng,cap,pcap.gz,pcapng.gz,cap.gz}')).sort()
  : []
/** Files that their makers cut off or damaged, by name: all others are whole. */
const BROKEN =
  /\/covenant_(sc_query|sharpsc_(create|stop)|sharpwmi_create)_[\w-]+\.cap$|\/08eb289cd159ef8c\.pcap$/

let child: ChildProcess | undefined
afterAll(() => void child?.kill('SIGKILL'))

/** One file in the child; it is ended, and the file named, when it dies or takes too long. */
function replayed(file: string): Promise<Replayed> {
  child ??= fork(PROGRAM)
  const worker = child
  return new Promise((resolve, reject) => {
    const done = (outcome: () => void) => {
      clearTimeout(late)
      worker.removeAllListeners()
      outcome()
    }
    const late = setTimeout(() => {
      worker.kill('SIGKILL')
      done(() => reject(new Error(`${file} is not through after ${FILE_MS_MAX} ms`)))
    }, FILE_MS_MAX)
    worker.once('message', (said) => done(() => resolve(said as Replayed)))
    worker.once('exit', (code, signal) =>
      done(() => reject(new Error(`the process died at ${file}: ${code ?? signal}`))),
    )
    worker.send(file)
  })
}

describe.skipIf(!root)('the corpus of captures', () => {
  test('processed + dropped = the frames of the file, for every file', async () => {
    expect(captures.length).toBeGreaterThan(700)
    const start = performance.now()
    const all: Replayed[] = []
    for (const file of captures) {
      const done = await replayed(file)
      all.push(done)
      expect(done.crashed, file).toBe(undefined)
      expect(done.processed + done.dropped, file).toBe(countFrames(file))
      expect(done.broken === undefined, `${file}: ${done.broken}`).toBe(!BROKEN.test(file))
      expect(done.dropped, file).toBe(0)
    }
    const sum = (of: (each: Replayed) => number) => all.reduce((n, each) => n + of(each), 0)
    const slowest = all.reduce((a, b) => (b.ms > a.ms ? b : a))
    process.stdout.write(
      `${all.length} files, ${sum(({ packets }) => packets)} frames, ${sum(({ flows }) => flows)} flows in ` +
        `${((performance.now() - start) / 1000).toFixed(1)} s; ` +
        `slowest ${slowest.file}: ${slowest.ms.toFixed(0)} ms\n`,
    )
  })

  test('the command says the same as the path does, and so does tcpdump', async () => {
    process.stdout.write(`PICKET_SEED=${seed}\n`)
    const sample = [
      ...new Chance(seed).sample(captures, SAMPLE),
      ...captures.filter((file) => BROKEN.test(file)),
    ]
    for (const file of sample) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [CLI, 'replay', file, '--json'],
        { encoding: 'utf8', timeout: FILE_MS_MAX },
      )
      const { packets, processed, dropped, flows, findings, faults } = JSON.parse(stdout)
      expect(await replayed(file), file).toMatchObject({
        packets,
        processed,
        dropped,
        flows,
        findings,
        faults,
      })
      expect(status, stderr).toBe(BROKEN.test(file) ? 2 : 0)
      if (!BROKEN.test(file)) expect(stderr).toBe('')
      const lines = countOf(file)
      if (lines !== undefined) expect(processed + dropped, file).toBe(lines)
    }
  })
})

/** By tcpdump, where it is installed and reads the file. */
function countOf(file: string): number | undefined {
  try {
    const said = execFileSync('tcpdump', ['--count', '-r', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return Number(/^(\d+) packet/m.exec(said)?.[1])
  } catch {
    return undefined
  }
}
