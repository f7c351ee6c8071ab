/** tcpdump on the captured wire: what anybody else would have seen. Begins before the agent, ends after it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Rooms } from './namespaces.ts'
import { PORT } from './network.ts'

const BUFFER_KIB = 65_536
const STARTED_MS_MAX = 10_000

export interface Recorder {
  readonly path: string
  /** Ends the recording; gives its own counts. */
  stop(): Promise<{ captured: number; dropped: number }>
}

export async function record(rooms: Rooms, folder: string, name: string): Promise<Recorder> {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${name}.pcap`)
  return recordBy((words) => rooms.asOurselves('gateway', words), PORT.capture, path)
}

/** Records what comes in at `port`, in the place that `enter` puts the words into. */
export async function recordBy(
  enter: (words: readonly string[]) => readonly string[],
  port: string,
  path: string,
): Promise<Recorder> {
  const words = ['tcpdump', '-i', port, '-Q', 'in', '-n', '-s', '0', '-U', '-w', path]
  words.push('-B', String(BUFFER_KIB), '--immediate-mode')
  if (process.getuid?.() === 0) words.push('-Z', 'root') // its own user may not write here
  const [first = '', ...rest] = enter(words)
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = new Promise((done) => child.once('close', done))
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await listening(child, () => said)
  return {
    path,
    stop: async () => {
      child.kill('SIGINT')
      await gone
      const count = (words: string) =>
        Number(new RegExp(`(\\d+) packets? ${words}`).exec(said)?.[1])
      return { captured: count('captured'), dropped: count('dropped by kernel') }
    },
  }
}

function listening(child: ChildProcess, said: () => string): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error('tcpdump did not start.')), STARTED_MS_MAX)
    child.stderr?.on('data', () => {
      if (!said().includes('listening on')) return
      clearTimeout(timer)
      done()
    })
    child.on('error', fail)
    child.on('exit', () => fail(new Error(`tcpdump ended: ${said().trim()}`)))
  })
}
