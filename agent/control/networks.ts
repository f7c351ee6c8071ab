/**
 * The ports of an appliance as systemd-networkd takes them: the management port asks for an address, a captured one has
 * none and says nothing, a spare one neither. While no port is for management, every port that is not captured asks: a
 * fresh box is found by the address on its own screen.
 */
import type { Config } from '../base/config.ts'

const ASKING = [
  ...['[Network]', 'DHCP=yes', 'LLDP=no', 'LinkLocalAddressing=ipv6'],
  ...['[DHCPv4]', 'UseMTU=yes', 'SendHostname=no'],
]
const SILENT = [
  ...['[Network]', 'DHCP=no', 'LinkLocalAddressing=no', 'IPv6AcceptRA=no', 'LLDP=no'],
  'ConfigureWithoutCarrier=yes',
]

/** File name → text, for /run/systemd/network. */
export function networkFiles({
  capture,
  network,
}: Pick<Config, 'capture' | 'network'>): Map<string, string> {
  // biome-ignore format: one line
  const files = new Map<string, string>()
  const { management } = network
  if (management !== undefined)
    files.set('10-picket-management.network', text([...match(management), ...ASKING]))
  for (const name of capture.interfaces)
    if (name !== management)
      files.set(`20-picket-capture-${name}.network`, text([...match(name), '[Link]', 'ARP=no', 'RequiredForOnline=no', ...SILENT])) // biome-ignore format: one line
  const others = ['[Match]', 'Type=ether', 'Kind=!*', '[Link]', 'RequiredForOnline=no']
  const rule = management === undefined ? ASKING : SILENT
  files.set('30-picket-others.network', text([...others, ...rule]))
  return files
}

/** The configuration lets no name through that would be more than one. */
const match = (name: string) => ['[Match]', `Name=${name}`]
const text = (lines: readonly string[]) => `${lines.join('\n')}\n`
