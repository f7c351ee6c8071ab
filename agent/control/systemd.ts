/** The unit table as systemd wants it: text only, so that it can be read before it is believed. */
import { INHERITED, NODE_FLAGS, RESTART, STOP_MS_MAX, type Unit } from './units.ts'

export interface SystemdOptions {
  /** The Node binary that runs the programs. */
  node: string
  data: string
  user: string
}

export const TARGET = 'picket.target'

/** File name → text, for /etc/systemd/system. */
export function systemdUnits(units: readonly Unit[], options: SystemdOptions): Map<string, string> {
  const files = new Map<string, string>()
  for (const unit of units) files.set(`picket-${unit.name}.service`, serviceText(unit, options))
  const wants = units.map(({ name }) => `picket-${name}.service`).join(' ')
  files.set(
    TARGET,
    section('Unit', [
      ['Description', 'Picket: all programs of this box'],
      ['Wants', wants],
    ]) + section('Install', [['WantedBy', 'multi-user.target']]),
  )
  return files
}

/** For systemd-sysusers: one system user, no login, home is the data folder. */
export function sysusersText({ user, data }: SystemdOptions): string {
  return `u ${user} - "Picket appliance" ${data} -\n`
}

function serviceText(unit: Unit, { node, data, user }: SystemdOptions): string {
  const after = unit.after.map((name) => `picket-${name}.service`).join(' ')
  const capabilities = (unit.capabilities ?? [])
    .map((name) => `CAP_${name.toUpperCase()}`)
    .join(' ')
  return (
    section('Unit', [
      ['Description', `Picket ${unit.name}: ${unit.summary}`],
      ['PartOf', TARGET],
      ['After', ['network.target', after].filter((each) => each).join(' ')],
      ...(after ? ([['Wants', after]] as Line[]) : []),
      ['StartLimitIntervalSec', '0'],
    ]) +
    section('Service', [
      ['ExecStart', [node, ...NODE_FLAGS, unit.program, '--data', data].map(quoted).join(' ')],
      ['User', user],
      ['UMask', '0077'],
      ['Restart', 'always'],
      ['RestartSec', `${RESTART.firstMs}ms`],
      ['RestartSteps', '6'],
      ['RestartMaxDelaySec', `${RESTART.mostMs}ms`],
      ['TimeoutStopSec', `${STOP_MS_MAX / 1000}`],
      ['UnsetEnvironment', 'NODE_OPTIONS NODE_EXTRA_CA_CERTS LD_PRELOAD LD_LIBRARY_PATH'],
      ['PassEnvironment', [...INHERITED, ...unit.environment].join(' ')],
      ['AmbientCapabilities', capabilities],
      ...(unit.capabilities ? ([['CapabilityBoundingSet', capabilities]] as Line[]) : []),
      // Who starts cells divides its own control group among them (`lake/control-groups.ts`).
      ...(unit.capabilities ? NO_GROUPS : OWN_GROUPS),
      ['ReadWritePaths', data],
      ...CONFINED,
      ...(unit.offline
        ? ([
            ['PrivateNetwork', 'yes'],
            ['RestrictAddressFamilies', 'AF_UNIX AF_NETLINK'],
          ] as Line[])
        : ([
            ['RestrictAddressFamilies', 'AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET'],
          ] as Line[])),
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

type Line = readonly [name: string, value: string]

const NO_GROUPS: readonly Line[] = [['ProtectControlGroups', 'yes']]
const OWN_GROUPS: readonly Line[] = [['Delegate', 'memory pids']]

/** No MemoryDenyWriteExecute: V8 and PCRE2 compile at run time. */
const CONFINED: readonly Line[] = [
  ['NoNewPrivileges', 'yes'],
  ['ProtectSystem', 'strict'],
  ['ProtectHome', 'read-only'],
  ['PrivateTmp', 'yes'],
  ['PrivateDevices', 'yes'],
  ['ProtectKernelModules', 'yes'],
  ['ProtectKernelLogs', 'yes'],
  ['ProtectClock', 'yes'],
  ['RestrictSUIDSGID', 'yes'],
  ['LockPersonality', 'yes'],
  ['LimitCORE', '0'],
]

function section(name: string, lines: readonly Line[]): string {
  return `[${name}]\n${lines.map(([key, value]) => `${key}=${value}`).join('\n')}\n\n`
}

/** ExecStart reads words like a shell, and `%` and `$` as its own. */
function quoted(word: string): string {
  const safe = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /[\s"'\\]/.test(safe) ? `"${safe.replace(/["\\]/g, '\\$&')}"` : safe
}
