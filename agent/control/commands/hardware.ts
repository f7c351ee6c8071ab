/** `picket hardware`: which profile this machine is, which port has which role, and what differs. */
import { shippedProfiles } from '../../hardware-on-disk.ts'
import { type HardwareView, viewHardware } from '../../health/hardware.ts'
import { machineFacts } from '../../health/machine-facts.ts'
import { type Command, print, printJson, readOptions, table } from './options.ts'

export const command: Command = {
  usage:
    'picket hardware [--root DIR] [--json]\n\nSays which profile of hardware/ this machine is, which port has which role, and what differs. --root reads another\nmachine’s /sys and /proc below that folder.',
  async run(args) {
    const { values } = readOptions(args, { root: { type: 'string' } })
    const view = viewHardware(machineFacts(values.root), shippedProfiles())
    if (values.json) return printJson(view)
    for (const line of linesOf(view)) print(line)
  },
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
