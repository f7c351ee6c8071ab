/**
 * `./build.sh demo`: the launcher. Opens the socket of the pages on the host's loopback, makes namespaces in
 * which everything else happens, and takes all of it with it when it ends, however it ends.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { replayInstead } from './replay-instead.ts'
import { listen, usableSpaces } from './spaces.ts'

const USAGE = `Usage: ./build.sh demo [--once] [--json OUT] [--seed N] [--calm] [--record DIR] [--data DIR]

  --once        plays the whole story unattended, tears down, exits 0 when everything came as expected
  --json OUT    writes what the sites said at the end (with --once)
  --seed N      hosts, ports, order, volumes and pauses; random and printed by default
  --calm        the same day without attacks
  --record DIR  keeps each captured wire as pcap, taken by tcpdump
  --data DIR    keeps the data folders of the boxes there
`
/** Of the sites' pages on this machine's loopback, in order; any free one where it is taken. */
const PORTS = [8443, 8444, 8445]
const STOP_MS_MAX = 12_000
const STAGE = fileURLToPath(new URL('./stage.ts', import.meta.url))

async function main(): Promise<number> {
  const { values } = readArguments()
  const seed = values.seed === undefined ? randomInt(1, 1_000_000) : Number(values.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) return refuse('--seed is a whole number.')
  const spaces = usableSpaces()
  if (!spaces) {
    process.stdout.write('Namespaces are off on this machine, so captures are replayed instead.\n')
    return replayInstead(seed, values)
  }
  const open = await Promise.all(PORTS.map(listen))
  const data = values.data ? resolve(values.data) : mkdtempSync(join(tmpdir(), 'picket-demo-'))
  mkdirSync(data, { recursive: true, mode: 0o700 })
  process.stdout.write(`seed ${seed}\n`)
  const words = [...spaces, '--', process.execPath, STAGE, '--data', data, '--seed', String(seed)]
  for (const { port } of open) words.push('--address', `http://localhost:${port}/`)
  if (values.once) words.push('--once')
  if (values.calm) words.push('--calm')
  if (values.data) words.push('--keep')
  if (values.json) words.push('--json', resolve(values.json))
  if (values.record) words.push('--record', resolve(values.record))
  // A session of its own: Ctrl-C reaches only us, and we end the rest in order. Its standard input is our life.
  const stage = spawn('unshare', words, {
    stdio: ['pipe', 'inherit', 'inherit', ...open.map(({ fd }) => fd)],
    detached: true,
  })
  for (const { server } of open) server.close() // ours; the stage has its own hold on the sockets
  let asked = false
  const end = () => {
    if (asked) return
    asked = true
    process.stdout.write('ending …\n')
    stage.stdin?.end()
    setTimeout(() => stage.kill('SIGKILL'), STOP_MS_MAX).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  const code = await new Promise<number>((done) => {
    stage.on('error', () => done(1))
    stage.on('exit', (status) => done(status ?? 1))
  })
  if (!values.data) rmSync(data, { recursive: true, force: true })
  return code
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        once: { type: 'boolean' },
        json: { type: 'string' },
        seed: { type: 'string' },
        calm: { type: 'boolean' },
        record: { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    process.exit(refuse((error as Error).message))
  }
}

function refuse(why: string): number {
  process.stderr.write(`demo: ${why}\n\n${USAGE}`)
  return 2
}

if (process.argv.includes('--help')) process.stdout.write(USAGE)
else process.exit(await main())
