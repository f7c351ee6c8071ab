/**
 * Commands work with the box running or not. Where a process they need is not up, it is started for the
 * length of the command and ended after it; one that is up is used as it is.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Failure } from '../base/failure.ts'
import { connect } from './rpc.ts'
import { type ServerName, socketPath } from './sockets.ts'

/** A second is usual. On a machine with much else to do a command that fails is no quicker. */
const READY_MS_MAX = 60_000
const POLL_MS = 25
const PROGRAMS = { keys: './run-keys.ts', lake: './run-lake.ts' } as const
type Borrowed = keyof typeof PROGRAMS

/** Runs `use` with these processes answering on their cli sockets. */
export async function borrow<T>(
  { data, config }: { data: string; config?: string | undefined },
  names: readonly Borrowed[],
  use: () => Promise<T>,
): Promise<T> {
  if (!existsSync(`${data}/platform.db`))
    throw new Failure(
      'not-found',
      `${data} holds no Picket data. Make it with: picket init --data ${data} --tenant NAME`,
    )
  const started: ChildProcess[] = []
  try {
    for (const name of names) {
      if (await answers(data, name)) continue
      started.push(await start(data, name, config))
    }
    return await use()
  } finally {
    for (const child of started.reverse()) await end(child)
  }
}

async function answers(data: string, name: ServerName): Promise<boolean> {
  try {
    const client = await connect(socketPath(data, name, 'cli'))
    client.close()
    return true
  } catch {
    return false
  }
}

async function start(
  data: string,
  name: Borrowed,
  config: string | undefined,
): Promise<ChildProcess> {
  const program = fileURLToPath(new URL(PROGRAMS[name], import.meta.url))
  const args = ['--disable-proto=delete', '--disable-sigusr1', program, '--data', data]
  if (config) args.push('--config', config)
  const env = { ...process.env, PICKET_LOG: process.env.PICKET_LOG ?? 'error' }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000)
  })
  const deadline = performance.now() + READY_MS_MAX
  while (!(await answers(data, name))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await end(child)
      throw new Failure(
        'unavailable',
        `picket-${name} did not start: ${said.trim().split('\n').at(-1) || 'it said nothing'}`,
      )
    }
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await gone
}
