/** Units that only the appliance has, beside those of the table. */
import { fileURLToPath } from 'node:url'
import { groupOf, userOf } from './box-folders.ts'
import { CONFINED, callsAllowed, type Line } from './confined-lines.ts'
import { commandLine, type SystemdOptions, section, TARGET } from './systemd.ts'

const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url))

export function applianceUnits(options: SystemdOptions): Map<string, string> {
  return new Map([['picket-init.service', initText(options)]])
}

/** The first tenant, before anything needs one. It looks at the machine, so it sees its network cards. */
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
