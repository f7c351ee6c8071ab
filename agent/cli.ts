#!/usr/bin/env node
/** `picket COMMAND`: finds the program of a command by path, runs it, and turns its failure into an exit code. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Failure } from './base/failure.ts'
import { visible } from './base/text.ts'

/** What a one-shot command module exports as `command`. */
export interface Command {
  usage: string
  /** Resolves with nothing for exit 0. Results go to stdout, everything else to stderr. */
  run(args: string[]): Promise<void>
}

/** Long-running processes: started as a program of their own, with the flags of D25. */
const PROCESSES: Record<string, { path: string; summary: string }> = {
  agent: { path: './main.ts', summary: 'capture, decode, detect' },
  guard: { path: './control/run-guard.ts', summary: 'enforce containment' },
  keys: { path: './control/run-keys.ts', summary: 'hold the keys, sign, open cells' },
  lake: { path: './control/run-lake.ts', summary: 'settle, compact, keep the catalog' },
  link: {
    path: './control/run-link.ts',
    summary: 'send summaries, receive those of a fleet',
  },
  web: { path: '../web/main.ts', summary: 'serve the pages' },
  up: { path: './control/supervise.ts', summary: 'all of a box' },
}

const COMMANDS: Record<string, { path: string; summary: string }> = {
  init: {
    path: './control/commands/init.ts',
    summary: 'make a data folder, or add a tenant to it',
  },
  replay: { path: './control/commands/replay.ts', summary: 'decode and detect over captures' },
  rules: { path: './control/commands/rules.ts', summary: 'check rule files, add them, tune them' },
  explain: {
    path: './control/commands/explain.ts',
    summary: 'why a rule did, or did not, fire on a capture',
  },
  query: { path: './control/commands/query.ts', summary: 'ask the lake, inside a scope' },
  pcap: {
    path: './control/commands/pcap.ts',
    summary: 'raw frames of a finding, a flow or a time',
  },
  lake: {
    path: './control/commands/lake.ts',
    summary: 'import, export, annex, status, settle, retention',
  },
  status: { path: './control/commands/status.ts', summary: 'the sentence of this site' },
  keys: { path: './control/commands/keys.ts', summary: 'key epochs, rotation' },
  audit: {
    path: './control/commands/audit.ts',
    summary: 'who did what; whether the trail is whole',
  },
  fleet: {
    path: './control/commands/fleet.ts',
    summary: 'join, claim, members, uplinks, Fleet Command on and off',
  },
  login: { path: './control/commands/login.ts', summary: 'print a one-time login' },
  'check-config': {
    path: './control/commands/check-config.ts',
    summary: 'the effective configuration and real boundaries',
  },
  doctor: { path: './control/commands/doctor.ts', summary: 'what this machine lacks' },
  invariants: {
    path: './control/commands/invariants.ts',
    summary: 'what carries no tenant: nothing, or it is named',
  },
  breach: {
    path: './control/commands/breach.ts',
    summary: 'attack the layers of this build, each with its control',
  },
  verify: {
    path: './control/commands/verify.ts',
    summary: 'check what was signed, without a network',
  },
  hardware: {
    path: './control/commands/hardware.ts',
    summary: 'which machine this is, and what differs from its profile',
  },
  install: { path: './control/commands/install.ts', summary: 'write systemd units' },
}

/** D25: no prototype door, no inspector by signal. */
const NODE_FLAGS = ['--disable-proto=delete', '--disable-sigusr1']
const FIRST_FD = 3
const LISTEN_FD_MAX = 64

function usage(): string {
  const lines = (of: typeof COMMANDS) =>
    Object.entries(of)
      .map(([name, { summary }]) => `  picket ${name.padEnd(14)}${summary}\n`)
      .join('')
  return (
    `Usage: picket COMMAND [--json] …; picket COMMAND --help\n\n${lines(COMMANDS)}\n` +
    `Processes, each until it is ended: picket NAME --data DIR [--config FILE]\n\n${lines(PROCESSES)}`
  )
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(usage())
    return name === undefined ? 2 : 0
  }
  // `picket lake --data D` is the process, `picket lake status` a command.
  const isCommand =
    Object.hasOwn(COMMANDS, name) && (args[0]?.startsWith('-') === false || args[0] === '--help')
  const daemon = !isCommand && Object.hasOwn(PROCESSES, name) ? PROCESSES[name] : undefined
  if (daemon) return run(daemon.path, name, args)
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!found)
    throw new Failure('invalid', `There is no command "${name}". picket --help lists them.`)
  const { command } = (await import(new URL(found.path, import.meta.url).href)) as {
    command: Command
  }
  if (args.includes('--help')) process.stdout.write(`${command.usage}\n`)
  else await command.run(args)
  return Number(process.exitCode ?? 0) // a command whose answer is no says so
}

function run(path: string, name: string, args: string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`picket ${name} --data DIR [--config FILE]\n`)
    return Promise.resolve(0)
  }
  judgeStart(name, args)
  const program = fileURLToPath(new URL(path, import.meta.url))
  const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', ...inheritedSockets()],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill(signal))
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('exit', (code, signal) =>
      done(code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1)),
    )
  })
}

/** What a person may have got wrong is said here, once: a process that is started again would say it for ever. */
function judgeStart(name: string, args: string[]): void {
  const option = { type: 'string' } as const
  const options = { data: option, config: option, ...(name === 'up' && { log: option }) }
  let data: string
  try {
    const { values } = parseArgs({ args, options, strict: true })
    data = String(values.data ?? process.env.PICKET_DATA ?? '/var/lib/picket')
  } catch (error) {
    const [what = ''] = (error as Error).message.split(/\.\s|\n/)
    throw new Failure('invalid', `${what}. Try: picket ${name} --help`, {}, error)
  }
  if (!existsSync(`${data}/platform.db`))
    throw new Failure(
      'not-found',
      `${data} holds no Picket data. Make it with: picket init --data ${data} --tenant NAME`,
    )
}

/** Listening sockets that our starter opened (PICKET_LISTEN_FD): the program finds them under the same numbers. */
function inheritedSockets(): (number | 'ignore')[] {
  const last = Number(process.env.PICKET_LISTEN_FD ?? 0)
  if (!Number.isInteger(last) || last < FIRST_FD || last > LISTEN_FD_MAX) return []
  return Array.from({ length: last - FIRST_FD + 1 }, (_, i) =>
    i + FIRST_FD === last ? last : 'ignore',
  )
}

function say(error: unknown, asJson: boolean): void {
  const kind = Failure.kindOf(error)
  const message =
    error instanceof Failure
      ? error.message
      : `It failed inside: ${(error as Error)?.message ?? error}`
  // It may name a file, or repeat what another box answered.
  const shown = message.split('\n').map(visible).join('\n')
  process.stderr.write(
    asJson ? `${JSON.stringify({ error: { kind, message } })}\n` : `picket: ${shown}\n`,
  )
}

// A reader that goes away (`picket query … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? 0 : 1),
)
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  say(error, process.argv.includes('--json'))
  process.exitCode = Failure.exitCode(error)
}
