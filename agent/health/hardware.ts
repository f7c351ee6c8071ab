/** Which profile a machine is, what of it differs, and which of its ports has which role. Pure. */
import { type HardwareProfile, isProduct } from './hardware-profile.ts'
import type { MachineFacts, NetworkPort } from './machine-facts.ts'

export interface Profiled {
  /** Folder name. */
  id: string
  profile: HardwareProfile
}

export interface PortRole {
  label: string
  role: 'management' | 'capture' | 'spare'
  port: NetworkPort | undefined
}

export interface HardwareView {
  profile: { id: string; name: string; state: HardwareProfile['state']; source: string } | undefined
  ports: PortRole[]
  /** Sentences; none: it is as the profile says. */
  differs: string[]
  facts: MachineFacts
}

export function viewHardware(facts: MachineFacts, profiles: readonly Profiled[]): HardwareView {
  const found = profiles.find(({ profile: { dmi } }) => dmi.vendor === facts.vendor && isProduct(dmi.product, facts.product)) // biome-ignore format: one line
  if (!found)
    return {
      profile: undefined,
      ports: facts.ports.map((port, i) => ({ label: `port ${i + 1}`, role: 'spare', port })),
      differs: [`No profile is of ${named(facts)}: nothing is known about this machine but what it says itself.`], // biome-ignore format: one line
      facts,
    }
  const { id, profile } = found
  const { name, state, source } = profile
  const ports = rolesOf(profile, facts.ports)
  return { profile: { id, name, state, source }, ports, differs: differences(profile, ports, facts), facts } // biome-ignore format: one line
}

/** What the configuration says of ports. */
export interface ChosenPorts {
  capture: readonly string[]
  management: string | null
  line: readonly string[]
}

export type RoleNow = 'in line' | 'capture' | 'management' | 'spare' | '-'

/** As configured, not as the profile would have it. */
export function roleNow({ port }: PortRole, { capture, management, line }: ChosenPorts): RoleNow {
  if (!port) return '-'
  if (line.includes(port.name)) return 'in line'
  if (capture.includes(port.name)) return 'capture'
  return management === port.name ? 'management' : 'spare'
}

/** Interfaces that are captured where the profile decides. */
export function captureOf(view: HardwareView): string[] {
  return view.ports.flatMap(({ role, port }) => (role === 'capture' && port ? [port.name] : []))
}

export function managementOf(view: HardwareView): string | undefined {
  return view.ports.find(({ role, port }) => role === 'management' && port)?.port?.name
}

function rolesOf({ ports }: HardwareProfile, present: readonly NetworkPort[]): PortRole[] {
  const known = ports.map(({ label, role, pci }, i): PortRole => {
    const port = pci === undefined ? present[i] : present.find((each) => each.pci === pci)
    return { label, role, port }
  })
  const used = new Set(known.map(({ port }) => port?.name))
  const others = present.filter(({ name }) => !used.has(name))
  return [...known, ...others.map((port): PortRole => ({ label: `${port.name}, added`, role: 'spare', port }))] // biome-ignore format: one line
}

function differences(
  profile: HardwareProfile,
  ports: readonly PortRole[],
  facts: MachineFacts,
): string[] {
  // biome-ignore format: one line
  const said: string[] = []
  for (const { label, role, port } of ports.slice(0, profile.ports.length))
    if (!port) said.push(`${label} (${role}) is not there.`)
  for (const { port } of ports.slice(profile.ports.length))
    if (port) said.push(`${port.name} (${port.driver}) is not in the profile.`)
  if (facts.nvme.length !== profile.nvme)
    said.push(`${facts.nvme.length} NVMe disks in place of ${profile.nvme}.`)
  if (facts.tpm !== profile.tpm)
    said.push(facts.tpm === 0 ? 'There is no TPM: the data disk cannot be bound to this machine.' : `The TPM is of version ${facts.tpm}, not ${profile.tpm}.`) // biome-ignore format: one line
  if (profile.watchdog !== undefined && !facts.watchdogs.includes(profile.watchdog))
    said.push(`The watchdog ${profile.watchdog} is not there: a machine that hangs stays so.`)
  if (profile.watchdog === undefined && facts.watchdogs.length === 0)
    said.push('No watchdog is in use: a machine that hangs stays so.')
  if (profile.serial !== undefined && !facts.serial.includes(profile.serial))
    said.push(`The serial port ${profile.serial} is not there.`)
  return said
}

function named({ vendor, product }: MachineFacts): string {
  return vendor === '' && product === '' ? 'a machine that does not say what it is' : `${vendor} ${product}`.trim() // biome-ignore format: one line
}
