/** The unit table as systemd wants it: text only, so that it can be read before it is believed. */
import { childSocket, groupOf, userOf } from './box-folders.ts'
import { CHILD_LINES, CONFINED, callsAllowed, type Line, OFFLINE } from './confined-lines.ts'
import {
  CHILD_ENVIRONMENT,
  CHILDREN,
  type Child,
  INHERITED,
  NODE_FLAGS,
  RESTART,
  STOP_MS_MAX,
  UNITS,
  type Unit,
} from './units.ts'

export interface SystemdOptions {
  /** The Node binary that runs the programs. */
  node: string
  data: string
  /** Where a program of the table is there. */
  programAt: (path: string) => string
  /** The appliance makes its first tenant itself, and hands down nothing of systemd's environment. */
  isAppliance: boolean
}

export const TARGET = 'picket.target'

/** File name → text. */
export function systemdUnits(options: SystemdOptions): Map<string, string> {
  const { isAppliance } = options
  const files = new Map<string, string>()
  for (const unit of UNITS) files.set(`picket-${unit.name}.service`, serviceText(unit, options))
  for (const child of CHILDREN) {
    files.set(`picket-${child.name}.socket`, socketText(child, options))
    files.set(`picket-${child.name}@.service`, childText(child, options))
  }
  const own = isAppliance
    ? ['picket-network.path', 'picket-network.service', 'picket-disks.timer']
    : []
  const wants = [...[...files.keys()].filter((name) => !name.includes('@')), ...own].join(' ')
  files.set(
    TARGET,
    section('Unit', [
      ['Description', 'Picket: all programs of this box'],
      ['Wants', wants],
    ]) + section('Install', [['WantedBy', 'multi-user.target']]),
  )
  return files
}

/** What a unit may write below the data folder; picket-keys has platform.db in the folder itself. */
export function writesOf({ name, shares, ready }: Unit): string[] {
  if (name === 'keys') return ['']
  const run = ready === 'listen' ? [] : [`run/${name}`]
  return [name === 'web' ? 'web' : name, ...shares, ...run].map((each) => `/${each}`)
}

function serviceText(unit: Unit, options: SystemdOptions): string {
  const { node, data, programAt, isAppliance } = options
  const after = unit.after.map((name) => `picket-${name}.service`)
  const early =
    unit.name === 'keys'
      ? [
          ...CHILDREN.map(({ name }) => `picket-${name}.socket`),
          ...(isAppliance ? ['picket-init.service'] : []),
        ]
      : []
  const needs = [...after, ...early].join(' ')
  const capabilities = (unit.systemdCapabilities ?? unit.capabilities ?? [])
    .map((name) => `CAP_${name.toUpperCase()}`)
    .join(' ')
  const user = userOf(unit.name)
  return (
    section('Unit', [
      ['Description', `Picket ${unit.name}: ${unit.summary}`],
      ['PartOf', TARGET],
      ['After', ['network.target', needs].filter((each) => each).join(' ')],
      ...(needs ? ([['Wants', needs]] as Line[]) : []),
      ['RequiresMountsFor', data],
      ['StartLimitIntervalSec', '0'],
    ]) +
    section('Service', [
      ['Type', 'notify'],
      ['NotifyAccess', 'main'],
      ['ExecStart', commandLine(node, programAt(unit.program), ['--data', data])],
      ['User', user],
      ['Group', user],
      ...(unit.shares.length > 0
        ? ([['SupplementaryGroups', unit.shares.map(groupOf).join(' ')]] as Line[])
        : []),
      ['Restart', 'always'],
      ['RestartSec', `${RESTART.firstMs}ms`],
      ['RestartSteps', '6'],
      ['RestartMaxDelaySec', `${RESTART.mostMs}ms`],
      ['WatchdogSec', `${unit.watchdogSeconds}`],
      // A machine with much other work is slow, not dead: who is ended while he starts begins at the beginning again.
      ['TimeoutStartSec', '300'],
      ['TimeoutStopSec', `${STOP_MS_MAX / 1000}`],
      ...(unit.name === 'keys'
        ? ([
            ['Environment', `PICKET_CHILDREN=${childSocket(data, '').replace(/\/\.sock$/, '')}`],
          ] as Line[])
        : []),
      ...environmentLines(unit, isAppliance),
      ['AmbientCapabilities', capabilities],
      ['CapabilityBoundingSet', capabilities],
      [
        'ReadWritePaths',
        writesOf(unit)
          .map((each) => data + each)
          .join(' '),
      ],
      ['MemoryMax', `${unit.memoryMiB}M`],
      ...CONFINED,
      // It looks at what its cells use.
      ['ProtectProc', unit.name === 'keys' ? 'default' : 'invisible'],
      ...callsAllowed(),
      // V8's helper threads take the processor from no shard (agent/v8-threads.ts).
      ...(unit.name === 'agent' ? ([['SystemCallFilter', 'sched_setscheduler']] as Line[]) : []),
      ...(unit.offline ? OFFLINE : []),
      ['RestrictAddressFamilies', ['AF_UNIX', ...unit.families].join(' ')],
      ...(unit.families.includes('AF_INET') ? [] : ([['IPAddressDeny', 'any']] as Line[])),
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

function environmentLines(unit: Unit, isAppliance: boolean): Line[] {
  if (isAppliance) return []
  return [
    ['UnsetEnvironment', 'NODE_OPTIONS NODE_EXTRA_CA_CERTS LD_PRELOAD LD_LIBRARY_PATH'],
    ['PassEnvironment', [...INHERITED, ...unit.environment].join(' ')],
  ]
}

/** One process a connection, and only picket-keys may connect. */
function socketText({ name, summary, countMax }: Child, { data }: SystemdOptions): string {
  return (
    section('Unit', [
      ['Description', `Picket ${name}: ${summary}`],
      ['PartOf', TARGET],
      ['RequiresMountsFor', data],
    ]) +
    section('Socket', [
      ['ListenStream', childSocket(data, name)],
      ['Accept', 'yes'],
      ['MaxConnections', `${countMax}`],
      ['SocketUser', userOf('keys')],
      ['SocketGroup', userOf('keys')],
      ['SocketMode', '0600'],
      ['DirectoryMode', '0711'],
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

function childText(child: Child, { node, data, programAt }: SystemdOptions): string {
  const reads = child.reads
  return (
    section('Unit', [
      ['Description', `Picket ${child.name}: ${child.summary}`],
      ['CollectMode', 'inactive-or-failed'],
    ]) +
    section('Service', [
      ['ExecStart', commandLine(node, programAt(child.program), [])],
      ...CHILD_LINES,
      ['Environment', CHILD_ENVIRONMENT.join(' ')],
      // A user that exists as long as this one process.
      ['DynamicUser', 'yes'],
      ...(reads ? ([['SupplementaryGroups', groupOf(reads)]] as Line[]) : []),
      // Of everything that changes on this box it sees the one folder.
      ['TemporaryFileSystem', '/var:ro'],
      ...(reads ? ([['BindReadOnlyPaths', `${data}/${reads}`]] as Line[]) : []),
      ['RuntimeMaxSec', `${child.runSecondsMax}`],
      ['MemoryMax', `${child.memoryMiB}M`],
      ['CapabilityBoundingSet', ''],
      ...CONFINED,
      ['ProtectProc', 'invisible'],
      ...callsAllowed(),
      ...OFFLINE,
      ['RestrictAddressFamilies', 'AF_UNIX'],
      ['IPAddressDeny', 'any'],
    ])
  )
}

export function section(name: string, lines: readonly Line[]): string {
  return `[${name}]\n${lines.map(([key, value]) => `${key}=${value}`).join('\n')}\n\n`
}

export function commandLine(node: string, program: string, args: readonly string[]): string {
  return [node, ...NODE_FLAGS, program, ...args].map(quoted).join(' ')
}

/** ExecStart reads words like a shell, and `%` and `$` as its own. */
function quoted(word: string): string {
  const safe = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /[\s"'\\]/.test(safe) ? `"${safe.replace(/["\\]/g, '\\$&')}"` : safe
}
