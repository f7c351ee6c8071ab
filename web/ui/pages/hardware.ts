/** The machine: how worn and warm it is, which port does what, and whether it is what its profile says. */
import type { DriveHealth, MachineView } from '../../base/ports.ts'
import type { View } from '../../base/view.ts'
import { bytesText, count, plural, span } from '../../base/words.ts'
import { gauge, heatBar } from '../gauge.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { layout } from '../layout.ts'
import { when } from '../marks.ts'
import { card, note } from '../parts.ts'

const SENSORS_MAX = 12
const HOUR_MS = 3_600_000
const CELSIUS_MAX = 100
const DRIVE_SAYS: Readonly<Record<string, string>> = {
  'spare low': 'has little room left for worn cells',
  'too warm': 'is too warm',
  unreliable: 'no longer trusts itself',
  'read only': 'takes nothing more',
  'backup failed': 'would lose what it holds back at a power cut',
  'memory read only': 'has memory that takes nothing more',
}

export function hardwarePage(view: View, machine: MachineView): Html {
  return layout(view, {
    tab: 'hardware',
    title: 'Hardware',
    sentence: sentenceOf(machine),
    basis: html`From what the machine says of itself · ${
      machine.drivesAt === null
        ? 'drives are not asked here'
        : html`drives asked ${when(view.zone, machine.drivesAt)}, as every hour`
    }`,
    body: html`<div class="split"><div class="stack">${driveCards(machine)}${portsCard(machine)}</div>
<div class="stack">${profileCard(machine)}${heatCard(machine)}</div></div>`,
  })
}

/** The most urgent first: heat and wear end a box, a profile is only a description. */
function sentenceOf({ profile, differs, facts, drives }: MachineView): string {
  const warm = facts.nvme.find(({ isTooWarm }) => isTooWarm)
  if (warm) return `Drive ${warm.name} is too warm: ${warm.celsius} °C.`
  const says = drives.find(({ warnings }) => warnings.length > 0)
  if (says) return `Drive ${says.device} ${says.warnings.map((each) => DRIVE_SAYS[each] ?? each).join(', ')}.` // biome-ignore format: one line
  const worn = drives.find(({ usedPercent }) => usedPercent >= 100)
  if (worn) return `Drive ${worn.device} has used all of its promised life: have another ready.`
  const [first] = differs
  if (!profile) return 'Nobody has described this machine yet: choose its ports on its own screen.'
  const { name, state } = profile
  if (first !== undefined) return `This ${name} is not as its profile says: ${first}`
  return state === 'measured'
    ? `This is a ${name}, as its profile says.`
    : `By its name this is a ${name}; it is as described, and we have not tried one.`
}

function driveCards({ facts, drives }: MachineView): Html {
  if (facts.nvme.length === 0 && drives.length === 0)
    return card('Drives', 'NVMe', html`${note('empty', 'This machine has no NVMe drive.', 'How full its disk is says Lake.')}`) // biome-ignore format: one line
  const names = [...new Set([...facts.nvme.map(({ name }) => name), ...drives.map(({ device }) => device)])] // biome-ignore format: one line
  return html`${names.map((name) => {
    const fact = facts.nvme.find((each) => each.name === name)
    const small = fact ? `${fact.model}, ${bytesText(fact.bytes)}` : 'not there now'
    return card(`Drive ${name}`, small, driveBody(fact, drives.find(({ device }) => device === name))) // biome-ignore format: one line
  })}`
}

function driveBody(
  fact: MachineView['facts']['nvme'][number] | undefined,
  drive: DriveHealth | undefined,
): Html {
  const celsius = fact?.celsius ?? drive?.celsius
  const isWarm = fact?.isTooWarm === true || drive?.warnings.includes('too warm') === true
  const heat = celsius === undefined ? NOTHING : gauge({ value: celsius, max: CELSIUS_MAX, figure: `${celsius} °C`, caption: isWarm ? 'too warm, it says' : 'now', past: isWarm }) // biome-ignore format: one line
  if (!drive)
    return html`<div class="gauges">${heat}</div>${note('empty', 'Its wear is not known here.', 'On the appliance each drive is asked once an hour.')}`
  const { usedPercent, sparePercent, spareThresholdPercent } = drive
  return html`<div class="gauges">
${gauge({ value: usedPercent, max: 100, figure: `${count(usedPercent)} %`, caption: 'of its promised life used', past: usedPercent >= 100 })}
${gauge({ value: sparePercent, max: 100, figure: `${count(sparePercent)} %`, caption: 'of its spare cells left', mark: spareThresholdPercent, past: sparePercent <= spareThresholdPercent })}
${heat}</div>
<table class="data keep"><tbody>
<tr><td>Written in its life</td><td class="num">${bytesText(drive.bytesWritten)}</td></tr>
<tr><td>Switched on</td><td class="num">${span(drive.powerOnHours * HOUR_MS)}</td></tr>
<tr><td>Reads or writes that failed</td><td class="num">${count(drive.mediaErrors)}</td></tr>
<tr><td>Power cut without a word</td><td class="num">${plural(drive.unsafeShutdowns, 'time')}</td></tr>
<tr><td>Slowed itself for heat</td><td class="num">${plural(drive.throttled, 'time')}</td></tr>
<tr><td>Too warm</td><td class="num">${span(drive.warmMinutes * 60_000)}</td></tr>
</tbody></table>${drive.warnings.map((each) => note('error', `It ${DRIVE_SAYS[each] ?? each}.`, each === 'too warm' ? 'Give it air: it slows itself down, and ages sooner.' : 'Have another ready; what was acknowledged is on this one.'))}`
}

/** As they stand at the back, filled where a cable has a link. */
function portsCard({ ports }: MachineView): Html {
  const linked = ports.filter(({ port }) => port?.hasLink).length
  const sockets = ports.map(
    ({ port, now }, i) =>
      html`<li class="${port?.hasLink ? 'linked' : ''}"><i aria-hidden="true"></i><b>${i + 1}</b> <span>${port ? now : 'not there'}</span></li>`,
  )
  const rows = ports.map(({ label, port, now }, i) => {
    const link = port === undefined ? '' : port.hasLink ? `link${port.megabits ? `, ${speed(port.megabits)}` : ''}` : 'no link' // biome-ignore format: one line
    return html`<tr><td class="num tight">${i + 1}</td><td class="tight">${label}</td><td class="mono">${port?.name ?? 'not there'}</td><td class="tight">${now}</td><td class="tight">${link}</td><td class="mono wide">${port?.mac ?? ''}</td></tr>`
  })
  return card(
    'Network ports',
    `${linked} of ${count(ports.length)} have a link`,
    ports.length === 0
      ? note('empty', 'This machine has no network card.', 'Nothing can be captured here.')
      : html`<ol class="sockets" aria-label="Ports in their order, filled where there is a link">${sockets}</ol>
<table class="data"><thead><tr><th class="num">No.</th><th>Socket</th><th>Name</th><th>Does</th><th>Cable</th><th>Address</th></tr></thead><tbody>${rows}</tbody></table>`,
  )
}

const gib = (bytes: number) => `${Math.round(bytes / 2 ** 30)}\u00a0GiB`
const speed = (megabits: number) =>
  megabits >= 1000 ? `${megabits / 1000} Gbit/s` : `${megabits} Mbit/s`

function profileCard({ profile, differs, facts }: MachineView): Html {
  const { vendor, product, processors, memoryBytes, tpm, watchdogs, serial } = facts
  return card(
    profile?.name ?? 'This machine',
    profile ? (profile.state === 'measured' ? 'tried by us' : 'not tried by us') : 'no profile',
    html`<dl class="pairs"><div><dt>Calls itself</dt><dd>${`${vendor} ${product}`.trim() || 'nothing'}</dd></div><div><dt>Processors</dt><dd>${count(processors)}</dd></div><div><dt>Memory</dt><dd>${gib(memoryBytes)}</dd></div><div><dt>TPM</dt><dd>${tpm === 0 ? 'none' : `version ${tpm}`}</dd></div><div><dt>Watchdog</dt><dd>${watchdogs.join(', ') || 'none'}</dd></div><div><dt>Serial</dt><dd>${serial.join(', ') || 'none'}</dd></div>${profile ? html`<div><dt>Known from</dt><dd>${profile.source}</dd></div>` : NOTHING}</dl>${
      profile?.state === 'untested'
        ? note('empty', 'None of us has had this machine in hands.', 'Look whether its sockets are where the profile says: plug one cable in and see which number gets a link. Roles are chosen on the box’s own screen.') // biome-ignore format: one line
        : NOTHING
    }${differs.map((each) => note('error', each, profile ? 'The profile says otherwise.' : 'Its ports are chosen on the box’s own screen.'))}`,
  )
}

function heatCard({ facts: { sensors, throttled } }: MachineView): Html {
  const rows = sensors
    .slice(0, SENSORS_MAX)
    .map(
      ({ name, celsius }) =>
        html`<tr><td class="tight">${name}</td><td class="room">${heatBar(name, celsius)}</td><td class="num">${celsius} °C</td></tr>`,
    )
  const slowed =
    throttled === undefined
      ? 'Whether a processor was slowed for heat, this machine does not count.'
      : throttled === 0
        ? 'No processor was slowed for heat since it was switched on.'
        : `A processor was slowed for heat ${plural(throttled, 'time')} since it was switched on: give it air.`
  return card(
    'Heat',
    sensors.length > SENSORS_MAX
      ? `the ${SENSORS_MAX} warmest of ${sensors.length}`
      : 'warmest first',
    html`${
      rows.length === 0
        ? note('empty', 'This machine has no sensor of heat.', 'Nothing is known of it.')
        : html`<table class="data rooms"><thead><tr><th>Sensor</th><th>Heat</th><th class="num">Now</th></tr></thead><tbody>${rows}</tbody></table>`
    }<div class="pad prose"><p>${slowed}</p></div>`,
  )
}
