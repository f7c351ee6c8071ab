/**
 * The ports of an appliance as systemd-networkd takes them: the management port asks for an address, a captured one has
 * none and says nothing, a spare one neither. Without a management port nothing is written, and the image's own rule holds:
 * every port asks.
 */
import type { Config } from '../base/config.ts'

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
    files.set('10-picket-management.network', text([...match(management), '[Network]', 'DHCP=yes', 'LLDP=no', 'LinkLocalAddressing=ipv6', '[DHCPv4]', 'UseMTU=yes', 'SendHostname=no'])) // biome-ignore format: one line
  for (const name of capture.interfaces)
    if (name !== management)
      files.set(`20-picket-capture-${name}.network`, text([...match(name), '[Link]', 'ARP=no', 'RequiredForOnline=no', ...SILENT])) // biome-ignore format: one line
  if (management !== undefined)
    files.set('30-picket-spare.network', text(['[Match]', 'Type=ether', 'Kind=!*', '[Link]', 'RequiredForOnline=no', ...SILENT])) // biome-ignore format: one line
  return files
}

/** The configuration lets no name through that would be more than one. */
const match = (name: string) => ['[Match]', `Name=${name}`]
const text = (lines: readonly string[]) => `${lines.join('\n')}\n`
