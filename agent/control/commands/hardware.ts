/** `picket hardware`: which profile this machine is, which port has which role, and what differs. */
import { shippedProfiles } from '../../hardware-on-disk.ts'
import { driveNotes } from '../../health/drive-notes.ts'
import { type HardwareView, viewHardware } from '../../health/hardware.ts'
import { machineFacts } from '../../health/machine-facts.ts'
import type { DriveHealth } from '../../health/nvme-smart.ts'
import { type Command, dataFolder, print, printJson, readOptions, table } from './options.ts'

export const command: Command = {
  usage:
    'picket hardware [--root DIR] [--data DIR] [--json]\n\nSays which profile of hardware/ this machine is, which port has which role, and what differs. --root reads another\nmachine’s /sys and /proc below that folder.',
  async run(args) {
    const { values } = readOptions(args, { root: { type: 'string' } })
    const view = viewHardware(machineFacts(values.root), shippedProfiles())
    const drives = values.root === undefined ? driveNotes(dataFolder(values.data)) : []
    if (values.json) return printJson({ ...view, drives })
    for (const line of [...linesOf(view), ...drives.map(driveLine)]) print(line)
    if (view.facts.nvme.length > 0 && drives.length === 0)
      print('wear: not asked here (on the appliance picket-disks.service asks once an hour)')
  },
}

function driveLine(drive: DriveHealth): string {
  const { device, usedPercent, sparePercent, celsius, throttled, mediaErrors, warnings } = drive
  return `${device}: ${usedPercent} % of its promised life used, ${sparePercent} % spare, ${celsius} °C, slowed for heat ${throttled} times, ${mediaErrors} media errors${warnings.length > 0 ? `; says: ${warnings.join(', ')}` : ''}`
}

export function linesOf({ profile, ports, differs, facts }: HardwareView): string[] {
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const [warmest] = facts.sensors
  const lines = [
    profile ? `${profile.name} (${profile.state}; ${profile.source})` : 'no profile',
    `${facts.processors} processors, ${gib(facts.memoryBytes)} of memory, TPM ${facts.tpm || 'absent'}, watchdog ${facts.watchdogs.join(', ') || 'absent'}`,
    table(
      ports.map(({ label, role, port }) => [
        label,
        role,
        port?.name ?? 'absent',
        port?.driver ?? '',
        port?.mac ?? '',
        port ? (port.hasLink ? `link${port.megabits ? ` ${port.megabits} Mbit/s` : ''}` : 'no link') : '', // biome-ignore format: one line
      ]),
    ),
    ...facts.nvme.map(({ name, model, bytes, celsius, isTooWarm }) => `${name}: ${model}, ${gib(bytes)}${celsius === undefined ? '' : `, ${celsius} °C`}${isTooWarm ? ', too warm' : ''}`), // biome-ignore format: one line
    ...(warmest ? [`warmest: ${warmest.name} ${warmest.celsius} °C`] : []),
    ...(facts.throttled
      ? [`slowed for heat ${facts.throttled} times since it was switched on`]
      : []),
  ]
  return [...lines.filter((line) => line !== ''), ...(differs.length > 0 ? ['differs:', ...differs.map((each) => `  ${each}`)] : ['as the profile says'])] // biome-ignore format: one line
}
