/**
 * The ports of an appliance as systemd-networkd takes them: the management port asks for an address, a captured one has
 * none and says nothing, a spare one neither. Two ports in the line are a bridge, which has the address where one of them is
 * for management. While no port is for management, every port that is not captured asks: a fresh box is found by the
 * address on its own screen.
 */
import type { Config } from '../base/config.ts'

const ASKING = [
  ...['[Network]', 'DHCP=yes', 'LLDP=no', 'LinkLocalAddressing=ipv6'],
  // By its MAC address, as the sticker says and a server's list has it.
  ...['[DHCPv4]', 'UseMTU=yes', 'SendHostname=no', 'ClientIdentifier=mac'],
]
const QUIET = ['[Link]', 'RequiredForOnline=no']
const SILENT = [
  ...['[Network]', 'DHCP=no', 'LinkLocalAddressing=no', 'IPv6AcceptRA=no', 'LLDP=no'],
  'ConfigureWithoutCarrier=yes',
]

/** The wire of the two ports in the line. It passes on what a switch would keep to itself, but for pauses. */
export const LINE = 'line0'
const WIRE = [
  ...['[NetDev]', `Name=${LINE}`, 'Kind=bridge', 'Description=Picket in the line', '[Bridge]'],
  // No protocol of switches, which would hold frames back for 30 s; zero would mean the kernel's 15.
  ...['STP=no', 'ForwardDelaySec=10ms', 'MulticastSnooping=no', 'GroupForwardMask=65528'],
]

/** It receives what only passes: both directions of it, each frame once, also those that a block stops then. */
const SEEING = 'Promiscuous=yes'

/** File name → text, for /run/systemd/network. In the line the port for management lends its MAC address to the wire. */
export function networkFiles(
  { capture, network }: Pick<Config, 'capture' | 'network'>,
  macOf: (port: string) => string | undefined = () => undefined,
): Map<string, string> {
  const files = new Map<string, string>()
  const line: readonly string[] = network.line ?? []
  const chosen = network.management
  const management = chosen !== undefined && line.includes(chosen) ? LINE : chosen
  const mac = management === LINE && chosen !== undefined ? macOf(chosen) : undefined
  const wire = ['[Link]', SEEING, ...(mac === undefined ? [] : [`MACAddress=${mac}`])]
  if (management !== undefined)
    files.set('10-picket-management.network', text([...match(management), ...(management === LINE ? wire : []), ...ASKING])) // biome-ignore format: one line
  if (line.length > 0) files.set(`05-picket-${LINE}.netdev`, text(WIRE))
  if (line.length > 0 && management !== LINE)
    files.set(`15-picket-${LINE}.network`, text([...match(LINE), ...QUIET, SEEING, ...SILENT]))
  for (const name of line)
    files.set(`15-picket-line-${name}.network`, text([...match(name), ...QUIET, ...SILENT, `Bridge=${LINE}`])) // biome-ignore format: one line
  for (const name of capture.interfaces)
    if (name !== management && name !== LINE && !line.includes(name))
      files.set(`20-picket-capture-${name}.network`, text([...match(name), ...QUIET, 'ARP=no', ...SILENT])) // biome-ignore format: one line
  const others = ['[Match]', 'Type=ether', 'Kind=!*', ...QUIET]
  const rule = management === undefined ? ASKING : SILENT
  files.set('30-picket-others.network', text([...others, ...rule]))
  return files
}

/** The configuration lets no name through that would be more than one. */
const match = (name: string) => ['[Match]', `Name=${name}`]
const text = (lines: readonly string[]) => `${lines.join('\n')}\n`
