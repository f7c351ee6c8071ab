/**
 * picket-console: the box's own screen, on tty1 and on the serial line. It holds nothing: what it shows it asks, what it
 * changes picket-keys does, on proof. `--data D [--config F] [--on TERMINAL]`; on a virtual one each screen begins at the top.
 */
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, readSync, statfsSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { VERSION } from '../base/version.ts'
import { shippedProfiles } from '../hardware-on-disk.ts'
import { viewHardware } from '../health/hardware.ts'
import { machineFacts } from '../health/machine-facts.ts'
import type { SiteStatus } from '../health/status.ts'
import { chooseName, choosePorts, type DialogParts, showRecovery } from './console-dialog.ts'
import { COLUMNS, plain, wrap } from './console-rows.ts'
import { type ScreenFacts, screen } from './console-screen.ts'
import { keysForConsole } from './keys-client.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'
import { TypedLines } from './typed-lines.ts'

const LOOK_MS = 5_000
/** Who comes to the screen sees the present, also where nothing else changed. */
const IDLE_MS = 600_000
const RECOVERY_BYTES_MAX = 256
/** Of an answer; a sentence is seldom longer than two. */
const SAID_ROWS_MAX = 8
/** The first that systemd hands over (sd_listen_fds(3)). */
const FIRST_FD = 3
/** A serial line may be anything, so it gets lines and no more. */
const CLEAR = '\u001b[2J\u001b[H'

const option = { type: 'string' } as const
const { values } = parseArgs({ options: { data: option, config: option, on: option } }) // biome-ignore format: one line
const data = values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket'
const keys = keysForConsole(data)
const profiles = shippedProfiles()
const out = process.stdout
const say = (line: string) => {
  const rows = line.length > COLUMNS ? wrap(line, SAID_ROWS_MAX) : [line]
  for (const row of rows) out.write(`${row}\r\n`)
}
const lines = new TypedLines(process.stdin, out)

async function main(): Promise<never> {
  for (;;) {
    const facts = await look()
    out.write(
      `${/^tty\d+$/.test(values.on ?? '') ? CLEAR : '\r\n'}${screen(facts).join('\r\n')}\r\n> `,
    )
    const timer = setInterval(() => void changed(facts).then((is) => is && lines.interrupt()), LOOK_MS) // biome-ignore format: one line
    const typed = await lines.next({ waitMs: IDLE_MS })
    clearInterval(timer)
    if (typed === '1' || typed === '2' || (typed === '3' && facts.recovery))
      await talk(typed, facts)
  }
}

async function talk(typed: '1' | '2' | '3', facts: ScreenFacts): Promise<void> {
  const { state, hardware, addresses } = facts
  if (!state) return say('The processes of this box do not answer yet.')
  const parts: DialogParts = {
    ...{ state, hardware, addresses, say },
    ask: (question, options) => {
      out.write(question)
      return lines.next(options)
    },
    change: (request) => keys.changeBox(request),
    recoveryShown: (request) => keys.recoveryShown(request),
  }
  try {
    if (typed === '1') await choosePorts(parts)
    else if (typed === '2') await chooseName(parts)
    else if (await showRecovery(parts, recoveryKey()))
      writeFileSync(seenFile(), '', { mode: 0o600 })
  } catch (error) {
    say(error instanceof Failure ? plain(error.message) : 'It failed inside.')
  }
  out.write('Enter goes on. ')
  await lines.next({ waitMs: LOOK_MS * 4 })
}

/** What would change the screen, but for what always moves: the clock, counters, temperatures. */
async function changed(before: ScreenFacts): Promise<boolean> {
  const mark = (facts: ScreenFacts) => screen({ ...facts, nowMs: 0 }).join('\n').replace(/\d+(\.\d+)? (frames|of [\d.]+ GiB|lost)/g, '') // biome-ignore format: one line
  return mark(await look()) !== mark(before)
}

async function look(): Promise<ScreenFacts> {
  const [state, status] = await Promise.all([keys.consoleState().catch(() => undefined), agentStatus()]) // biome-ignore format: one line
  return {
    ...{ nowMs: Date.now(), version: VERSION, state, status },
    hardware: viewHardware(machineFacts(), profiles),
    addresses: addresses(),
    port: port(),
    fingerprint: fingerprint(),
    disk: disk(),
    recovery: recoveryKey() !== '',
  }
}

async function agentStatus(): Promise<SiteStatus | undefined> {
  try {
    const rpc = await connect(socketPath(data, 'agent', 'console'))
    try {
      return await rpc.call<SiteStatus>('status', {}, LOOK_MS)
    } finally {
      rpc.close()
    }
  } catch {
    return undefined
  }
}

/** That of the data disk, where the start of the machine left one (OpenFile=) and nobody said yet that it is on paper. */
function recoveryKey(): string {
  const { LISTEN_FDNAMES: names, STATE_DIRECTORY: state } = process.env
  if (names !== 'recovery-key' || !state || existsSync(seenFile())) return ''
  const bytes = Buffer.alloc(RECOVERY_BYTES_MAX)
  return bytes.toString('latin1', 0, readSync(FIRST_FD, bytes, 0, bytes.length, 0)).trim()
}

function seenFile(): string {
  return join(process.env.STATE_DIRECTORY ?? '', 'recovery-seen')
}

function addresses(): Map<string, string[]> {
  const found = Object.entries(networkInterfaces()).map(([name, list]): [string, string[]] => [
    name,
    (list ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
  ])
  return new Map(found.filter(([, list]) => list.length > 0))
}

function port(): number {
  try {
    return loadConfig(data, values.config).web.port
  } catch {
    return 8443 // what is wrong with the file the processes say
  }
}

function fingerprint(): string | undefined {
  try {
    return new X509Certificate(readFileSync(join(data, 'web', 'certificate.pem'))).fingerprint256
  } catch {
    return undefined
  }
}

function disk(): ScreenFacts['disk'] {
  try {
    const { bsize, blocks, bavail } = statfsSync(data)
    return { bytes: bsize * blocks, free: bsize * bavail, ...seal() }
  } catch {
    return undefined
  }
}

/** As the start of the machine left it; nothing where it is no appliance. */
function seal(): { sealed?: boolean } {
  try {
    return { sealed: readFileSync('/run/picket/disk-state', 'utf8').trim() === 'sealed' }
  } catch {
    return {}
  }
}

process.stdin.on('end', () => process.exit(0))
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(0))
process.on('SIGINT', () => {}) // nobody leaves the screen for something else
await main()
