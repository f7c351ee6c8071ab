/** Units that only the appliance has, beside those of the table. */
import { fileURLToPath } from 'node:url'
import { CONSOLE, groupOf, userOf } from './box-folders.ts'
import { CONFINED, callsAllowed, type Line } from './confined-lines.ts'
import { commandLine, type SystemdOptions, section, TARGET } from './systemd.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const CLI = at('../cli.ts')
/** Where a person can be: a screen and keyboard, and the serial line. */
const TERMINALS = ['tty1', 'ttyS0'] as const
const NETWORKS = '/run/systemd/network'

export function applianceUnits(options: SystemdOptions): Map<string, string> {
  return new Map([
    ['picket-init.service', initText(options)],
    ['picket-console@.service', consoleText(options)],
    ['picket-console.target', consolesText()],
    ['picket-network.service', networkText(options)],
    ['picket-network.path', networkPathText(options)],
    ['picket-disks.service', disksText(options)],
    ['picket-disks.timer', disksTimerText()],
  ])
}

/** The first tenant, before anything needs one. It looks at the machine, so it sees its network cards, by the names that they keep. */
function initText({ node, data, programAt }: SystemdOptions): string {
  const user = userOf('keys')
  const shares = (['journal', 'tenants', 'ring'] as const).map(groupOf).join(' ')
  return (
    section('Unit', [
      ['Description', 'Picket: the first start of this box'],
      ['RequiresMountsFor', data],
      ['ConditionPathExists', `!${data}/platform.db`],
      ['Before', 'picket-keys.service'],
    ]) +
    section('Service', [
      ['Type', 'oneshot'],
      ['RemainAfterExit', 'yes'],
      // Cards are renamed while the machine starts: a role given to `eth0` would be nobody's a second later.
      ['ExecStartPre', '-+/usr/bin/udevadm settle --timeout=120'],
      ['ExecStart', commandLine(node, programAt(CLI), ['init', '--appliance', '--data', data])],
      ['User', user],
      ['Group', user],
      ['SupplementaryGroups', shares],
      ['ImportCredential', 'picket.*'],
      ['ReadWritePaths', data],
      ['CapabilityBoundingSet', ''],
      ['MemoryMax', '512M'],
      ...small(),
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

/** The screen is there before anything else answers, so that it can say so. */
function consoleText({ node, data, programAt }: SystemdOptions): string {
  const user = userOf(CONSOLE.name)
  const program = programAt(at('./run-console.ts'))
  return (
    section('Unit', [
      ['Description', 'Picket console on %I'],
      ['ConditionPathExists', '/dev/%I'],
      ['Conflicts', 'getty@%i.service serial-getty@%i.service'],
      ['After', 'systemd-tmpfiles-setup.service'],
      ['StartLimitIntervalSec', '0'],
    ]) +
    section('Service', [
      ['ExecStart', `${commandLine(node, program, ['--data', data])} --on %I`],
      ['User', user],
      ['Group', user],
      ['Restart', 'always'],
      ['RestartSec', '1'],
      ['StandardInput', 'tty'],
      ['StandardOutput', 'tty'],
      ['StandardError', 'journal'],
      ['TTYPath', '/dev/%I'],
      ['TTYReset', 'yes'],
      ['TTYVHangup', 'yes'],
      // Of the data disk; the start of the machine leaves it for root alone, and none once it was seen.
      ['OpenFile', '/run/picket/recovery-key:recovery-key:read-only,graceful'],
      ['StateDirectory', 'picket-console'],
      ['StateDirectoryMode', '0755'],
      ['CapabilityBoundingSet', ''],
      ['MemoryMax', '256M'],
      // It is opened by systemd, within these bounds.
      ...small().filter(([name]) => name !== 'PrivateDevices'),
      ['DeviceAllow', '/dev/%I rw'],
    ])
  )
}

function consolesText(): string {
  const all = TERMINALS.map((name) => `picket-console@${name}.service`).join(' ')
  return (
    section('Unit', [
      ['Description', 'Picket consoles'],
      ['Wants', all],
    ]) + section('Install', [['WantedBy', 'multi-user.target']])
  )
}

/** Roles of ports become networks; anew when the configuration does. It writes one folder, and networkd is told by systemd. */
function networkText({ node, data, programAt }: SystemdOptions): string {
  const program = programAt(at('./write-networks.ts'))
  return (
    section('Unit', [
      ['Description', 'Picket: the roles of the network ports'],
      ['RequiresMountsFor', data],
      ['After', 'picket-init.service'],
      ['Wants', 'picket-init.service'],
      ['StartLimitIntervalSec', '0'],
    ]) +
    section('Service', [
      ['Type', 'oneshot'],
      ['ExecStart', commandLine(node, program, ['--data', data, '--into', NETWORKS])],
      ['ExecStartPost', '-+/usr/bin/networkctl reload'],
      ['ReadWritePaths', NETWORKS],
      ['CapabilityBoundingSet', ''],
      ['MemoryMax', '256M'],
      ...small(), // in networkd's own network, or networkctl does not speak to it
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

function networkPathText({ data }: SystemdOptions): string {
  return (
    section('Unit', [['Description', 'Picket: the configuration was written anew']]) +
    section('Path', [['PathChanged', `${data}/config.json`]]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

/** The drives' own word on wear and heat. Asking takes more than anything else here may, so nothing else is in it. */
function disksText({ node, data, programAt }: SystemdOptions): string {
  const program = programAt(at('./read-disks.ts'))
  return (
    section('Unit', [
      ['Description', 'Picket: how the drives are'],
      ['RequiresMountsFor', data],
      ['ConditionPathExists', '/sys/class/nvme'],
    ]) +
    section('Service', [
      ['Type', 'oneshot'],
      ['ExecStart', commandLine(node, program, ['--data', data])],
      ['ReadWritePaths', `${data}/disks`],
      ['CapabilityBoundingSet', 'CAP_SYS_ADMIN'],
      ['MemoryMax', '256M'],
      ...small().filter(([name]) => name !== 'PrivateDevices'),
      ['DeviceAllow', 'char-nvme r'],
      ['PrivateNetwork', 'yes'],
    ])
  )
}

function disksTimerText(): string {
  return (
    section('Unit', [['Description', 'Picket: how the drives are, once an hour']]) +
    section('Timer', [
      ['OnActiveSec', '30s'],
      ['OnUnitActiveSec', '1h'],
    ]) +
    section('Install', [['WantedBy', TARGET]])
  )
}

/** Unix sockets and a look at /sys, no network. */
function small(): Line[] {
  return [
    ...CONFINED,
    ['ProtectProc', 'invisible'],
    ...callsAllowed(),
    ['RestrictAddressFamilies', 'AF_UNIX AF_NETLINK'],
    ['IPAddressDeny', 'any'],
  ]
}
